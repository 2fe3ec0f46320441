"""Truncated draws against the known moments of a truncated normal distribution."""

from __future__ import annotations

import math

import pytest
import torch

from paribus.latent.truncation import truncated_normal


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("bound", [0.1, 0.5, 1.0, 2.0, math.inf])
def test_moments(bound: float) -> None:
    z = truncated_normal(100_000, 2, bound, seeded())
    assert z.dtype == torch.float32 and z.abs().max() <= bound
    density = math.exp(-(bound**2) / 2) / math.sqrt(2 * math.pi)
    inside = math.erf(bound / math.sqrt(2))
    variance = 1 - (2 * bound * density / inside if math.isfinite(bound) else 0.0)
    assert float(z.mean()) == pytest.approx(0, abs=5 * math.sqrt(variance / 200_000))
    assert float(z.double().square().mean()) == pytest.approx(variance, rel=0.02)


def test_one_seed_gives_the_same_places_for_every_bound() -> None:
    narrow, wide = (truncated_normal(50, 3, bound, seeded(7)) for bound in (0.5, 2.0))
    assert torch.equal(narrow.flatten().argsort(), wide.flatten().argsort())
    assert torch.equal(wide, truncated_normal(50, 3, 2.0, seeded(7)))
