"""SNGAN's residual networks (arXiv:1802.05957): batch norm in the generator, spectral norm in the discriminator."""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field
from torch import nn
from typing_extensions import override

from paribus.backbones.base import Activation, Backbone, Trunk, activation_layer, stage_sizes
from paribus.backbones.blocks import ConditionalBatchNorm, DownBlock, Parts, Unnormed, UpBlock, initialise
from paribus.backbones.residual import ResidualUp, Routes, residual_trunk
from paribus.backbones.spectral_norm import spectral_norm
from paribus.base.registry import backbones
from paribus.config import ImageShape

_begun = partial(initialise, how="glorot")


@backbones.register("resnet")
class ResNet(Backbone):
    """Residual blocks of equal width: nearest upsampling in `up`, mean pooling and a sum over pixels in `down`.

    With n the number of stages of `stage_sizes`, `up` has n blocks that double the side and `down` has n - 1 that halve
    it, then two that keep it: at 32x32 the networks that arXiv:1802.05957 trains on CIFAR-10. The class enters `up`
    through conditional batch norm (its gains and biases start at 1 and 0 for every class), and a critic by projection
    (arXiv:1802.05637).
    """

    width: int = Field(128, ge=1, le=1 << 16)
    """Channels of `down`; `up` has twice as many."""
    norm: Literal["batch", "none"] = "batch"
    """In `up`. Without it the class joins z."""
    spectral_norm: bool = True
    """Divide the weights of `down` by their largest singular values (not those of an encoder's head)."""
    activation: Activation = "relu"
    """The leak is 0.2."""
    residual_blocks: int = Field(0, ge=0, le=100)
    """Additional blocks: in `up` before all others, in `down` after the one that reads the image."""

    @override
    def up(self, latent_dim: int, image: ImageShape) -> nn.Module:
        sizes = stage_sizes(image.size)[::-1]
        normed = self.norm == "batch"
        routes = Routes(
            latent_dim, image.classes, len(sizes) - 1, z="first", class_in_first=not normed, class_in_stages=normed
        )
        parts = Parts(_begun, _begun, activation_layer(self.activation), self._norm)
        channels = [2 * self.width] * len(sizes)
        return ResidualUp(UpBlock, routes, sizes, channels, image.channels, parts, residual_blocks=self.residual_blocks)

    @override
    def trunk(self, image: ImageShape, *, critic: bool) -> Trunk:
        halvings = len(stage_sizes(image.size)) - 2
        parts = Parts(_begun, self._finished, activation_layer(self.activation), self._norm)
        first, *others = [True] * halvings + [False] * 2
        blocks: list[nn.Module] = [DownBlock(image.channels, self.width, parts, down=first, first=True)]
        for down in [False] * self.residual_blocks + others:
            blocks.append(DownBlock(self.width, self.width, parts, down=down))
        return residual_trunk(blocks, self.width, parts, critic=critic)

    def _norm(self, channels: int, condition: int) -> nn.Module:
        if self.norm == "none":
            return Unnormed()
        return ConditionalBatchNorm(channels, condition, partial(initialise, how="zero"))

    def _finished(self, layer: nn.Module) -> nn.Module:
        return spectral_norm(_begun(layer)) if self.spectral_norm else _begun(layer)
