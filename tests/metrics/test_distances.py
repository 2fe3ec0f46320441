import math

import numpy as np
import pytest
import scipy.linalg
import torch

from paribus.base.errors import ParibusError
from paribus.metrics import distances
from paribus.metrics.distances import (
    frechet_distance,
    frechet_distance_from_statistics,
    frechet_estimate,
    gaussian_statistics,
    kernel_distance,
)
from paribus.metrics.estimates import disjoint_blocks, mean_estimate
from paribus.results.statistics import jackknife_error


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_moments(mean, covariance, n, seed=0):
    """Rows whose empirical mean and covariance (over n - 1) are exactly the given ones."""
    rows = normal(n, len(mean), seed)
    rows -= rows.mean(0)
    rows = torch.linalg.qr(rows).Q * math.sqrt(n - 1)
    return rows @ torch.linalg.cholesky(covariance).T + mean


def frechet_by_sqrtm(real, fake):
    real, fake = real.numpy(), fake.numpy()
    c1, c2 = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    root = scipy.linalg.sqrtm(c1 @ c2 + 0j)
    return np.square(real.mean(0) - fake.mean(0)).sum() + np.trace(c1) + np.trace(c2) - 2 * np.trace(root).real


def test_frechet_of_two_gaussians_with_commuting_covariances():
    d = 24
    basis = torch.linalg.qr(normal(d, d, 3)).Q
    a, b = torch.linspace(0.1, 5, d, dtype=torch.float64), torch.linspace(3, 0.2, d, dtype=torch.float64)
    mean_a, mean_b = normal(1, d, 4)[0], normal(1, d, 5)[0]
    real = with_moments(mean_a, basis @ a.diag() @ basis.T, 300, 1)
    fake = with_moments(mean_b, basis @ b.diag() @ basis.T, 200, 2)
    expected = (mean_a - mean_b).square().sum() + (a.sqrt() - b.sqrt()).square().sum()
    assert frechet_distance(real, fake) == pytest.approx(float(expected), rel=1e-8)


def test_frechet_of_two_gaussians_that_do_not_commute():
    # 2x2: Tr sqrt(M) = sqrt(Tr M + 2 sqrt(det M))
    c1 = torch.tensor([[2.0, 0.7], [0.7, 1.0]], dtype=torch.float64)
    c2 = torch.tensor([[1.0, -0.4], [-0.4, 3.0]], dtype=torch.float64)
    mean = torch.tensor([1.0, -2.0], dtype=torch.float64)
    product = c1 @ c2
    root = (product.trace() + 2 * product.det().sqrt()).sqrt()
    expected = 5 + c1.trace() + c2.trace() - 2 * root
    found = frechet_distance(with_moments(torch.zeros_like(mean), c1, 50), with_moments(mean, c2, 40, 1))
    assert found == pytest.approx(float(expected), rel=1e-8)


@pytest.mark.parametrize(("n", "m", "d"), [(400, 300, 16), (400, 30, 48), (30, 400, 48), (20, 25, 64), (2, 2, 5)])
def test_frechet_equals_the_matrix_square_root(n, m, d):
    scale = torch.linspace(0.1, 3, d, dtype=torch.float64)
    real, fake = normal(n, d) * scale, normal(m, d, 1) * 1.3 + 0.2
    # the reference loses half its digits where the product is singular
    assert frechet_distance(real, fake) == pytest.approx(
        frechet_by_sqrtm(real, fake), rel=1e-6 if min(n, m) > d else 1e-4
    )


@pytest.mark.parametrize(("n", "m"), [(40, 300), (300, 40), (40, 50)])
def test_frechet_with_fewer_rows_than_features_equals_it_in_their_common_span(n, m):
    # features of 100 dimensions that live in 20: the same distance as in those 20
    real, fake = normal(n, 20), normal(m, 20, 1) + 0.3
    basis = torch.linalg.qr(normal(100, 20, 2)).Q
    assert frechet_distance(real @ basis.T, fake @ basis.T) == pytest.approx(frechet_distance(real, fake), rel=1e-9)


def test_frechet_agrees_with_torchmetrics():
    from torchmetrics.image.fid import _compute_fid

    real, fake = normal(500, 32).float(), (normal(400, 32, 1) * 1.2 + 0.1).float()
    a, b = real.double(), fake.double()
    theirs = _compute_fid(a.mean(0), a.T.cov(), b.mean(0), b.T.cov())
    assert frechet_distance(real, fake) == pytest.approx(float(theirs), rel=1e-6)


def test_frechet_is_symmetric_and_zero_for_itself_and_knows_dead_units():
    real, fake = normal(300, 20), normal(200, 20, 1)
    assert frechet_distance(real, fake) == pytest.approx(frechet_distance(fake, real), rel=1e-10)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-10)
    dead = torch.zeros(1, 7, dtype=torch.float64)
    wide = [torch.cat([rows, dead.expand(len(rows), 7)], 1) for rows in (real, fake)]
    assert frechet_distance(*wide) == pytest.approx(frechet_distance(real, fake), rel=1e-10)
    assert frechet_distance(torch.ones(5, 3), torch.zeros(4, 3)) == 3


def test_frechet_from_cached_statistics_is_the_same():
    real, fake = normal(300, 20), normal(200, 20, 1)
    found = frechet_distance_from_statistics(gaussian_statistics(real), gaussian_statistics(fake))
    assert found == frechet_distance(real, fake)
    assert gaussian_statistics(real).covariance.allclose(real.T.cov())


def test_frechet_in_float32_features_far_from_zero_keeps_its_digits():
    real, fake = (normal(500, 16) + 1000).float(), (normal(500, 16, 1) + 1000.1).float()
    expected = frechet_by_sqrtm(real.double() - 1000, fake.double() - 1000)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-7)


def test_downdated_statistics_equal_those_computed_anew(monkeypatch):
    real, fake, seen = normal(120, 6), normal(80, 6, 1) * 1.5 + 0.4, []
    monkeypatch.setattr(distances, "jackknife_error", lambda values: seen.append(values) or 1.0)
    found = frechet_estimate(real, fake, blocks=8)
    assert found.left_out == tuple(seen[0])
    for rows, other, without in ((real, fake, seen[0]), (fake, real, seen[1])):
        for block, value in zip(disjoint_blocks(len(rows), 8), without, strict=True):
            kept = torch.ones(len(rows), dtype=torch.bool)
            kept[block] = False
            assert value == pytest.approx(frechet_distance(other, rows[kept]), rel=1e-9)


def test_the_kernel_distance_without_each_block_of_real_images():
    real, fake = normal(120, 6), normal(80, 6, 1) * 1.5 + 0.4
    found = kernel_distance(real, fake)
    for block, value in zip(disjoint_blocks(120, 20), found.left_out, strict=True):
        kept = torch.ones(120, dtype=torch.bool)
        kept[block] = False
        assert value == pytest.approx(kernel_distance(real[kept], fake).value, rel=1e-9)


def test_frechet_error_is_the_spread_over_fresh_draws():
    n, d = 400, 6
    draws = [frechet_distance(normal(n, d, 2 * s), normal(n, d, 2 * s + 1) * 1.4 + 0.5) for s in range(200)]
    errors = [frechet_estimate(normal(n, d, 2 * s), normal(n, d, 2 * s + 1) * 1.4 + 0.5).error for s in range(30)]
    print(f"seeds 0..399: spread {np.std(draws, ddof=1):.4f}, mean jackknife error {np.mean(errors):.4f}")
    assert np.mean(errors) == pytest.approx(np.std(draws, ddof=1), rel=0.25)


def kernel_by_loops(x, y):
    d = x.shape[1]

    def k(a, b):
        return (float(np.dot(a, b)) / d + 1) ** 3

    xx = sum(k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j) / (len(x) * (len(x) - 1))
    yy = sum(k(y[i], y[j]) for i in range(len(y)) for j in range(len(y)) if i != j) / (len(y) * (len(y) - 1))
    return xx + yy - 2 * sum(k(a, b) for a in x for b in y) / (len(x) * len(y))


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 7), (45, 61)])
def test_kernel_distance_equals_a_double_loop(n, m):
    real, fake = normal(n, 7), normal(m, 7, 1) + 0.3
    assert kernel_distance(real, fake).value == pytest.approx(kernel_by_loops(real.numpy(), fake.numpy()), rel=1e-10)


def test_kernel_distance_is_the_expectation_of_torchmetrics_subsets():
    from torchmetrics.image.kid import poly_mmd

    real, fake = normal(400, 16), normal(400, 16, 1) * 1.2 + 0.3
    ours = kernel_distance(real, fake).value
    assert ours == pytest.approx(float(poly_mmd(real, fake)), rel=1e-9)  # all rows as one subset
    seeded = torch.Generator().manual_seed(0)
    subsets = [[rows[torch.randperm(400, generator=seeded)[:50]] for rows in (real, fake)] for _ in range(500)]
    theirs = [float(poly_mmd(*pair)) for pair in subsets]
    print(f"{ours:.5f} beside {np.mean(theirs):.5f} ± {np.std(theirs) / 500**0.5:.5f}")
    assert abs(np.mean(theirs) - ours) < 3 * np.std(theirs) / 500**0.5 < 0.1 * ours


def test_kernel_distance_does_not_depend_on_blocks():
    real, fake = normal(101, 5), normal(77, 5, 1)
    values = {blocks: kernel_distance(real, fake, blocks).value for blocks in (1, 7, 20, 50)}
    assert all(value == pytest.approx(values[20], rel=1e-9) for value in values.values())


def test_kernel_distance_leaves_out_blocks_as_if_computed_anew(monkeypatch):
    real, fake, seen = normal(50, 4), normal(33, 4, 1) + 0.2, []
    monkeypatch.setattr(distances, "jackknife_error", lambda values: seen.append(values) or 1.0)
    kernel_distance(real, fake, blocks=10)
    kept = torch.ones(33, dtype=torch.bool)
    kept[disjoint_blocks(33, 10)[3]] = False
    assert seen[1][3] == pytest.approx(kernel_by_loops(real.numpy(), fake[kept].numpy()), rel=1e-9)


def test_kernel_distance_is_unbiased_and_its_error_honest():
    n, d, seeds = 60, 4, 400
    null = [kernel_distance(normal(n, d, 2 * s), normal(n, d, 2 * s + 1)) for s in range(seeds)]
    same = [score.value for score in null]
    other = [kernel_distance(normal(n, d, 2 * s), normal(n, d, 2 * s + 1) + 0.5) for s in range(seeds)]
    few = np.mean([kernel_distance(normal(10, d, 2 * s), normal(10, d, 2 * s + 1) + 0.5).value for s in range(1500)])
    spread = np.std([score.value for score in other], ddof=1)
    mean, error = np.mean([s.value for s in other]), np.mean([score.error for score in other])
    print(
        f"seeds 0..{2 * seeds}: null mean {np.mean(same):.5f} ± {np.std(same) / seeds**0.5:.5f}; "
        f"spread {spread:.4f}, mean jackknife error {error:.4f}; n=60 mean {mean:.4f}, n=10 mean {few:.4f}"
    )
    assert abs(np.mean(same)) < 4 * np.std(same) / seeds**0.5
    assert few == pytest.approx(mean, rel=0.15)
    assert error == pytest.approx(spread, rel=0.2)
    assert np.std(same) < np.mean([score.error for score in null]) < 2 * np.std(same)


def test_small_sets_have_a_value_and_no_error():
    score = kernel_distance(normal(2, 3), normal(2, 3, 1))
    assert math.isfinite(score.value)
    assert math.isnan(score.error)
    assert math.isnan(frechet_estimate(normal(3, 3), normal(3, 3, 1)).error)
    assert math.isfinite(frechet_estimate(normal(4, 3), normal(5, 3, 1)).error)


def test_jackknife_error_of_a_mean_is_its_standard_error():
    values = normal(1000, 1)[:, 0]
    one_by_one = jackknife_error([float((values.sum() - value) / 999) for value in values])
    assert one_by_one == pytest.approx(float(values.std()) / 1000**0.5, rel=1e-9)
    assert mean_estimate(values).error == pytest.approx(float(values.std()) / 1000**0.5, rel=1e-12)
    by_blocks = []
    for seed in range(200):
        values = normal(1000, 1, seed)[:, 0]
        blocks = disjoint_blocks(1000)
        by_blocks.append(jackknife_error([float(values.sum() - values[b].sum()) / (1000 - len(b)) for b in blocks]))
    assert np.mean(np.square(by_blocks)) == pytest.approx(1 / 1000, rel=0.1)


def test_blocks_are_disjoint_complete_and_not_aligned_with_classes():
    blocks = disjoint_blocks(1003)
    assert len(blocks) == 20
    assert torch.cat(blocks).sort().values.equal(torch.arange(1003))
    for block in blocks:
        assert len((block % 10).unique()) >= 8  # samples cycle through 10 classes
        assert len((block // 101).unique()) >= 8  # a split sorted by class


@pytest.mark.parametrize(
    ("real", "fake", "words"),
    [
        (torch.zeros(1, 3), torch.zeros(5, 3), "shape"),
        (torch.zeros(5), torch.zeros(5, 3), "shape"),
        (torch.zeros(5, 3), torch.zeros(5, 4), "3 and 4"),
        (torch.zeros(5, 3), torch.full((5, 3), torch.nan), "5 of 5 rows"),
    ],
)
def test_wrong_features_are_named(real, fake, words):
    for distance in (frechet_distance, kernel_distance, frechet_estimate):
        with pytest.raises(ParibusError, match=words):
            distance(real, fake)
