"""A part of `make torture`: a few cases of each surface."""

from __future__ import annotations

import pytest

from tests.torture.harness import Surface, tried
from tests.torture.surfaces import SURFACES

SEED = 1


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_a_part_of_the_torture(surface: Surface) -> None:
    counts = tried(surface, range(surface.few), SEED)
    assert not counts.broken, "\n".join(
        f"python -m tests.torture {surface.name} --seed {SEED} --case {case}: {outcome.ending}\n{outcome.what}"
        for case, outcome in counts.broken
    )
