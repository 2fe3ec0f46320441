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


def test_encoding_is_the_same_for_an_image_wherever_it_stands() -> None:
    settings = AVB(latent_dim=1, noise_dim=1)
    nets = {"E": NoisyEncoder()}
    whole = settings.encode(nets, linear.images(), None)
    torch.testing.assert_close(settings.encode(nets, linear.images()[3:5], None), whole[3:5])
    assert (whole - true_mean(linear.images())).abs().max() < DEVIATION
