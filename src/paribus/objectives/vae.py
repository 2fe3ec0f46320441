"""Variational autoencoders (arXiv:1312.6114), with beta (beta-VAE), KL warm-up and free bits."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.objectives.base import Batch, Draw, Nets, Phase, whole_mean
from paribus.objectives.encoding import VariationalObjective, gaussian_kl_nats, posterior, posterior_samples, repeated


@objectives.register("vae")
class VAE(VariationalObjective):
    """E gives a Gaussian posterior over z, G decodes a draw from it.

    Minimises E_q(z|x)[-log p(x|z)] + beta * w * sum_j max(KL_j, free_nats), with w rising from 0 to 1 over the first
    `kl_warmup_images` images. Everything is summed over pixels and latent dimensions and averaged over the batch; KL_j
    is the batch's mean KL of latent dimension j (free bits as in arXiv:1606.04934). Logged beside the loss, at beta 1
    and without free bits: reconstruction, kl, and elbo = reconstruction + kl (the negative bound, in nats an image);
    where beta is not 1 also beta_normalised = beta * latent_dim / pixels (arXiv:1804.03599's scale).
    `combination: product` is chaturvedula-2023's "product of reconstruction and KL" taken at its word; it is least
    at KL = 0, where every image is drawn without z.
    """

    beta: float = Field(1.0, ge=0, le=1e12)
    """Weight of the KL term."""
    kl_warmup_images: float = Field(0.0, ge=0, le=1e30)
    """Images over which the KL's weight rises linearly to beta."""
    free_nats: float = Field(0.0, ge=0, le=1e12)
    """Nats that each latent dimension may hold at no cost."""
    posterior_samples: int = Field(1, ge=1, le=100_000)
    """Draws of z for each training image."""
    combination: Literal["sum", "product"] = "sum"
    """How reconstruction and KL become one number: their sum is the bound, their product is a published slip."""

    @property
    @override
    def couples_batch(self) -> bool:
        return super().couples_batch or self.combination == "product" or self.free_nats > 0

    @override
    def phases(self) -> tuple[Phase, ...]:
        return (Phase("VAE", ("E", "G"), self._loss),)

    def _loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        count = self.posterior_samples
        means, log_variances = posterior(nets["E"], batch.images, batch.labels)
        z = posterior_samples(means, log_variances, draw, count).flatten(0, 1)
        labels = None if batch.labels is None else repeated(batch.labels, count)
        reconstruction = self.reconstruction_nats(nets, repeated(batch.images, count), z, labels).mean()
        kl_per_dimension = gaussian_kl_nats(means, log_variances).mean(0)
        if self.couples_batch:
            reconstruction, kl_per_dimension = whole_mean(reconstruction), whole_mean(kl_per_dimension)
        kl = kl_per_dimension.sum()
        warmup = min(1.0, batch.images_seen / self.kl_warmup_images) if self.kl_warmup_images else 1.0
        penalised = kl_per_dimension.clamp(min=self.free_nats).sum() if self.free_nats else kl
        weighted = self.beta * warmup * penalised
        terms = {
            "loss": reconstruction + weighted if self.combination == "sum" else reconstruction * weighted,
            "reconstruction": reconstruction,
            "kl": kl,
            "elbo": reconstruction + kl,
        }
        if self.beta != 1:
            pixels = batch.images[0].numel()
            terms["beta_normalised"] = torch.full((), self.beta * self.latent_dim / pixels, device=kl.device)
        return terms | self.deviation(nets)
