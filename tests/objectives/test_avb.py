"""Adversarial variational Bayes with the critic that the theory calls optimal."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from paribus.objectives.avb import AVB
from paribus.objectives.base import Batch, Draw
from tests.objectives import linear

DEVIATION = 1 / math.sqrt(linear.PRECISION)


def true_mean(images: Tensor) -> Tensor:
    return images.flatten(1) * linear.W / linear.SIGMA**2 / linear.PRECISION


class NoisyEncoder(nn.Module):
    """Draws from the true posterior, by way of noise."""

    def forward(self, images: Tensor, labels: Tensor | None, noise: Tensor) -> Tensor:
        return true_mean(images) + DEVIATION * noise[:, :1]


class OptimalCritic(nn.Module):
    """Log q(z|x) - log p(z)."""

    def forward(self, images: Tensor, labels: Tensor | None, z: Tensor) -> Tensor:
        q = torch.distributions.Normal(true_mean(images), DEVIATION)
        return q.log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z)


class Blind(nn.Module):
    def forward(self, images: Tensor, labels: Tensor | None, z: Tensor) -> Tensor:
        return torch.zeros(len(z), 1)


def estimate(settings: AVB, critic: nn.Module) -> float:
    nets = {"E": NoisyEncoder(), "G": linear.LinearDecoder(), "T": critic}
    return settings.phases()[1].loss(nets, Batch(linear.images(3000), None, 7, 0), Draw(0))["elbo"].item()


def test_with_the_optimal_critic_the_estimate_is_the_likelihood() -> None:
    settings = AVB(latent_dim=1, likelihood="gaussian", sigma=linear.SIGMA, adaptive_contrast=False, noise_dim=1)
    assert estimate(settings, OptimalCritic()) == pytest.approx(linear.marginal_nats().mean().item(), abs=5e-3)


def test_with_adaptive_contrast_a_gaussian_posterior_leaves_nothing_to_the_critic() -> None:
    """(z - m) / s is standard normal then, whatever x: the best critic says 0 and the known part is the whole KL."""
    settings = AVB(latent_dim=1, likelihood="gaussian", sigma=linear.SIGMA, noise_dim=1, moment_draws=400)
    assert estimate(settings, Blind()) == pytest.approx(linear.marginal_nats().mean().item(), abs=0.01)


class StudentCritic(nn.Module):
    """The best critic of moments from so many draws: log of Student's t against the normal density."""

    def __init__(self, draws: int) -> None:
        super().__init__()
        self.of_posterior = torch.distributions.StudentT(draws - 1, scale=math.sqrt(1 + 1 / draws))

    def forward(self, images: Tensor, labels: Tensor | None, z: Tensor) -> Tensor:
        return self.of_posterior.log_prob(z) - torch.distributions.Normal(0.0, 1.0).log_prob(z)


@pytest.mark.parametrize(("draws", "lacking"), [(4, 0.1078), (8, 0.0407), (32, 0.0164)])
def test_what_the_measured_kl_lacks_with_the_best_critic(draws: int, lacking: float) -> None:
    """Expected by quadrature: E[log t(w)] - E[log s] + H(q), moments of `draws` in training and 64 in measuring."""
    settings = AVB(latent_dim=1, likelihood="gaussian", sigma=linear.SIGMA, noise_dim=1, moment_draws=draws)
    nets = {"E": NoisyEncoder(), "G": linear.LinearDecoder(), "T": StudentCritic(draws)}
    images = linear.images(20_000)
    found = settings.likelihood_terms(nets, images, None, Draw(0))["kl_nats"].mean().item()
    q = torch.distributions.Normal(true_mean(images), DEVIATION)
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).mean().item()
    assert kl - found == pytest.approx(lacking, abs=0.015)


def test_encoding_is_the_same_for_an_image_wherever_it_stands() -> None:
    settings = AVB(latent_dim=1, noise_dim=1)
    nets = {"E": NoisyEncoder()}
    whole = settings.encode(nets, linear.images(), None)
    torch.testing.assert_close(settings.encode(nets, linear.images()[3:5], None), whole[3:5])
    assert (whole - true_mean(linear.images())).abs().max() < DEVIATION
