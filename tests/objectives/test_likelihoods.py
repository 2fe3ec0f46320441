"""Closed forms and torch.distributions as oracles."""

from __future__ import annotations

import math

import torch
from torch import distributions

from paribus.objectives.base import Batch, Draw
from paribus.objectives.encoding import bernoulli_nats, gaussian_kl_nats, gaussian_nats
from paribus.objectives.vae import VAE


def test_kl_against_torch_distributions() -> None:
    means, log_variances = torch.randn(5, 3), torch.randn(5, 3)
    posterior = distributions.Normal(means, (0.5 * log_variances).exp())
    expected = distributions.kl_divergence(posterior, distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(gaussian_kl_nats(means, log_variances), expected)


def test_kl_of_the_prior_is_zero() -> None:
    assert gaussian_kl_nats(torch.zeros(2, 3), torch.zeros(2, 3)).abs().max() == 0


def test_gaussian_against_torch_distributions() -> None:
    images, means = torch.rand(4, 1, 5, 5) * 2 - 1, torch.rand(4, 1, 5, 5)
    for sigma in (0.3, 1.0):
        expected = -distributions.Normal(means, sigma).log_prob(images).sum((1, 2, 3))
        torch.testing.assert_close(gaussian_nats(images, means, math.log(sigma)), expected)


def test_bernoulli_on_binary_pixels_is_a_likelihood() -> None:
    images = (torch.rand(4, 1, 5, 5) > 0.5).float()
    logits = torch.randn(4, 1, 5, 5)
    expected = -distributions.Bernoulli(logits=logits).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(bernoulli_nats(images * 2 - 1, logits), expected)


class _Fixed(torch.nn.Module):
    """Gives the same output for every row."""

    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self.output = torch.nn.Parameter(output)

    def forward(self, rows: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return self.output.expand(len(rows), *self.output.shape)


def vae_terms(settings: VAE, images_seen: int = 0) -> dict[str, torch.Tensor]:
    # a posterior that is the same for all images, and a decoder that ignores z: every term has a closed form
    posterior = torch.tensor([1.0, 0.0, 0.0, math.log(4.0)])  # means 1, 0; variances 1, 4
    nets = {"E": _Fixed(posterior), "G": _Fixed(torch.zeros(1, 2, 2))}
    batch = Batch(torch.full((6, 1, 2, 2), 0.5), None, 100, images_seen)
    return settings.phases()[0].loss(nets, batch, Draw(0))


KL = [0.5, 0.5 * (4 - math.log(4) - 1)]


def test_vae_sums_over_pixels_and_latents_and_averages_over_the_batch() -> None:
    terms = vae_terms(VAE(latent_dim=2, likelihood="gaussian", sigma=0.5))
    reconstruction = 4 * (0.5 * 0.25 / 0.25 + math.log(0.5) + 0.5 * math.log(2 * math.pi))
    torch.testing.assert_close(terms["reconstruction"].item(), reconstruction, rtol=1e-6, atol=0)
    torch.testing.assert_close(terms["kl"].item(), sum(KL), rtol=1e-6, atol=0)
    torch.testing.assert_close(terms["loss"].item(), reconstruction + sum(KL), rtol=1e-6, atol=0)


def test_beta_weighs_the_loss_and_not_the_elbo() -> None:
    terms = vae_terms(VAE(latent_dim=2, beta=4.0))
    torch.testing.assert_close(terms["loss"] - terms["reconstruction"], 4 * terms["kl"])
    torch.testing.assert_close(terms["elbo"], terms["reconstruction"] + terms["kl"])


def test_warm_up_is_linear_in_images() -> None:
    for images, weight in [(0, 0.0), (250, 0.25), (1000, 1.0), (5000, 1.0)]:
        terms = vae_terms(VAE(latent_dim=2, kl_warmup_images=1000), images)
        torch.testing.assert_close(terms["loss"] - terms["reconstruction"], weight * terms["kl"], rtol=1e-5, atol=1e-5)


def test_free_nats_are_per_dimension() -> None:
    terms = vae_terms(VAE(latent_dim=2, free_nats=0.7))
    expected = 0.7 + KL[1]  # the first dimension holds 0.5 nats: less than is free
    torch.testing.assert_close((terms["loss"] - terms["reconstruction"]).item(), expected, rtol=1e-5, atol=0)


def test_elbo_of_a_linear_gaussian_model() -> None:
    """x = w z + noise: with the exact posterior the bound is the marginal likelihood, which has a closed form."""
    w, sigma, x = 0.2, 0.3, torch.linspace(-0.6, 0.6, 7).reshape(-1, 1, 1, 1)
    precision = 1 + w**2 / sigma**2

    class Encoder(torch.nn.Module):
        def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
            mean = images.flatten(1) * w / sigma**2 / precision
            return torch.cat([mean, torch.full_like(mean, -math.log(precision))], 1)

    class Decoder(torch.nn.Module):
        def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
            return torch.atanh((w * z).clamp(-0.999999, 0.999999)).reshape(-1, 1, 1, 1)  # the objective applies tanh

    settings = VAE(latent_dim=1, likelihood="gaussian", sigma=sigma)
    n = 4000
    many = x.repeat_interleave(n, 0)
    terms = settings.likelihood_terms({"E": Encoder(), "G": Decoder()}, many, None, Draw(0))
    bound = (terms["reconstruction_nats"] + terms["kl_nats"]).reshape(7, n).mean(1)
    marginal = -distributions.Normal(0.0, math.sqrt(w**2 + sigma**2)).log_prob(x.flatten())
    torch.testing.assert_close(bound, marginal, rtol=0, atol=0.02)
