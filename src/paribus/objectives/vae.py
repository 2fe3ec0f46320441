"""Variational autoencoders (arXiv:1312.6114), with beta (beta-VAE), KL warm-up and free bits."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from paribus.config import Optimizer
from paribus.objectives.base import Batch, Builder, Draw, LikelihoodObjective, Nets, Phase
from paribus.objectives.likelihoods import bernoulli_nats, gaussian_kl_nats, gaussian_nats
from paribus.registry import objectives
from paribus.settings import ImageShape


class ScaledDecoder(nn.Module):
    """A decoder with one learned deviation for all pixels."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.log_sigma = nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps z (N, latent_dim) to (N, C, H, W)."""
        return self.net(z, labels)


@objectives.register("vae")
class VAE(LikelihoodObjective):
    """E gives a Gaussian posterior over z, G decodes a draw from it.

    Minimises E_q(z|x)[-log p(x|z)] + beta * w * sum_j max(KL_j, free_nats), with w rising from 0 to 1 over the first
    `kl_warmup_images` images. Everything is summed over pixels and latent dimensions and averaged over the batch; KL_j
    is the batch's mean KL of latent dimension j (free bits as in arXiv:1606.04934). Logged beside the loss, at beta 1
    and without free bits: reconstruction, kl, and elbo = reconstruction + kl (the negative bound, in nats an image).
    beta: beta-VAE, arXiv:1804.03599. Learned deviation: arXiv:2006.13202 without its closed form.
    """

    name: ClassVar[str] = "vae"
    averaged: ClassVar[tuple[str, ...]] = ("E", "G")
    optimizers: ClassVar[dict[str, Optimizer]] = {
        "E": Optimizer(learning_rate=1e-3),
        "G": Optimizer(learning_rate=1e-3),
    }

    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    """Of the pixels given z."""
    sigma: float | Literal["learned"] = 1.0
    """The Gaussian's deviation on pixels in [-1, 1]: a number, or `learned` (one for all pixels)."""
    beta: float = Field(1.0, ge=0)
    """Weight of the KL term."""
    kl_warmup_images: float = Field(0.0, ge=0)
    """Images over which the KL's weight rises linearly to beta."""
    free_nats: float = Field(0.0, ge=0)
    """Nats that each latent dimension may hold at no cost."""

    @model_validator(mode="after")
    def _sigma_is_used(self) -> VAE:
        if self.likelihood == "bernoulli" and self.sigma != 1.0:
            raise ValueError("sigma belongs to the gaussian likelihood: set objective.likelihood=gaussian")
        if isinstance(self.sigma, float) and self.sigma <= 0:
            raise ValueError("sigma must be positive")
        return self

    @property
    def likelihood_name(self) -> str:
        """See `LikelihoodObjective.likelihood_name`."""
        if self.likelihood == "bernoulli":
            return "binary cross-entropy on grey pixels (a surrogate, not a likelihood)"
        deviation = "learned" if self.sigma == "learned" else f"{self.sigma:g}"
        return f"Gaussian density of pixels in [-1, 1], deviation {deviation}"

    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        """See `Objective.roles`."""
        decoder = backbone.up(self.latent_dim, image)
        if self.sigma == "learned":
            decoder = ScaledDecoder(decoder)
        return {"E": backbone.down(image, 2 * self.latent_dim), "G": decoder}

    def phases(self) -> tuple[Phase, ...]:
        """See `Objective.phases`."""
        return (Phase("VAE", ("E", "G"), self._loss),)

    def generate(self, nets: Nets, z: Tensor, labels: Tensor | None) -> Tensor:
        """See `Objective.generate`: the pixels' means."""
        return self._pixels(nets["G"](z, labels))

    def encode(self, nets: Nets, images: Tensor, labels: Tensor | None) -> Tensor:
        """See `EncodingObjective.encode`."""
        return self._posterior(nets, images, labels)[0]

    def likelihood_terms(self, nets: Nets, images: Tensor, labels: Tensor | None, draw: Draw) -> dict[str, Tensor]:
        """See `LikelihoodObjective.likelihood_terms`."""
        means, log_variances = self._posterior(nets, images, labels)
        z = means + (0.5 * log_variances).exp() * draw.normal(*means.shape)
        return {
            "reconstruction_nats": self._reconstruction_nats(nets, images, nets["G"](z, labels).float()),
            "kl_nats": gaussian_kl_nats(means, log_variances).sum(1),
            "posterior_means": means,
        }

    def _loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        means, log_variances = self._posterior(nets, batch.images, batch.labels)
        z = means + (0.5 * log_variances).exp() * draw.normal(*means.shape)
        reconstruction = self._reconstruction_nats(nets, batch.images, nets["G"](z, batch.labels).float()).mean()
        kl_per_dimension = gaussian_kl_nats(means, log_variances).mean(0)
        kl = kl_per_dimension.sum()
        warmup = min(1.0, batch.images_seen / self.kl_warmup_images) if self.kl_warmup_images else 1.0
        penalised = kl_per_dimension.clamp(min=self.free_nats).sum() if self.free_nats else kl
        terms = {
            "loss": reconstruction + self.beta * warmup * penalised,
            "reconstruction": reconstruction,
            "kl": kl,
            "elbo": reconstruction + kl,
        }
        if isinstance(nets["G"], ScaledDecoder):
            terms["sigma"] = nets["G"].log_sigma.exp()
        return terms

    def _posterior(self, nets: Nets, images: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        means, log_variances = nets["E"](images, labels).float().chunk(2, dim=1)
        return means, log_variances

    def _pixels(self, decoded: Tensor) -> Tensor:
        # both likelihoods have their mean inside (-1, 1): the sigmoid of the logits, taken to that scale, and tanh
        return decoded.sigmoid() * 2 - 1 if self.likelihood == "bernoulli" else decoded.tanh()

    def _reconstruction_nats(self, nets: Nets, images: Tensor, decoded: Tensor) -> Tensor:
        if self.likelihood == "bernoulli":
            return bernoulli_nats(images, decoded)
        decoder = nets["G"]
        if isinstance(decoder, ScaledDecoder):
            return gaussian_nats(images, decoded.tanh(), decoder.log_sigma)
        assert isinstance(self.sigma, float)
        return gaussian_nats(images, decoded.tanh(), math.log(self.sigma))
