"""R3GAN's residual networks (arXiv:2501.05441): no norm, grouped convolutions, blocks that begin as the identity."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from typing_extensions import override

from paribus.backbones.base import Backbone, Trunk, one_hot, stage_sizes
from paribus.base.registry import backbones
from paribus.config import ImageShape

EMBEDDED = 64
"""Length of the class's embedding, which joins z in `up`."""
WIDE = 32
"""Largest side at which the maps have the full width; each doubling beyond it halves the channels."""
LEAK = 0.2
GAIN = math.sqrt(2 / (1 + LEAK**2))
"""What keeps the mean square through a leaky ReLU."""


@backbones.register("r3")
class R3(Backbone):
    """Residual blocks at every side of `stage_sizes`, bilinear resampling between them, and nothing normalised.

    A block on C channels: y = 1x1 C -> 2C, bias, leaky ReLU 0.2; 3x3 in groups 2C -> 2C, bias, leaky ReLU 0.2; 1x1
    2C -> C, which starts at 0; the result is x + y. There are no other activations.

    - `up`: a learned constant (C, s, s) at the smallest side s, each channel of it times a number that is linear in z
      and the class's embedding; then blocks, and before the blocks of each larger side a 1x1 convolution where the
      width changes, and upsampling; last a 1x1 convolution to the image.
    - `down`: a 1x1 convolution from the image, the same backwards (downsampling is antialiased), then one kernel (s, s)
      for each channel, which leaves C features.

    Maps up to 32 pixels wide have all channels, up to 64 half of them, up to 128 a quarter. Weights start as normal
    numbers with deviation gain / sqrt(fan-in); gain is sqrt(2 / 1.04) L^(-1/4) for the first two convolutions of a
    block, with L the blocks of the network, and 1 for all layers that no activation follows. Biases start at 0.
    """

    width: int = Field(256, ge=1, le=1 << 16)
    """Channels between the blocks, up to a side of 32."""
    group_width: int = Field(16, ge=1, le=1 << 16)
    """Channels of a group of the 3x3 convolutions: at width 256 there are 32 groups. Where the 2C channels are no
    multiple of it, the greatest common divisor of both."""
    blocks: int = Field(2, ge=1, le=100)
    """Residual blocks at each side."""
    residual_blocks: int = Field(0, ge=0, le=100)
    """Additional blocks at the smallest side alone: many weights for little work."""

    @override
    def up(self, latent_dim: int, image: ImageShape) -> nn.Module:
        sizes = stage_sizes(image.size)[::-1]
        stages: list[nn.Module] = []
        for k, size in enumerate(sizes):
            between = [] if k == 0 else [self._point(sizes[k - 1], size), BilinearResampling(sizes[k - 1], size)]
            stages.append(nn.Sequential(*between, *self._blocks(sizes, size)))
        basis = Basis(latent_dim, image.classes, self._channels(sizes[0]), sizes[0])
        return R3Up(basis, stages, _begun(nn.Conv2d(self._channels(sizes[-1]), image.channels, 1)))

    @override
    def trunk(self, image: ImageShape, *, critic: bool) -> Trunk:
        sizes = stage_sizes(image.size)
        stages: list[nn.Module] = [_begun(nn.Conv2d(image.channels, self._channels(sizes[0]), 1))]
        for k, size in enumerate(sizes):
            between = [] if k == 0 else [BilinearResampling(sizes[k - 1], size), self._point(sizes[k - 1], size)]
            stages.append(nn.Sequential(*between, *self._blocks(sizes, size)))
        features = self._channels(sizes[-1])
        stages.append(_begun(nn.Conv2d(features, features, sizes[-1], groups=features, bias=False)))
        return Trunk(stages, features, finish=_begun)

    def _channels(self, size: int) -> int:
        halvings = max(0, math.ceil(math.log2(size / WIDE)))
        return max(1, self.width >> halvings)

    def _point(self, before: int, after: int) -> nn.Module:
        """From the channels of one side to those of another, pixel by pixel."""
        inputs, outputs = self._channels(before), self._channels(after)
        return nn.Identity() if inputs == outputs else _begun(nn.Conv2d(inputs, outputs, 1, bias=False))

    def _blocks(self, sizes: list[int], size: int) -> list[nn.Module]:
        count = self.blocks + (self.residual_blocks if size == min(sizes) else 0)
        total = self.blocks * len(sizes) + self.residual_blocks
        channels = self._channels(size)
        return [ResidualBlock(channels, math.gcd(self.group_width, 2 * channels), total) for _ in range(count)]


class ResidualBlock(nn.Module):
    """x + 1x1(act(grouped 3x3(act(1x1(x))))), the identity at first."""

    def __init__(self, channels: int, group_width: int, blocks: int) -> None:
        """Builds the block; `blocks` counts those of the whole network, for the initialisation."""
        super().__init__()
        inner, gain = 2 * channels, GAIN * blocks**-0.25
        self.widen = _begun(nn.Conv2d(channels, inner, 1), gain)
        self.grouped = _begun(nn.Conv2d(inner, inner, 3, padding=1, groups=inner // group_width), gain)
        self.narrow = nn.Conv2d(inner, channels, 1, bias=False)
        nn.init.zeros_(self.narrow.weight)
        self.activation = nn.LeakyReLU(LEAK)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, channels, H, W) to the same shape."""
        inner = self.activation(self.widen(maps))
        return maps + self.narrow(self.activation(self.grouped(inner)))


class BilinearResampling(nn.Module):
    """Bilinear resampling of (N, C, before, before) to (N, C, after, after), antialiased where it shrinks.

    A new pixel is a mean of the old ones with weights max(0, 1 - distance / reach) between the centres, where the reach
    is one pixel of the coarser grid. Rows and columns are two products with a small matrix, which can be differentiated
    as often as a penalty asks and leave the memory in channels_last order.
    """

    matrix: Tensor

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        step = before / after  # old pixels in a new one
        with torch.device("cpu"):  # not on "meta", where counting would wait for torch to load its references
            old, new = torch.arange(before) + 0.5, (torch.arange(after) + 0.5) * step
            weights = (1 - (new[:, None] - old).abs() / max(step, 1.0)).clamp(min=0)
            weights = weights / weights.sum(1, keepdim=True)
        self.register_buffer("matrix", weights, persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, C, before, before) to (N, C, after, after)."""
        pixels = maps.permute(0, 2, 3, 1)  # (N, H, W, C)
        rows = (self.matrix @ pixels.flatten(2)).unflatten(2, pixels.shape[2:])
        return (self.matrix @ rows).permute(0, 3, 1, 2)


class Basis(nn.Module):
    """A learned constant (channels, size, size), each channel times a number that is linear in z and the class."""

    def __init__(self, latent_dim: int, classes: int, channels: int, size: int) -> None:
        super().__init__()
        self.classes = classes
        self.embedding = nn.Linear(classes, EMBEDDED, bias=False) if classes else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight)  # numbers like those of z
        self.scale = _begun(nn.Linear(latent_dim + (EMBEDDED if classes else 0), channels, bias=False))
        self.constant = nn.Parameter(torch.randn(channels, size, size))

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """From z (N, latent_dim) and labels (N,) to maps (N, channels, size, size)."""
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(one_hot(labels, self.classes).to(z.dtype)).to(z.dtype)], dim=1)
        return self.constant * self.scale(z)[:, :, None, None]


class R3Up(nn.Module):
    """Basis - stages - 1x1 convolution to the image."""

    def __init__(self, basis: Basis, stages: list[nn.Module], to_image: nn.Module) -> None:
        super().__init__()
        self.basis = basis
        self.stages = nn.Sequential(*stages)
        self.to_image = to_image

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps z (N, latent_dim) and labels (N,) to (N, C, H, W)."""
        return self.to_image(self.stages(self.basis(z, labels)))


def _begun(layer: nn.Module, gain: float = 1.0) -> nn.Module:
    # an embedding is initialised by `Down`
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        fan_in = layer.weight[0].numel()
        nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(fan_in))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return layer
