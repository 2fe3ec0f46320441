"""Importance-weighted autoencoders (arXiv:1509.00519)."""

from __future__ import annotations

import math

from pydantic import Field
from torch import Tensor
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.objectives.base import Batch, Draw, Nets, Phase
from paribus.objectives.encoding import (
    VariationalObjective,
    gaussian_kl_nats,
    gaussian_log_ratio,
    posterior,
    posterior_samples,
    repeated,
)


@objectives.register("iwae")
class IWAE(VariationalObjective):
    """A VAE with a tighter bound: the logarithm of an average over K draws.

    Minimises -log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x), averaged over the batch, with z_k from q(z|x); plain
    gradients for E and G alike. Each image is encoded once. With K = 1 it is the VAE with its KL estimated by the draw.
    Logged beside the loss, for comparison with a VAE: reconstruction (mean over draws), kl, and elbo, their sum.
    """

    samples: int = Field(10, ge=1, le=100_000)
    """K, draws of z for each image."""

    @override
    def phases(self) -> tuple[Phase, ...]:
        return (Phase("IWAE", ("E", "G"), self._loss),)

    def _loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        means, log_variances = posterior(nets["E"], batch.images, batch.labels)
        z = posterior_samples(means, log_variances, draw, self.samples)  # (N, K, Z)
        labels = None if batch.labels is None else repeated(batch.labels, self.samples)
        images = repeated(batch.images, self.samples)
        nats = self.reconstruction_nats(nets, images, z.flatten(0, 1), labels).view(len(batch), self.samples)
        log_weights = -nats - gaussian_log_ratio(z, means[:, None], log_variances[:, None])
        bound = log_weights.logsumexp(1) - math.log(self.samples)
        reconstruction, kl = nats.mean(), gaussian_kl_nats(means, log_variances).sum(1).mean()
        terms = {"loss": -bound.mean(), "reconstruction": reconstruction, "kl": kl, "elbo": reconstruction + kl}
        return terms | self.deviation(nets)
