"""The KL's three parts: their sum is exact, and each is right where it is known."""

from __future__ import annotations

import math

import pytest
import torch

from paribus.objectives.base import Batch, Draw
from paribus.objectives.beta_tc_vae import BetaTCVAE, kl_parts, stratified_log_weights
from paribus.objectives.encoding import gaussian_log_ratio
from tests.objectives import linear


def test_the_parts_add_up_to_the_ratio_of_densities() -> None:
    torch.manual_seed(0)
    means, log_variances = torch.randn(9, 4), 0.3 * torch.randn(9, 4)
    z = means + (0.5 * log_variances).exp() * torch.randn(9, 4)
    parts = kl_parts(z, means, log_variances, 1000)
    torch.testing.assert_close(sum(parts), gaussian_log_ratio(z, means, log_variances).mean())


@pytest.mark.parametrize(("batch", "dataset"), [(2, 2), (4, 50), (8, 8), (16, 3)])
def test_weights_are_those_of_the_paper(batch: int, dataset: int) -> None:
    """Rows sum to 1; with the whole data as batch every posterior counts 1 / N."""
    weights = stratified_log_weights(batch, dataset).exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(batch))
    if dataset <= batch:
        others = weights[~torch.eye(batch, dtype=torch.bool)].reshape(batch, -1)
        torch.testing.assert_close(weights.diagonal(), torch.full((batch,), 1 / batch))
        assert others.min() > 0


def test_dependence_is_measured_in_the_latents_that_depend() -> None:
    """Two latents that say the same have as much correlation as one of them has information; independent ones none."""
    generator = torch.Generator().manual_seed(0)
    n, deviation = 1500, 0.1
    first, second = torch.randn(2, n, 1, generator=generator)

    def parts(means: torch.Tensor) -> list[float]:
        log_variances = torch.full_like(means, 2 * math.log(deviation))
        z = means + deviation * torch.randn(means.shape, generator=generator)
        return [part.item() for part in kl_parts(z, means, log_variances, n)]

    capacity = 0.5 * math.log(1 + 1 / deviation**2)  # nats that a Gaussian channel carries of a standard normal
    same, independent = parts(torch.cat([first, first], 1)), parts(torch.cat([first, second], 1))
    joint = 0.5 * math.log((1 + deviation**2) ** 2 / (deviation**4 + 2 * deviation**2))  # of two Gaussians, r known
    assert same[1] == pytest.approx(joint, abs=0.15)
    assert same[0] == pytest.approx(0.5 * math.log(1 + 2 / deviation**2), abs=0.15)
    assert independent[1] == pytest.approx(0.0, abs=0.6)  # the joint's estimate is biased where draws are sparse
    assert independent[0] < 2 * capacity + 0.1
    assert abs(independent[2]) < 0.1


def test_beta_weighs_the_total_correlation_alone() -> None:
    nets = {"E": linear.ExactEncoder(), "G": linear.LinearDecoder()}
    batch = Batch(linear.images(3), None, 100, 0)

    def terms(beta: float) -> dict[str, torch.Tensor]:
        settings = BetaTCVAE(latent_dim=1, likelihood="gaussian", sigma=linear.SIGMA, beta=beta)
        return settings.phases()[0].loss(nets, batch, Draw(0))

    one, seven = terms(1.0), terms(7.0)
    torch.testing.assert_close(seven["loss"] - one["loss"], 6 * one["total_correlation"])
    torch.testing.assert_close(one["elbo"], one["reconstruction"] + one["kl"])
