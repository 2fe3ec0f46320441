"""What the machine offers: device, precision, threads, memory."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import torch

from paribus.base.errors import ParibusError
from paribus.base.torch_internals import processor_has_bf16
from paribus.base.version import __version__


def choose_device(name: str) -> torch.device:
    """The device for `training.device`.

    Raises:
        ParibusError: The device is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device("cuda" if available["cuda"] else "cpu")
    if not available[name]:
        raise ParibusError(
            f"There is no {name} device here.",
            where="training.device",
            got=name,
            expected=", ".join(device for device, there in available.items() if there),
            fix="leave training.device at auto",
        )
    return torch.device(name)


def has_native_bf16(device: torch.device) -> bool:
    """Whether bf16 arithmetic runs in hardware, so that it is faster than fp32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and processor_has_bf16()


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """bf16 where `training.precision` and the device ask for it; None for plain fp32."""
    if precision == "bf16" or (precision == "auto" and has_native_bf16(device)):
        return torch.bfloat16
    return None


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory_bytes(device: torch.device) -> int:
    """Largest memory of this process so far: on the GPU for a GPU, resident otherwise."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    if status.is_file():  # Linux's getrusage counts what the starting process had before this one was loaded
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):  # some kernels in containers leave it out
                return int(line.split()[1]) * 1024
    if os.name == "nt":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def machine() -> dict[str, Any]:
    """Processor, cores, versions: what a reader needs to judge a time."""
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "cpu": _processor(),
        "cores": usable_cores(),
        "gpu": gpu,
        "native_bf16": has_native_bf16(choose_device("auto")),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "paribus": __version__,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"
