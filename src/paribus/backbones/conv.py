"""Plain strided convolutions without any norm: the networks of tikayyolla-2020 and of chaturvedula-2023."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field, model_validator
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

WIDTHS = {"tikayyolla": 32, "chaturvedula-vae": 32, "chaturvedula-gan": 64}
"""Channels of each plan's first convolution, as published."""


@dataclass(frozen=True)
class Layout:
    """What a plan comes to at one image size.

    Args:
        kernel: Side of all kernels.
        sizes: Sides of the maps of `up`, the smallest first.
        up_dense: Units of the dense layers of `up` before the one that makes its smallest maps.
        up_channels: Channels of those maps.
        down_channels: Channels after each convolution of `down`.
        down_dense: Units of the dense layers after them.
    """

    kernel: int
    sizes: list[int]
    up_dense: list[int]
    up_channels: list[int]
    down_channels: list[int]
    down_dense: list[int]


@backbones.register("conv")
class Conv(Backbone):
    """Convolutions with stride 2 and "same" padding, ceil(side / 2), and back by transposed ones to the exact sides.

    With w the width, n the number of halvings of `stage_sizes` (2 at 28x28) and s the smallest side (7):

    - tikayyolla, 3x3 kernels: `down` has `depth` convolutions with w, 2w, 4w, ... channels; `up` mirrors it, from a
      dense layer that makes its smallest maps. The paper gives neither channels nor kernels. Sides stop at 1.
    - chaturvedula-vae, 3x3: `down` has n convolutions with w, 2w, 4w, ... channels, then dense 16w, 8w; `up` dense 8w,
      16w, dense to maps of w 2^(n - 1), then n transposed convolutions to w 2^(n - 1), ..., 4w, 2w and the image: at
      28x28 convolutions 32, 64 and dense 512, 256, and back from 7x7x64 through 64 to the image.
    - chaturvedula-gan, 5x5: `down` has 4 convolutions with w, 2w, 4w, 8w channels; `up` dense s s 2w, dense s s 4w,
      then n transposed convolutions to ..., 2w, w (at most 4w) and the image: at 28x28 convolutions 64, 128, 256, 512,
      and dense 7x7x128, 7x7x256, then 64 and the image; 79.7 million weights in `up`, 4.3 in `down`.

    The activation follows every hidden layer; the class joins z in `up`. Weights start as Glorot's uniform numbers and
    biases at 0, the defaults of the library that chaturvedula-2023 used.
    """

    plan: Literal["tikayyolla", "chaturvedula-vae", "chaturvedula-gan"] = "tikayyolla"
    """Whose networks."""
    width: int = Field(WIDTHS["tikayyolla"], ge=1, le=1 << 16)
    """Channels of the convolution that reads the image; left out it is the plan's own: 32, and 64 for
    chaturvedula-gan. All other layers scale with it."""
    depth: int = Field(2, ge=1, le=6)
    """Convolutions of `down` and transposed ones of `up`, in plan tikayyolla alone: the others have their own."""
    activation: Activation = "leaky-relu"
    """In both networks; the leak is 0.2."""
    residual_blocks: int = Field(0, ge=0, le=100)
    """Residual blocks of two convolutions after each convolution of `down` and before each transposed one of `up`."""

    @model_validator(mode="before")
    @classmethod
    def _own_width(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("plan") not in WIDTHS:
            return values
        return {"width": WIDTHS[values["plan"]]} | values

    @model_validator(mode="after")
    def _depth_is_used(self) -> Conv:
        if self.plan != "tikayyolla" and self.depth != type(self).model_fields["depth"].default:
            raise ValueError(f"depth belongs to plan tikayyolla: {self.plan} has its own number of layers")
        return self

    @override
    def up(self, latent_dim: int, image: ImageShape) -> nn.Module:
        layout = self._layout(image.size)
        first, side = layout.up_channels[0], layout.sizes[0]
        dense = [latent_dim + image.classes, *layout.up_dense, first * side**2]
        layers: list[nn.Module] = [self._followed(nn.Linear(*units)) for units in pairwise(dense)]
        layers.append(nn.Unflatten(1, (first, side, side)))
        channels = [*layout.up_channels, image.channels]
        for k, (before, after) in enumerate(pairwise(layout.sizes)):
            layers += self._residual(channels[k], layout.kernel)
            grow = nn.ConvTranspose2d(
                channels[k],
                channels[k + 1],
                layout.kernel,
                stride=2,
                padding=layout.kernel // 2,
                output_padding=after - (2 * before - 1),
            )
            layers.append(grow if k == len(layout.sizes) - 2 else self._followed(grow))
        net = nn.Sequential(*layers)
        net.apply(_initialise)
        return Conditioned(net, image.classes)

    @override
    def trunk(self, image: ImageShape, *, critic: bool) -> Trunk:
        layout = self._layout(image.size)
        stages: list[nn.Module] = []
        for before, after in pairwise([image.channels, *layout.down_channels]):
            shrink = nn.Conv2d(before, after, layout.kernel, stride=2, padding=layout.kernel // 2)
            stages.append(nn.Sequential(self._followed(shrink), *self._residual(after, layout.kernel)))
        features = layout.down_channels[-1] * _halvings(image.size, len(stages))[-1] ** 2
        for units in layout.down_dense:
            stages.append(nn.Sequential(nn.Flatten(), self._followed(nn.Linear(features, units))))
            features = units
        return Trunk(stages, features, initialise=_initialise)

    def _layout(self, size: int) -> Layout:
        width = self.width
        if self.plan == "tikayyolla":
            doubling = [width * 2**k for k in range(self.depth)]
            return Layout(3, _halvings(size, self.depth)[::-1], [], doubling[::-1], doubling, [])
        sizes = stage_sizes(size)[::-1]
        doubling = [width * 2**k for k in range(len(sizes) - 1)]
        if self.plan == "chaturvedula-vae":
            up_channels = [doubling[-1], *doubling[:0:-1]]
            return Layout(3, sizes, [8 * width, 16 * width], up_channels, doubling, [16 * width, 8 * width])
        up_channels = [4 * width, *(min(channels, 4 * width) for channels in doubling[-2::-1])]
        return Layout(5, sizes, [sizes[0] ** 2 * 2 * width], up_channels, [width * 2**k for k in range(4)], [])

    def _followed(self, layer: nn.Module) -> nn.Sequential:
        return nn.Sequential(layer, activation_layer(self.activation))

    def _residual(self, channels: int, kernel: int) -> list[nn.Module]:
        def convolution() -> list[nn.Module]:
            return [nn.Conv2d(channels, channels, kernel, padding=kernel // 2)]

        return residual_blocks(self.residual_blocks, convolution, activation_layer(self.activation))


def _halvings(size: int, count: int) -> list[int]:
    """The side and what so many halvings, rounded up, make of it: 28, 3 -> 28, 14, 7, 4; it stays at 1."""
    return [math.ceil(size / 2**k) for k in range(count + 1)]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
