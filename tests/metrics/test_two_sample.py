from __future__ import annotations

import pytest
import torch

from paribus.metrics.two_sample import two_sample_accuracy


def rows(n: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, 8, generator=torch.Generator().manual_seed(seed)) * scale + shift


def test_two_draws_of_one_distribution_are_told_apart_by_chance_alone() -> None:
    found = [two_sample_accuracy(rows(400, seed), rows(400, seed + 100)) for seed in range(5)]
    assert all(abs(each.value - 0.5) < 3 * each.error for each in found)
    assert sum(each.value for each in found) / 5 == pytest.approx(0.5, abs=0.03)


def test_distributions_far_apart_are_told_apart_always_and_the_error_is_not_0() -> None:
    found = two_sample_accuracy(rows(200, 0), rows(200, 1, shift=5))
    assert found.value == 1
    assert 0 < found.error < 0.02


def test_the_bayes_classifier_of_two_gaussians_is_reached() -> None:
    # means 2 apart in one of 8 directions: the best accuracy is Phi(1) = 0.841
    shifted = rows(4000, 1)
    shifted[:, 0] += 2
    assert two_sample_accuracy(rows(4000, 0), shifted).value == pytest.approx(0.841, abs=0.015)


def test_one_grey_image_at_the_mean_of_the_data_is_told_apart() -> None:
    # no linear classifier could, and the nearest neighbours of real images are the grey ones
    assert two_sample_accuracy(rows(400, 0), rows(400, 1, scale=0.01)).value > 0.95


def test_the_same_rows_give_the_same_number_and_leave_other_draws_alone() -> None:
    torch.manual_seed(1)
    before = torch.rand(1)
    torch.manual_seed(1)
    first = two_sample_accuracy(rows(100, 0), rows(100, 1))
    assert torch.rand(1) == before
    assert first == two_sample_accuracy(rows(100, 0), rows(100, 1))
