import math

import numpy as np
import pytest
import torch

from paribus.metrics.distances import frechet_distance, frechet_estimate, frechet_infinity, subset_sizes


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def standard(n, d, seed=0):
    """Rows whose empirical moments are exactly those of the standard normal distribution."""
    rows = normal(n, d, seed)
    return torch.linalg.qr(rows - rows.mean(0)).Q * math.sqrt(n - 1)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1.3, 0.2), (0.8, 0.0)])
def test_the_bias_in_n_is_gone(scale, shift):
    # against a reference without error the true distance is known: d ((scale - 1)² + shift²)
    n, d, seeds = 1600, 20, 40
    real, true = standard(n, d, 10**6), d * ((scale - 1) ** 2 + shift**2)
    fakes = [normal(n, d, seed) * scale + shift for seed in range(seeds)]
    plain = np.mean([frechet_distance(real, fake) for fake in fakes]) - true
    values = np.array([frechet_infinity(real, fake).value for fake in fakes])
    own = values.std(ddof=1) / seeds**0.5
    print(
        f"seeds 0..{seeds - 1}: true {true:.3f}, bias {plain:.4f}, extrapolated {values.mean() - true:.4f} ± {own:.4f}"
    )
    assert abs(values.mean() - true) < plain / 5 + 3 * own
    assert own < plain / 4


def test_the_error_is_the_spread_over_fresh_draws_and_the_regressions_own_is_not():
    n, d, seeds = 500, 8, 120
    draws = [(normal(n, d, 2 * s), normal(n, d, 2 * s + 1) * 1.4 + 0.3) for s in range(seeds)]
    found = [frechet_infinity(*pair) for pair in draws]
    spread, error = np.std([score.value for score in found], ddof=1), np.mean([score.error for score in found])
    residual = np.mean([regression_error(*pair) for pair in draws[:20]])
    print(f"seeds 0..{2 * seeds - 1}: spread {spread:.4f}, jackknife {error:.4f}, regression {residual:.4f}")
    assert error == pytest.approx(spread, rel=0.2)
    assert residual < spread / 3


def regression_error(real, fake):
    from paribus.metrics.distances import _mean_distance, gaussian_statistics

    counts = subset_sizes(len(fake), fake.shape[1])
    y = np.array([_mean_distance(gaussian_statistics(real), fake, n) for n in counts])
    columns = np.stack([np.ones(len(counts)), 1 / np.array(counts)], 1)
    residuals = y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
    return math.sqrt(residuals @ residuals / (len(counts) - 2) * np.linalg.inv(columns.T @ columns)[0, 0])


def test_the_error_is_on_the_safe_side_for_equal_distributions():
    n, d, seeds = 500, 8, 100
    found = [frechet_infinity(normal(n, d, 2 * s), normal(n, d, 2 * s + 1)) for s in range(seeds)]
    spread, error = np.std([score.value for score in found], ddof=1), np.mean([score.error for score in found])
    print(f"seeds 0..{2 * seeds - 1}: spread {spread:.5f}, jackknife error {error:.5f}")
    assert 0.8 * spread < error < 3 * spread


def test_sizes_are_evenly_spaced_in_their_inverse():
    assert subset_sizes(10_000, 128) == [10_000 // k for k in range(1, 11)]
    few = subset_sizes(600, 64)  # 4 a feature are 256
    assert len(few) == 10 and few[0] == 600 and few[-1] == 256
    assert np.diff(1 / np.array(few)) == pytest.approx((1 / 256 - 1 / 600) / 9, rel=0.05)
    assert subset_sizes(200, 64)[-1] == 100


def test_the_same_features_give_the_same_value():
    real, fake = normal(300, 8), normal(300, 8, 1)
    assert frechet_infinity(real, fake) == frechet_infinity(real, fake.clone())
    assert frechet_infinity(real, fake).error == frechet_estimate(real, fake).error
