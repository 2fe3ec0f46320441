"""Fully connected networks, as in guo-2023's GAN and VAE."""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field
from torch import nn
from typing_extensions import override

from paribus.backbones.base import (
    Activation,
    Backbone,
    Conditioned,
    PixelLayer,
    Trunk,
    activation_layer,
    residual_blocks,
)
from paribus.base.registry import backbones
from paribus.config import ImageShape


@backbones.register("mlp")
class MLP(Backbone):
    """Fully connected layers of equal width; pixels are one long vector."""

    width: int = Field(256, ge=1, le=1 << 16)
    """Units of a hidden layer."""
    depth: int = Field(1, ge=1, le=100)
    """Hidden layers."""
    activation: Activation = "leaky-relu"
    """After each hidden layer; the leak is 0.2."""
    residual_blocks: int = Field(0, ge=0, le=100)
    """Residual blocks of two layers after each hidden layer."""

    @override
    def up(self, latent_dim: int, image: ImageShape) -> nn.Module:
        hidden = self._hidden(latent_dim + image.classes)
        pixels = nn.Linear(self.width, image.pixels)
        shape = nn.Unflatten(1, (image.channels, image.size, image.size))
        return Conditioned(nn.Sequential(*hidden, pixels, shape), image.classes)

    @override
    def trunk(self, image: ImageShape, *, critic: bool) -> Trunk:
        first, *others = self._hidden(image.pixels, PixelLayer)
        return Trunk([nn.Sequential(nn.Flatten(), first), *others], self.width, hidden=self.width)

    def _hidden(self, inputs: int, first: type[nn.Linear] = nn.Linear) -> list[nn.Module]:
        widths = pairwise([inputs] + [self.width] * self.depth)
        return [self._stage((nn.Linear if k else first)(*ends), ends[1]) for k, ends in enumerate(widths)]

    def _stage(self, linear: nn.Linear, width: int) -> nn.Module:
        activation = activation_layer(self.activation)
        residual = residual_blocks(self.residual_blocks, lambda: [nn.Linear(width, width)], activation)
        return nn.Sequential(linear, activation, *residual)
