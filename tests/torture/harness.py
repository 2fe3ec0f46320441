"""What tries the program hard: a surface makes case k out of a seed, and this runs it where it may hang, die, or take
all memory, and counts how each ended. `python -m tests.torture` runs all of it, `test_torture.py` a part.
"""

from __future__ import annotations

import contextlib
import enum
import io
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar

from paribus.base.errors import ParibusError
from tests.forks import FORKS

UNKNOWN = 70
"""Exit code of the command line for what it did not foresee (EX_SOFTWARE of sysexits.h)."""
MORE_MEMORY = 1 << 30
"""Bytes that one case may take beyond what the process had."""


class Ending(enum.StrEnum):
    """How a case ended; the last three break a promise."""

    DONE = "done"
    REFUSED = "refused"
    FAULT = "faults"
    HANG = "hangs"
    MEMORY = "memory"


KEPT = frozenset({Ending.DONE, Ending.REFUSED})


@dataclass(frozen=True)
class Outcome:
    """How a case ended, and what is to be read about it."""

    ending: Ending
    what: str = ""


class Surface(ABC):
    """A place where something may be fed, killed or damaged.

    Attributes:
        promise: What holds in every case, in a sentence.
        cases: How many `make torture` tries.
        few: How many the tests of CI try.
        seconds: After which a case counts as hanging.
    """

    name: ClassVar[str]
    promise: ClassVar[str]
    cases: ClassVar[int] = 10_000
    few: ClassVar[int] = 50
    seconds: ClassVar[float] = 20.0

    def prepare(self, folder: Path) -> None:  # noqa: B027
        """Makes what the cases of one process work on, in its own folder, which is the current one."""

    @abstractmethod
    def run(self, draw: random.Random, folder: Path) -> Outcome:
        """Makes a case and tries it. A ParibusError is a refusal, any other exception a fault."""


@dataclass
class Counts:
    """How the cases of a surface ended."""

    surface: Surface
    endings: Counter[Ending] = field(default_factory=Counter)
    broken: list[tuple[int, Outcome]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, case: int, outcome: Outcome) -> None:
        self.endings[outcome.ending] += 1
        if outcome.ending not in KEPT:
            self.broken.append((case, outcome))


def tried(surface: Surface, cases: range, seed: int) -> Counts:
    """Tries the cases, one after the other, in processes of their own."""
    counts, began = Counts(surface), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-") as base:
        while waiting := cases[counts.endings.total() :]:
            folder = Path(base) / str(waiting.start)
            folder.mkdir()
            for case, outcome in _until_lost(surface, waiting, seed, folder):
                counts.add(case, outcome)
    counts.seconds = time.monotonic() - began
    return counts


def _until_lost(surface: Surface, cases: range, seed: int, folder: Path) -> Iterator[tuple[int, Outcome]]:
    """Outcomes of cases, until one takes the process with it."""
    here, there = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_work, args=(surface, cases, seed, folder, there))
    process.start()
    there.close()
    try:
        here.recv()  # prepared; a surface that cannot prepare is a fault of the harness
        for case in cases:
            if not here.poll(surface.seconds):
                yield case, Outcome(Ending.HANG, f"no end within {surface.seconds:.0f} s")
                return
            try:
                outcome = here.recv()
            except EOFError:
                process.join()
                yield case, Outcome(Ending.FAULT, f"the process died ({process.exitcode})")
                return
            yield case, outcome
    finally:
        process.kill()
        process.join()


def _work(surface: Surface, cases: range, seed: int, folder: Path, to: Connection) -> None:
    os.chdir(folder)
    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    os.environ["PARIBUS_CACHE"] = str(folder / "cache")
    os.environ.pop("PARIBUS_DATA", None)
    surface.prepare(folder)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_kibibytes("VmSize") * 1024 + 4 * MORE_MEMORY, hard))
    to.send(None)
    for case in cases:
        to.send(outcome_of(surface, case, seed, folder))


def outcome_of(surface: Surface, case: int, seed: int, folder: Path) -> Outcome:
    """Makes one case and tries it in this process."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _kibibytes("VmRSS")
    try:
        outcome = surface.run(random.Random(f"{seed}:{surface.name}:{case}"), folder)
    except ParibusError as error:
        outcome = Outcome(Ending.REFUSED, str(error))
    except MemoryError:
        outcome = Outcome(Ending.MEMORY, traceback.format_exc())
    except Exception:
        outcome = Outcome(Ending.FAULT, traceback.format_exc())
    more = (_kibibytes("VmHWM") - before) * 1024
    if more > MORE_MEMORY and outcome.ending in KEPT:
        return Outcome(Ending.MEMORY, f"took {more >> 20} MiB: {outcome.what}")
    return outcome


def _kibibytes(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1])


def command(*arguments: str) -> Outcome:
    """`paribus ARGUMENTS` in this process: done, or refused with one message that says how to go on.

    Whatever else is printed or raised is a fault: a traceback, the message for what was not foreseen, an exit without a
    word.
    """
    from paribus.__main__ import main

    said, errors, code = io.StringIO(), io.StringIO(), 0
    before, sys.argv = sys.argv, ["paribus", *arguments]
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv = before
    text = f"paribus {' '.join(map(ascii, arguments))}\nexit code {code}\n{errors.getvalue()}{said.getvalue()}"
    if code == UNKNOWN or "Traceback" in errors.getvalue() or (code not in (0, 1, 2)):
        return Outcome(Ending.FAULT, text)
    if code and not errors.getvalue().strip():
        return Outcome(Ending.FAULT, text + "no message")
    return Outcome(Ending.REFUSED if code else Ending.DONE, text)
