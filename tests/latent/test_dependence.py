"""Correlation and total correlation of Gaussians with known covariance."""

from __future__ import annotations

import math

import pytest
import torch

from paribus.latent.dependence import (
    correlation_matrix,
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
