"""DCGAN's networks (arXiv:1511.06434): strided convolutions, batch norm, no pooling, no hidden dense layer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import nn
from typing_extensions import override

from paribus.backbones.base import (
    Activation,
    Backbone,
    Conditioned,
    Trunk,
    activation_layer,
    residual_blocks,
    stage_sizes,
)
from paribus.base.registry import backbones
from paribus.config import ImageShape

SMALLEST = 4  # side of the map that z becomes


@backbones.register("dcgan")
class DCGAN(Backbone):
    """4x4 convolutions with stride 2; channels double from the image inwards.

    The number of blocks follows the image size, so that the smallest map is 3 or 4 pixels wide, the paper's 4x4.
    Where a side is odd the transposed convolution's output is made one pixel smaller by its kernel, as in 23 -> 45.
    """

    width: int = Field(64, ge=1, le=1 << 16)
    """Channels next to the image; each block inwards has twice as many."""
    norm: Literal["batch", "none"] = "batch"
    """Batch norm after every convolution but the first and the last of each network."""
    activation: Activation = "leaky-relu"
    """Of `down`; `up` has ReLU."""
    residual_blocks: int = Field(0, ge=0, le=100)
    """Residual blocks of two 3x3 convolutions after each convolution of `down`, and on the same maps of `up`."""

    @override
    def up(self, latent_dim: int, image: ImageShape) -> nn.Module:
        sizes = stage_sizes(image.size, SMALLEST)[::-1]
        channels = [self.width * 2**k for k in range(len(sizes) - 1)][::-1]
        first = nn.ConvTranspose2d(latent_dim + image.classes, channels[0], sizes[0], bias=self.norm == "none")
        layers: list[nn.Module] = [
            nn.Unflatten(1, (-1, 1, 1)),
            nn.Sequential(*self._normed(first, channels[0]), nn.ReLU()),
        ]
        for k, after in enumerate(sizes[1:]):
            layers += self._residual(channels[k], nn.ReLU())
            last = k == len(sizes) - 2
            outputs = image.channels if last else channels[k + 1]
            grow = nn.ConvTranspose2d(
                channels[k], outputs, 4 if after % 2 == 0 else 3, stride=2, padding=1, bias=last or self.norm == "none"
            )
            layers.append(grow if last else nn.Sequential(*self._normed(grow, outputs), nn.ReLU()))
        net = nn.Sequential(*layers)
        net.apply(_initialise)
        return Conditioned(net, image.classes)

    @override
    def trunk(self, image: ImageShape, *, critic: bool) -> Trunk:
        sizes = stage_sizes(image.size, SMALLEST)
        stages: list[nn.Module] = []
        before = image.channels
        for k, size in enumerate(sizes[:-1]):
            after = self.width * 2**k
            shrink = nn.Conv2d(
                before, after, 4 if size % 2 == 0 else 3, stride=2, padding=1, bias=k == 0 or self.norm == "none"
            )
            convolution = [shrink] if k == 0 else self._normed(shrink, after)
            residual = self._residual(after, activation_layer(self.activation))
            stages.append(nn.Sequential(*convolution, activation_layer(self.activation), *residual))
            before = after
        return Trunk(stages, before * sizes[-1] ** 2, initialise=_initialise)

    def _residual(self, channels: int, activation: nn.Module) -> list[nn.Module]:
        def layers() -> list[nn.Module]:
            return self._normed(nn.Conv2d(channels, channels, 3, padding=1, bias=self.norm == "none"), channels)

        return residual_blocks(self.residual_blocks, layers, activation)

    def _normed(self, convolution: nn.Module, channels: int) -> list[nn.Module]:
        return [convolution, nn.BatchNorm2d(channels)] if self.norm == "batch" else [convolution]


def _initialise(module: nn.Module) -> None:
    # DCGAN's N(0, 0.02) for convolutions, N(1, 0.02) for batch norm gains
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
