"""A part of `make torture`: a few cases of each surface."""

from __future__ import annotations

import os
import random
import shlex
import time
from pathlib import Path

import pytest

from tests.torture.harness import Ending, Outcome, Surface, command, tried
from tests.torture.surfaces import SURFACES

SEED = 1


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_a_part_of_the_torture(surface: Surface) -> None:
    counts = tried(surface, range(surface.few), SEED)
    assert not counts.broken, "\n".join(
        f"python -m tests.torture {shlex.quote(surface.name)} --seed {SEED} --case {case}: {outcome.ending}\n"
        f"{outcome.what}"
        for case, outcome in counts.broken
    )


class Bad(Surface):
    """Breaks a promise of another kind in each of its cases, which it counts in a file: processes are lost."""

    name, promise, seconds = "bad", "none", 5.0

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        count = folder.parent / "count"
        case = len(count.read_bytes()) if count.exists() else 0
        count.write_bytes(b"." * (case + 1))
        match case:
            case 0:
                return command("list", "data")
            case 1:
                return command("train", "no-such-model")
            case 2:
                raise KeyError("unforeseen")
            case 3:
                raise MemoryError
            case 4:
                os._exit(3)
        time.sleep(60)
        return Outcome(Ending.DONE)


@pytest.mark.processes
@pytest.mark.slow
def test_the_harness_finds_each_kind_of_broken_promise() -> None:
    counts = tried(Bad(), range(6), SEED)
    wanted = [Ending.DONE, Ending.REFUSED, Ending.FAULT, Ending.MEMORY, Ending.FAULT, Ending.HANG]
    assert [counts.endings[ending] for ending in Ending] == [wanted.count(ending) for ending in Ending]
    assert [case for case, _ in counts.broken] == [2, 3, 4, 5]
    assert "KeyError" in counts.broken[0][1].what and "died (3)" in counts.broken[2][1].what
