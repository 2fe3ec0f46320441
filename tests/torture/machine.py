"""A machine that fails: killed processes, full and broken disks, memory that runs out, folders that vanish."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from paribus.__main__ import INTERRUPTED
from tests.torture.breaking import REMOVING, Break, Breaking, kill
from tests.torture.harness import KEPT, Ending, Outcome, Surface
from tests.torture.jobs import JOBS, WRITING, Workshop

_SLOW = {"replicate": 0.02, "tune": 0.2, "export onnx": 0.2}
"""How often jobs that take long are tried, against the others."""


class _Jobs(Surface):
    """Jobs that are disturbed and given again."""

    cases = 1500
    few = 6
    seconds = 300.0

    def prepare(self, folder: Path) -> None:
        self.shop = Workshop(folder)

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        name = draw.choices(WRITING, [_SLOW.get(name, 1.0) for name in WRITING])[0]
        known = self.shop.undisturbed(name)
        self.shop.set_up(name)
        in_worker = JOBS[name].workers and draw.random() < 0.5
        if in_worker:
            known = self.shop.undisturbed("train")  # that is what a worker does
            self.shop.set_up(name)
        return self.disturbed(draw, name, known.writes, known.seconds, in_worker)

    def disturbed(self, draw: random.Random, name: str, writes: int, seconds: float, in_worker: bool) -> Outcome:
        raise NotImplementedError


class Kills(_Jobs):
    name = "kills"
    promise = "killed at any moment, or at any write, and given again: nothing is lost, the same bytes"

    def disturbed(self, draw: random.Random, name: str, writes: int, seconds: float, in_worker: bool) -> Outcome:
        at, moment, victim = draw.randint(1, writes), draw.uniform(0.01, seconds), draw.randrange(2)
        by_write = draw.random() < 0.7
        breaking = Breaking(self.shop.place, at if by_write else 0, kill)

        def doomed() -> None:
            if not by_write:
                signal.setitimer(signal.ITIMER_REAL, moment)  # SIGALRM ends the process at once

        def worker(number: int) -> None:
            if number == victim:
                breaking.install()
                doomed()

        what = f"{name}, killed at {f'write {at}' if by_write else f'{moment:.2f} s'}" + in_worker * " in a worker"
        ended = self.shop.do(name, worker=worker) if in_worker else self.shop.do(name, breaking, first=doomed)
        if ended is not None and not (ended[0].ending is Ending.DONE or (in_worker and _says(ended[0], "killed by"))):
            return Outcome(Ending.FAULT, f"{what}\n{ended[0].what}")
        return self.shop.carried_on(name, what)


class Signals(_Jobs):
    name = "signals"
    promise = "Ctrl-C once or twice, SIGTERM, SIGHUP at any moment: no traceback; given again, the same bytes"
    cases = 500
    few = 4

    def disturbed(self, draw: random.Random, name: str, writes: int, seconds: float, in_worker: bool) -> Outcome:
        numbers = draw.choice(((signal.SIGINT,), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM,), (signal.SIGHUP,)))
        moment, between = draw.uniform(0.01, seconds), draw.uniform(0, 0.2)

        def asked() -> None:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
            process = os.getpid()
            for place, number in enumerate(numbers):
                timer = threading.Timer(moment + place * between, os.kill, (process, number))
                timer.daemon = True
                timer.start()

        def worker(number: int) -> None:
            if number == 0:
                asked()

        what = (
            f"{name}, {' and '.join(number.name for number in numbers)} at {moment:.2f} s" + in_worker * " in a worker"
        )
        ended = self.shop.do(name, worker=worker) if in_worker else self.shop.do(name, first=asked)
        said = "" if ended is None else ended[0].what
        well = ended is None or ended[0].ending in KEPT or said.split("\n")[1] == f"exit code {INTERRUPTED}"
        if not well or "Traceback" in said:
            return Outcome(Ending.FAULT, f"{what}\n{said}")
        if any("Traceback" in log.read_text() for log in self.shop.place.rglob("log.txt")):
            return Outcome(Ending.FAULT, f"{what}\na traceback in the log of a worker")
        return self.shop.carried_on(name, f"{what}\n{said}")


@dataclass(frozen=True)
class _Fault:
    """Something that the machine does.

    Attributes:
        make: The error that it is met as.
        words: One of these is in the message.
        spares: What still works.
    """

    name: str
    make: Callable[[str], BaseException]
    words: tuple[str, ...]
    spares: frozenset[str] = frozenset()

    def at(self, event: str, path: str) -> None:
        if event not in self.spares:
            raise self.make(path)


def _of_system(code: int, spares: frozenset[str] = frozenset()) -> _Fault:
    words = os.strerror(code)
    return _Fault(errno.errorcode[code], lambda path: OSError(code, words, path), (words,), spares)


_MEMORY = ("memory", "MemoryError")
_FAULTS = (
    _of_system(errno.ENOSPC, REMOVING),
    _of_system(errno.EDQUOT, REMOVING),
    _of_system(errno.EROFS),
    _of_system(errno.EIO),
    _of_system(errno.ESTALE),
    _of_system(errno.ENOENT, REMOVING),
    _Fault("no memory", lambda path: MemoryError(), _MEMORY),
    _Fault("no memory on the GPU", lambda path: torch.OutOfMemoryError("CUDA out of memory. Tried"), _MEMORY),
    _Fault("no memory for torch", lambda path: RuntimeError("DefaultCPUAllocator: can't allocate memory"), _MEMORY),
)


class Faults(_Jobs):
    name = "faults"
    promise = (
        "no space, no memory, a broken or vanished disk at any write: said, exit 1, no run failed; then the same bytes"
    )

    def disturbed(self, draw: random.Random, name: str, writes: int, seconds: float, in_worker: bool) -> Outcome:
        fault, at, lasting = draw.choice(_FAULTS), draw.randint(1, writes), draw.random() < 0.6
        what, how, words = f"{fault.name}{' from' * lasting} at write {at}", fault.at, fault.words
        bytes_left = resource.RLIM_INFINITY
        vanishing = draw.random()
        if vanishing < 0.1 and not JOBS[name].needs:
            out = self.shop.place / JOBS[name].out
            what, how, words, lasting = (
                f"{out.name} vanished at write {at}",
                _vanishing(out),
                ("o such file", "anished"),
                False,
            )
        elif vanishing > 0.85:
            bytes_left, at, words = draw.choice((0, 100, 5_000, 50_000)), 0, (os.strerror(errno.EFBIG),)
            what = f"files of {bytes_left} bytes at most"
        breaking = Breaking(self.shop.place, at, how, lasting)

        def limited() -> None:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, hard))

        def worker(number: int) -> None:
            breaking.install()
            limited()

        what = f"{name}: {what}" + in_worker * " in each worker"
        ended = self.shop.do(name, worker=worker) if in_worker else self.shop.do(name, breaking, first=limited)
        if ended is None:
            return Outcome(Ending.FAULT, f"{what}: the process died")
        if ended[0].ending is not Ending.DONE and not _says(ended[0], *words):
            return Outcome(Ending.FAULT, f"{what}\nnot said, or not exit 1: {ended[0].what}")
        if failed := [path for path in self.shop.place.rglob("done.json") if _has_failed(path)]:
            return Outcome(Ending.FAULT, f"{what}\ncounts as failed: {failed}\n{ended[0].what}")
        return self.shop.carried_on(name, f"{what}\n{ended[0].what}")


def _vanishing(folder: Path) -> Break:
    return lambda event, path: shutil.rmtree(folder, ignore_errors=True)


def _says(outcome: Outcome, *words: str) -> bool:
    """Whether a command refused with exit code 1 and one of the words."""
    said = outcome.what.split("\n", 2)
    return outcome.ending is Ending.REFUSED and said[1] == "exit code 1" and any(word in said[2] for word in words)


def _has_failed(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_text())["status"] == "failed")
    except (ValueError, KeyError):
        return False
