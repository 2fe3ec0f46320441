import math

import numpy as np
import pytest
import scipy.stats
import torch

from paribus.base.errors import ParibusError
from paribus.metrics import transport
from paribus.metrics.distances import frechet_distance
from paribus.metrics.transport import monge_inception_distance, sliced_wasserstein


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("n", "m"), [(50, 50), (50, 70), (7, 3), (12, 4), (1, 5)])
def test_one_dimension_equals_the_transport_of_points(n, m):
    # W2² by brute force: every point as many copies as the other set has points, then sorted pairs
    x, y = normal(n, 1), normal(m, 1, 1) * 2 + 0.5
    pairs = [np.sort(np.repeat(rows.numpy()[:, 0], times)) for rows, times in ((x, m), (y, n))]
    expected = np.square(pairs[0] - pairs[1]).mean()
    assert sliced_wasserstein(x, y, directions=5) == pytest.approx(expected, rel=1e-10)


def test_shifted_and_scaled_points_agree_with_scipy():
    # for points that all move by the same distance W2 = W1, which scipy has
    x = normal(60, 1)
    expected = scipy.stats.wasserstein_distance(x[:, 0], x[:, 0] + 0.7)
    assert sliced_wasserstein(x, x + 0.7, 3) == pytest.approx(expected**2)


def test_each_direction_is_exact_by_quantiles():
    x, y = normal(40, 6), normal(90, 6, 1) + 0.3
    axes = transport._directions(6, 20).numpy()
    q = (np.arange(3600 * 4) + 0.5) / (3600 * 4)  # finer than 1/360, the common step
    expected = np.mean(
        [
            np.square(
                np.quantile(x.numpy() @ u, q, method="inverted_cdf")
                - np.quantile(y.numpy() @ u, q, method="inverted_cdf")
            ).mean()
            for u in axes
        ]
    )
    assert sliced_wasserstein(x, y, 20) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 1.0), (2.0, 0.0), (0.5, 0.6)])
def test_two_gaussians_have_a_closed_form(scale, shift):
    # SW2² of N(0, I) and N(m, s² I) is |m|²/d + (s - 1)²
    n, d = 5000, 5
    expected = shift**2 + (scale - 1) ** 2
    found = sliced_wasserstein(normal(n, d), normal(n, d, 1) * scale + shift, 4000)
    print(f"seeds 0, 1: {found:.4f} against {expected:.4f}")
    assert found == pytest.approx(expected, rel=0.06)


def test_means_alone_are_three_times_the_frechet_distance():
    # exactly so for shifted copies, up to the choice of directions
    x = normal(400, 16)
    shifted = x + 0.5
    expected = 3 * frechet_distance(x, shifted)
    assert monge_inception_distance(x, shifted).value == pytest.approx(expected, rel=0.1)
    assert monge_inception_distance(x, x.flip(0)).value == pytest.approx(0, abs=1e-20)


def test_directions_are_fixed_unit_vectors():
    axes = transport._directions(7, 30)
    assert axes.norm(dim=1).numpy() == pytest.approx(1)
    assert axes.equal(transport._directions(7, 30))
    many = transport._directions(7, 4000)
    assert (many.T @ many * 7 / 4000 - torch.eye(7)).abs().max() < 0.15  # they point everywhere alike


def test_number_at_once_does_not_matter(monkeypatch):
    x, y = normal(80, 4), normal(60, 4, 1)
    expected = monge_inception_distance(x, y)
    monkeypatch.setattr(transport, "_AT_ONCE", 7)
    assert monge_inception_distance(x, y)[:2] == pytest.approx(expected[:2], rel=1e-12)


def test_blocks_are_left_out_as_if_computed_anew(monkeypatch):
    x, y, seen = normal(50, 4), normal(33, 4, 1), []
    monkeypatch.setattr(transport, "jackknife_error", lambda values: seen.append(values) or 1.0)
    monge_inception_distance(x, y, 30)
    kept = [rows[transport._block_numbers(len(rows), 16) != 3] for rows in (x, y)]
    assert len(seen[0]) == 16
    assert seen[0][3] == pytest.approx(sliced_wasserstein(*kept, 30), rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_error_is_the_spread_over_fresh_draws(shift):
    n, d, seeds = 300, 6, 100
    found = [monge_inception_distance(normal(n, d, 2 * s), normal(n, d, 2 * s + 1) + shift, 100) for s in range(seeds)]
    spread, error = np.std([score.value for score in found], ddof=1), np.mean([score.error for score in found])
    print(f"seeds 0..{2 * seeds - 1}, shift {shift}: spread {spread:.4f}, jackknife {error:.4f}")
    assert error == pytest.approx(spread, rel=0.2) if shift else spread < error < 3 * spread


def test_small_sets():
    assert math.isnan(monge_inception_distance(normal(3, 2), normal(5, 2)).error)
    with pytest.raises(ParibusError, match="3 and 4"):
        monge_inception_distance(normal(5, 3), normal(5, 4))
