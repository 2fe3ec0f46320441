"""What the benchmarks share: the machine's measured peak, alternating rounds, and one form of result."""

from __future__ import annotations

import json
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

CHROMIUM = "/usr/bin/chromium"
"""Debian's, for what is measured in a browser."""


@dataclass(frozen=True)
class Result:
    """One comparison: medians of several alternating rounds on the same machine in the same process."""

    name: str
    ours: float
    peer: float
    ratio: float
    fraction_of_peak: float | None
    unit: str
    command: str


def alternate(ours: Callable[[], float], peer: Callable[[], float], rounds: int) -> tuple[float, float, float]:
    """Medians of both figures, and of the ratio ours / peer round by round (which drifts less than either)."""
    pairs = []
    for k in range(rounds):
        # who goes first changes, so that neither always meets the warmer machine
        pairs.append((ours(), peer()) if k % 2 == 0 else (peer(), ours())[::-1])
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def gemm_peak(dtype: torch.dtype, size: int = 2048, seconds: float = 1.0) -> float:
    """Measured FLOP/s of a large matrix product."""
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    return _best_rate(lambda: a @ b, 2 * size**3, seconds)


def convolution_peak(dtype: torch.dtype, seconds: float = 1.0) -> float:
    """Measured FLOP/s of a DCGAN convolution: 64 to 128 channels, 4x4, stride 2, channels_last, 32x32, batch 128."""
    net = torch.nn.Conv2d(64, 128, 4, 2, 1).to(dtype).to(memory_format=torch.channels_last)
    images = torch.randn(128, 64, 32, 32).to(dtype).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        return _best_rate(lambda: net(images), 2 * 128 * 16 * 16 * 128 * 64 * 16, seconds)


def _best_rate(call: Callable[[], object], operations: float, seconds: float) -> float:
    call()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return operations / best


def command() -> str:
    """The command that is running, as a user types it."""
    return shlex.join(["python", "benchmarks/" + Path(sys.argv[0]).name, *sys.argv[1:]])


def show(results: list[Result], json_file: Path | None) -> None:
    """Prints a table, and writes the same as JSON where asked."""
    for result in results:
        peak = "" if result.fraction_of_peak is None else f"   {result.fraction_of_peak:.0%} of peak"
        figures = f"{_rounded(result.ours):>12}{_rounded(result.peer):>12} {result.unit:<10}{result.ratio:5.2f}x"
        print(f"{result.name:<44}{figures}{peak}")
    if json_file is not None:
        json_file.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
