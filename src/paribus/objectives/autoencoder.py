"""The plain autoencoder, which reconstructs and was never asked to generate."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.config import ImageShape, Optimizer
from paribus.objectives.base import Batch, Builder, Draw, Nets, Phase
from paribus.objectives.encoding import PixelObjective


@objectives.register("autoencoder")
class Autoencoder(PixelObjective):
    """E gives z, G decodes it: minimises -log p(x | z = E(x)), summed over pixels, averaged over the batch.

    Nothing shapes the latents, so images decoded from the standard normal prior show what a VAE's KL is for
    (mennborg-2020). It has no bound of the likelihood.
    """

    name: ClassVar[str] = "autoencoder"
    averaged: ClassVar[tuple[str, ...]] = ("E", "G")
    optimizers: ClassVar[dict[str, Optimizer]] = {
        "E": Optimizer(learning_rate=1e-3),
        "G": Optimizer(learning_rate=1e-3),
    }

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
