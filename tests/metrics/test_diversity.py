import math

import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.metrics.distances import diversity, pair_distances


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_pairs_share_no_row():
    rows = 2.0 ** torch.arange(9)[:, None]  # a difference of two powers of 2 tells which they are
    found = pair_distances(rows).tolist()
    assert len(found) == 4
    pairs = [(i, j) for i in range(9) for j in range(i) for f in found if 2.0**i - 2.0**j == f]
    assert len(pairs) == 4 and len({row for pair in pairs for row in pair}) == 8
    assert pair_distances(rows).tolist() == found


@pytest.mark.parametrize("d", [1, 3, 64])
def test_the_distance_of_two_normal_vectors(d):
    found = pair_distances(5 * normal(40_000, d))
    exact = 5 * 2 * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))  # sqrt(2) times the mean of chi
    error = (found.std() / len(found) ** 0.5).item()
    print(f"seed 0, d = {d}: {found.mean():.4f} ± {error:.4f} against {exact:.4f}")
    assert found.mean().item() == pytest.approx(exact, abs=4 * error)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_scaled_samples_have_that_diversity_wherever_they_are(scale):
    found = diversity(normal(8000, 8, 1), scale * normal(6000, 8, 2) + 50)
    print(f"seeds 1, 2: {found.value:.4f} ± {found.error:.4f}")
    assert found.value == pytest.approx(scale, abs=4 * found.error)
    assert found.error < 0.01 * scale


def test_the_error_is_that_of_fresh_draws():
    found = [diversity(normal(400, 4, 2 * s), normal(500, 4, 2 * s + 1)) for s in range(200)]
    spread = torch.tensor([f.value for f in found]).std().item()
    error = sum(f.error for f in found) / len(found)
    print(f"seeds 0 to 399: spread {spread:.4f}, stated {error:.4f}")
    assert error == pytest.approx(spread, rel=0.15)


def test_duplicates_lower_it():
    real, fake = normal(4000, 8, 1), normal(4000, 8, 2)
    for copies in (2, 400, 2000, 4000):
        found = diversity(real, fake[: 4000 // copies].repeat(copies, 1))
        exact = 1 - (copies - 1) / 3999  # pairs of one and the same image are at distance 0
        print(f"seeds 1, 2, {copies} copies: {found.value:.3f} ± {found.error:.3f} against {exact:.3f}")
        if copies <= 400:
            assert found.value == pytest.approx(exact, abs=0.2 if copies == 400 else 4 * found.error)
    assert found.value == 0
    assert diversity(real, fake[:2].repeat(2000, 1)).value < diversity(real, fake).value


def test_real_images_that_are_all_one_have_no_ratio():
    assert math.isnan(diversity(torch.ones(10, 3), normal(10, 3)).value)
    with pytest.raises(ParibusError, match="n of at least 2"):
        diversity(normal(10, 3), normal(1, 3))
