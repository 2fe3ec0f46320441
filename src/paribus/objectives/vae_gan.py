"""VAE-GAN (Larsen et al., arXiv:1512.09300): a VAE that measures its reconstructions by a discriminator's features."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus
from typing_extensions import override

from paribus.base.errors import ParibusError
from paribus.base.registry import objectives
from paribus.config import ImageShape, Optimizer
from paribus.objectives.base import (
    Batch,
    Builder,
    Draw,
    Nets,
    Phase,
    cross_entropy_terms,
    discriminator_outputs,
    one_batch,
    with_features,
)
from paribus.objectives.encoding import HybridObjective, gaussian_nats


@objectives.register("vae-gan")
class VAEGAN(HybridObjective):
    """E encodes, G decodes, D tells images from reconstructions x~ and from samples x_p = G(z), z ~ N(0, I).

    With f the output of one of D's layers and L_f = E_q[-log N(f(x); f(x~), 1)], summed over features:
    E minimises kl_weight KL(q(z|x) || p(z)) + L_f; G minimises feature_weight * L_f - L_GAN; D minimises L_GAN =
    E[s(-D(x))] + E[s(D(x~))] + E[s(D(x_p))] (s = softplus, logits). All means over the batch. E never sees L_GAN.
    `non-saturating` replaces G's -s(D(fake)) by s(-D(fake)), which has the same sign and does not fade early.
    Logged: kl and reconstruction (L_f without its constant's meaning in pixels), accuracies of D.
    """

    optimizers: ClassVar[dict[str, Optimizer]] = {
        "E": Optimizer(learning_rate=1e-3, beta1=0.5),
        "G": Optimizer(learning_rate=1e-3, beta1=0.5),
        "D": Optimizer(learning_rate=2e-4, beta1=0.5),
    }

    kl_weight: float = Field(1.0, ge=0, le=1e12)
    """What the KL counts beside L_f for E: the variance of the features' Gaussian, which is 1 as published."""
    feature_weight: float = Field(1e-3, ge=0, le=1e12)
    """gamma: what L_f counts beside L_GAN for G."""
    feature_layer: int = -1
    """Which of D's layers: 1 is the first stage, -1 the last before the output, 0 the pixels themselves."""
    generator_loss: Literal["non-saturating", "minimax"] = "non-saturating"
    """G's form of the adversarial loss."""
    joint_batch: bool = False
    """Whether G decodes reconstructions and samples as one batch. As two, its batch norm has the moments of each alone
    in training, and of both mixed in use, which do not fit samples where posteriors are far from p(z)."""

    @override
    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        """The networks.

        Raises:
            ParibusError: D has no such layer.
        """
        discriminator = backbone.down(image, 1, projection=True)
        layers = len(discriminator.trunk) + 1  # type: ignore[arg-type]
        if not -layers <= self.feature_layer < layers:
            raise ParibusError(
                "Setting 'objective.feature_layer' has a wrong value: the discriminator has no such layer.",
                where="objective.feature_layer",
                got=self.feature_layer,
                expected=f"{-layers} to {layers - 1} (0 is the image itself)",
            )
        encoder, decoder = backbone.down(image, 2 * self.latent_dim), backbone.up(self.latent_dim, image)
        return {"E": encoder, "G": decoder, "D": discriminator}

    @override
    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("D", ("D",), self._discriminator_loss),
            Phase("E", ("E",), self._encoder_loss),
            Phase("G", ("G",), self._decoder_loss),
        )

    def _discriminator_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z, _ = self.posterior_draws(nets, batch, draw)
        reconstructions, samples = self._decoded(nets, batch.labels, z, self.prior(len(batch), draw))
        sets = [batch.images, reconstructions, samples]
        real, of_reconstructions, of_samples = discriminator_outputs(nets["D"], sets, batch.labels)
        terms = cross_entropy_terms(real, of_reconstructions, of_samples)
        return terms | {"accuracy_reconstructions": (of_reconstructions <= 0).float().mean()}

    def _encoder_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z, kl = self.posterior_draws(nets, batch, draw)
        beside = [self.prior(len(batch), draw)] if self.joint_batch else []  # for batch norm's moments alone
        reconstructions, *_ = self._decoded(nets, batch.labels, z, *beside)
        feature_nats, _ = self._feature_nats(nets, batch, reconstructions)
        return {"loss": self.kl_weight * kl + feature_nats, "kl": kl, "reconstruction": feature_nats}

    def _decoder_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z, _ = self.posterior_draws(nets, batch, draw)
        reconstructions, samples = self._decoded(nets, batch.labels, z, self.prior(len(batch), draw))
        feature_nats, of_reconstructions = self._feature_nats(nets, batch, reconstructions)
        of_samples = nets["D"](samples, batch.labels).float()
        adversarial = self._fooling(of_reconstructions) + self._fooling(of_samples)
        return {"loss": self.feature_weight * feature_nats + adversarial, "adversarial": adversarial}

    def _decoded(self, nets: Nets, labels: Tensor | None, *latents: Tensor) -> list[Tensor]:
        """Images (B, C, H, W) of each set of latents (B, latent_dim)."""
        if not self.joint_batch:
            return [self.generate(nets, z, labels) for z in latents]
        return list(self.generate(nets, *one_batch(latents, labels)).chunk(len(latents)))

    def _fooling(self, fake: Tensor) -> Tensor:
        return (softplus(-fake) if self.generator_loss == "non-saturating" else -softplus(fake)).mean()

    def _feature_nats(self, nets: Nets, batch: Batch, reconstructions: Tensor) -> tuple[Tensor, Tensor]:
        """L_f, and D's output for the reconstructions, which the same pass gives."""
        with torch.no_grad():
            _, of_images = with_features(nets["D"], batch.images, batch.labels)
        output, of_reconstructions = with_features(nets["D"], reconstructions, batch.labels)
        wanted = [batch.images, *of_images][self.feature_layer].float()
        found = [reconstructions, *of_reconstructions][self.feature_layer].float()
        return gaussian_nats(wanted, found, 0.0).mean(), output
