"""One call in a process of its own, on given cores: its seconds and the memory that it adds, whatever ran before."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch

POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Measured(NamedTuple):
    """What a call took, and what it returned."""

    seconds: float
    """Of the processor with one thread, which other programs on a busy machine do not lengthen; elapsed with more."""
    extra_bytes: int
    """Most resident memory during the call, beyond that before it."""
    peak_bytes: int
    """Most resident memory of the process during the call."""
    value: Any


def alone(prepare: Callable[[], tuple[Any, ...]], call: Callable[..., Any], threads: int) -> Measured:
    """`call(*prepare())` in a fresh process bound to `threads` cores, so that libraries with pools of their own obey.

    Both are functions of a module (or `functools.partial` of one). `prepare` is neither timed nor counted. Linux only.
    """
    before = {name: os.environ.get(name) for name in POOLS}
    os.environ.update(dict.fromkeys(POOLS, str(threads)))  # read by the libraries as they load
    try:
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(_measured, prepare, call, threads).result()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _measured(prepare: Callable[[], tuple[Any, ...]], call: Callable[..., Any], threads: int) -> Measured:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    torch.set_num_threads(threads)
    arguments = prepare()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew; ru_maxrss would hold the parent's
    clock = time.process_time if threads == 1 else time.perf_counter
    held, start = _resident("VmRSS"), clock()
    value = call(*arguments)
    seconds, peak = clock() - start, _resident("VmHWM")
    return Measured(seconds, peak - held, peak, value)


def _resident(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
