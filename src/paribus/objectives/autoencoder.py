"""Autoencoders without a posterior: the plain one, which reconstructs and was never asked to generate, and the
adversarial one (arXiv:1511.05644), with a critic of latents in place of a VAE's KL.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.config import ImageShape, Optimizer
from paribus.objectives.base import Batch, Builder, Draw, Nets, Phase, cross_entropy_terms
from paribus.objectives.encoding import PixelObjective


@objectives.register("autoencoder")
class Autoencoder(PixelObjective):
    """E gives z, G decodes it: minimises -log p(x | z = E(x)), summed over pixels, averaged over the batch.

    Nothing shapes the latents, so images decoded from the standard normal prior show what a VAE's KL is for
    (mennborg-2020). It has no bound of the likelihood.
    """

    @override
    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        return {"E": backbone.down(image, self.latent_dim), "G": self.decoder(backbone, image)}

    @override
    def phases(self) -> tuple[Phase, ...]:
        return (Phase("AE", ("E", "G"), self._loss),)

    @override
    def encode(self, nets: Nets, images: Tensor, labels: Tensor | None) -> Tensor:
        return nets["E"](images, labels).float()

    def _loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z = self.encode(nets, batch.images, batch.labels)
        reconstruction = self.reconstruction_nats(nets, batch.images, z, batch.labels).mean()
        return {"loss": reconstruction, "reconstruction": reconstruction} | self.deviation(nets)


@objectives.register("aae")
class AAE(Autoencoder):
    """E gives z without noise, G decodes it, D tells encoded latents from draws of the prior.

    With s = softplus, c the prior's draws and z = E(x), all means over the batch:
    D minimises E[s(-D(c))] + E[s(D(z))]; E and G minimise -log p(x|z) + adversarial_weight * E[s(-D(z))], the first
    summed over pixels. Where the paper updates E twice a step, by reconstruction and by D, here it is one update of the
    sum: two losses of such different size would spoil Adam's moments for each other. No bound of the likelihood.
    """

    optimizers: ClassVar[dict[str, Optimizer]] = Autoencoder.optimizers | {
        "D": Optimizer(learning_rate=2e-4, beta1=0.5)
    }

    adversarial_weight: float = Field(10.0, gt=0, le=1e12)
    """Nats of reconstruction that a nat of D's cross-entropy is worth."""

    @override
    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        return super().roles(backbone, image) | {"D": backbone.vector(self.latent_dim, 1, classes=image.classes)}

    @override
    def phases(self) -> tuple[Phase, ...]:
        return (Phase("D", ("D",), self._discriminator_loss), *super().phases())

    def _discriminator_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        of_prior = nets["D"](self.prior(len(batch), draw), batch.labels).float()
        of_encoded = nets["D"](self.encode(nets, batch.images, batch.labels), batch.labels).float()
        return cross_entropy_terms(of_prior, of_encoded)

    @override
    def _loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z = self.encode(nets, batch.images, batch.labels)
        reconstruction = self.reconstruction_nats(nets, batch.images, z, batch.labels).mean()
        adversarial = softplus(-nets["D"](z, batch.labels).float()).mean()
        loss = reconstruction + self.adversarial_weight * adversarial
        return {"loss": loss, "reconstruction": reconstruction, "adversarial": adversarial} | self.deviation(nets)
