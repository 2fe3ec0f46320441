"""Adversarial variational Bayes (arXiv:1701.04722): a posterior of any shape, its KL estimated by a critic."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.config import ImageShape, Optimizer
from paribus.objectives.base import Batch, Builder, Draw, LikelihoodObjective, Nets, Phase
from paribus.objectives.encoding import PixelObjective, gaussian_log_ratio
from paribus.results.protocol import Likelihood

ENCODING_DRAWS = 8  # draws of the posterior whose mean stands for an image
MEASURING_DRAWS = 64  # draws from which an image's moments are estimated where the KL is measured


@objectives.register("avb")
class AVB(PixelObjective, LikelihoodObjective):
    """E turns an image and noise into a draw of z; T learns log q(z|x) - log p(z) by telling the two apart.

    T minimises E_q[s(-T(x, z))] + E_p[s(T(x, z))] (s = softplus), E and G minimise E_q[-log p(x|z) + T(x, z)], summed
    over pixels, averaged over the batch. With adaptive contrast (section 3.3) T compares (z - m) / s with a standard
    normal; m and s are the posterior's moments for that image, estimated from `moment_draws` draws and held fixed, and
    the KL is T + log N(z; m, s^2) - log N(z; 0, 1), whose last two terms are known.
    Logged: reconstruction, kl (the estimate) and elbo, their sum. It is an estimate, not a bound: a weak T shows too
    small a KL, and so do moments of few draws, which T does not see. For a Gaussian posterior and the best T each
    number of z lacks 0.28 nats with 4 draws in training and in measuring, 0.13 with 8, and 0.04 with 8 in training and
    64 in measuring, as `likelihood_terms` does (by quadrature of (z - m) / s, which is Student's t).
    """

    averaged: ClassVar[tuple[str, ...]] = ("E", "G", "T")
    optimizers: ClassVar[dict[str, Optimizer]] = {
        "E": Optimizer(learning_rate=5e-4, beta1=0.5),
        "G": Optimizer(learning_rate=5e-4, beta1=0.5),
        "T": Optimizer(learning_rate=1e-3, beta1=0.5),
    }

    noise_dim: int = Field(32, ge=1, le=1 << 16)
    """Length of E's noise."""
    adaptive_contrast: bool = True
    """Whether T sees z relative to the posterior's own mean and deviation."""
    moment_draws: int = Field(8, ge=2, le=100_000)
    """Draws of E from which those are estimated in training."""

    @property
    def measured_likelihood(self) -> Likelihood:
        """See `LikelihoodObjective.measured_likelihood`: a critic estimates the KL."""
        return self.pixel_likelihood.model_copy(update={"is_bound": False})

    @override
    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        return {
            "E": backbone.down(image, self.latent_dim, vector=self.noise_dim),
            "G": self.decoder(backbone, image),
            "T": backbone.down(image, 1, vector=self.latent_dim),
        }

    @override
    def phases(self) -> tuple[Phase, ...]:
        return (Phase("T", ("T",), self._critic_loss), Phase("VAE", ("E", "G"), self._autoencoder_loss))

    @override
    def encode(self, nets: Nets, images: Tensor, labels: Tensor | None) -> Tensor:
        """The mean of a few draws, with the same noise for every image."""
        noise = _encoding_noise(self.noise_dim, images.device)
        draws = [nets["E"](images, labels, row.expand(images.shape[0], -1)).float() for row in noise]
        return torch.stack(draws).mean(0)

    @override
    def likelihood_terms(self, nets: Nets, images: Tensor, labels: Tensor | None, draw: Draw) -> dict[str, Tensor]:
        z = self._draws(nets, images, labels, draw)
        seen, known = self._contrast(nets, images, labels, z, draw, max(self.moment_draws, MEASURING_DRAWS))
        return {
            "reconstruction_nats": self.reconstruction_nats(nets, images, z, labels),
            "kl_nats": nets["T"](images, labels, seen).float()[:, 0] + known,
            "posterior_means": self.encode(nets, images, labels),
        }

    def _critic_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z = self._draws(nets, batch.images, batch.labels, draw)
        seen, _ = self._contrast(nets, batch.images, batch.labels, z, draw, self.moment_draws)
        of_posterior = nets["T"](batch.images, batch.labels, seen).float()
        of_prior = nets["T"](batch.images, batch.labels, self.prior(len(batch), draw)).float()
        return {
            "loss": softplus(-of_posterior).mean() + softplus(of_prior).mean(),
            "accuracy_posterior": (of_posterior > 0).float().mean(),
            "accuracy_prior": (of_prior <= 0).float().mean(),
        }

    def _autoencoder_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z = self._draws(nets, batch.images, batch.labels, draw)
        seen, known = self._contrast(nets, batch.images, batch.labels, z, draw, self.moment_draws)
        reconstruction = self.reconstruction_nats(nets, batch.images, z, batch.labels).mean()
        kl = (nets["T"](batch.images, batch.labels, seen).float()[:, 0] + known).mean()
        terms = {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl, "elbo": reconstruction + kl}
        return terms | self.deviation(nets)

    def _draws(self, nets: Nets, images: Tensor, labels: Tensor | None, draw: Draw) -> Tensor:
        return nets["E"](images, labels, draw.normal(len(images), self.noise_dim)).float()

    def _contrast(
        self, nets: Nets, images: Tensor, labels: Tensor | None, z: Tensor, draw: Draw, count: int
    ) -> tuple[Tensor, Tensor]:
        """What T sees of z, with moments of `count` draws, and the part of the KL (N,) that is known without T."""
        if not self.adaptive_contrast:
            return z, torch.zeros_like(z[:, 0])
        with torch.no_grad():  # by the moments themselves the KL's gradient is zero on average
            draws = torch.stack([self._draws(nets, images, labels, draw) for _ in range(count)])
            means, deviations = draws.mean(0), draws.std(0).clamp_min(1e-3)
        return (z - means) / deviations, gaussian_log_ratio(z, means, 2 * deviations.log())


@cache
def _encoding_noise(length: int, device: torch.device) -> Tensor:
    # drawn once: what traces an encoder cannot follow a generator, and takes this for a constant
    with torch.inference_mode(False):
        return Draw("avb", "encode", device=device).normal(ENCODING_DRAWS, length)
