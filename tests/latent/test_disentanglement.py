"""Dependence of Gaussians with known covariance; scores of perfect codes, noise, and tables worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from paribus.latent.disentanglement import (
    beta_vae_score,
    correlation_matrix,
    mutual_information_gap,
    separated_predictability,
    shared_information,
    shuffled_total_correlation_nats,
    total_correlation_nats,
)

COVARIANCE = torch.tensor([[4.0, 1.0, 0.0], [1.0, 1.0, -0.5], [0.0, -0.5, 9.0]], dtype=torch.float64)


def exact_rows(covariance: torch.Tensor, n: int = 500) -> torch.Tensor:
    """Rows (n, d) whose sample covariance (divided by n) is exactly the given one."""
    d = len(covariance)
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows = rows - rows.mean(0)
    white = rows @ torch.linalg.inv(torch.linalg.cholesky(rows.T @ rows / n)).T
    return white @ torch.linalg.cholesky(covariance).T + 7


def test_correlations_are_covariances_over_deviations() -> None:
    deviations = COVARIANCE.diagonal().sqrt()
    expected = COVARIANCE / deviations[:, None] / deviations
    torch.testing.assert_close(correlation_matrix(exact_rows(COVARIANCE)), expected)


def test_total_correlation_of_a_gaussian() -> None:
    # sum of the entropies of the dimensions minus the entropy of all
    entropies = torch.distributions.Normal(torch.zeros(3).double(), COVARIANCE.diagonal().sqrt()).entropy().sum()
    joint = torch.distributions.MultivariateNormal(torch.zeros(3).double(), COVARIANCE).entropy()
    assert total_correlation_nats(exact_rows(COVARIANCE)) == pytest.approx(float(entropies - joint))
    pair = torch.tensor([[1.0, 0.8], [0.8, 1.0]], dtype=torch.float64)
    assert total_correlation_nats(exact_rows(pair)) == pytest.approx(-0.5 * math.log(1 - 0.64))


def test_chance_gives_what_theory_expects_of_it() -> None:
    rows = exact_rows(COVARIANCE)
    shuffled = [shuffled_total_correlation_nats(rows, seed) for seed in range(40)]
    # -1/2 log det of a sample correlation is about a chi-square of d(d-1)/2 over 2n
    assert sum(shuffled) / 40 == pytest.approx(3 / (2 * 500), rel=0.4)
    assert shuffled[0] == shuffled_total_correlation_nats(rows, 0) != shuffled[1]


def test_a_dimension_that_does_not_vary_depends_on_nothing() -> None:
    rows = torch.cat([exact_rows(COVARIANCE), torch.full((500, 1), 3.0, dtype=torch.float64)], 1)
    assert correlation_matrix(rows)[3].tolist() == [0, 0, 0, 1]
    assert total_correlation_nats(rows) == pytest.approx(total_correlation_nats(rows[:, :3]))


def test_a_copy_depends_wholly() -> None:
    rows = exact_rows(COVARIANCE)
    assert total_correlation_nats(torch.cat([rows, rows[:, :1]], 1)) > 10


FACTORS = torch.cartesian_prod(torch.arange(4), torch.arange(6), torch.arange(3), torch.arange(10))
ORDERED = torch.zeros(4, dtype=torch.bool)
CATEGORICAL = torch.tensor([False, False, True, False])
NOISE = torch.randn(len(FACTORS) * 6, 5, generator=torch.Generator().manual_seed(0))
MANY = FACTORS.repeat(6, 1)


def test_factors_themselves_are_a_perfect_code() -> None:
    code = FACTORS[:, [2, 0, 3, 1]] * torch.tensor([3.0, -1.0, 0.1, 5.0]) + 2
    assert mutual_information_gap(shared_information(code, FACTORS)) == pytest.approx(1)
    assert separated_predictability(code, FACTORS, CATEGORICAL) == pytest.approx(1)
    assert beta_vae_score(code, FACTORS) == 1


def test_noise_tells_nothing() -> None:
    assert mutual_information_gap(shared_information(NOISE, MANY)) < 0.01
    assert separated_predictability(NOISE, MANY, CATEGORICAL) < 0.02
    assert beta_vae_score(NOISE, MANY) == pytest.approx(1 / 4, abs=0.06)


def test_a_factor_told_twice_has_no_gap() -> None:
    code = torch.cat([FACTORS, FACTORS[:, :1]], 1).float()
    gap = mutual_information_gap(shared_information(code, FACTORS))
    assert gap == pytest.approx(3 / 4)
    assert separated_predictability(code, FACTORS, CATEGORICAL) == pytest.approx(3 / 4)
    assert beta_vae_score(code, FACTORS) == 1  # it does not ask for one dimension each


def test_a_turned_code_is_entangled() -> None:
    two = torch.cartesian_prod(torch.arange(10), torch.arange(10))
    turned = two.double() @ torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    assert mutual_information_gap(shared_information(turned, two)) == pytest.approx(0, abs=1e-9)
    assert separated_predictability(turned, two, ORDERED[:2]) == pytest.approx(0, abs=1e-9)


def test_information_by_hand() -> None:
    # the code tells 0 from {1, 2} of a factor with three equal values: H = ln 3, I = H(1/3)
    factor = torch.arange(3).repeat(4)[:, None]
    code = (factor > 0).float()
    expected = (math.log(3) - 2 / 3 * math.log(2)) / math.log(3)
    assert shared_information(code, factor).item() == pytest.approx(expected)
    # a second dimension, constant, tells nothing: the gap is the whole
    both = torch.cat([code, torch.ones_like(code)], 1)
    assert mutual_information_gap(shared_information(both, factor)) == pytest.approx(expected)


def test_predictability_by_hand() -> None:
    factor = torch.tensor([[0], [1], [2], [3]])
    first, second = torch.tensor([0.0, 1.0, 2.0, 4.0]), torch.tensor([1.0, -1.0, -1.0, 1.0])
    # r² = cov² / var var = 1.625² / (2.1875 * 1.25) of the first; of the second 0
    expected = 1.625**2 / (2.1875 * 1.25)
    assert separated_predictability(torch.stack([first, second], 1), factor, ORDERED[:1]) == pytest.approx(expected)
    # classes 0 0 1 1 with values 0 1 2 8: means 0.5 and 5, all but the third nearest to their own: 3/4 -> 1/2
    classes = torch.tensor([[0], [0], [1], [1]])
    values = torch.tensor([[0.0], [1.0], [2.0], [8.0]])
    assert separated_predictability(values, classes, torch.tensor([True])) == pytest.approx(0.5)


def test_the_classifier_is_scored_on_examples_that_it_has_not_seen() -> None:
    wide = torch.randn(len(FACTORS), 60, generator=torch.Generator().manual_seed(1))
    assert beta_vae_score(wide, FACTORS) < 0.4
    assert beta_vae_score(wide, FACTORS, seed=1) != beta_vae_score(wide, FACTORS, seed=2)
