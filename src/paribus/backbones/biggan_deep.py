"""BigGAN-deep's networks (arXiv:1809.11096, appendix B) for small images: twice the blocks, with narrow middles."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn
from typing_extensions import override

from paribus.backbones.base import Trunk
from paribus.backbones.biggan import SHRINKING, BigGANFamily, Plan
from paribus.backbones.blocks import Attention, Parts, UpConvolution, pooled, upsampled
from paribus.backbones.residual import residual_trunk
from paribus.base.registry import backbones
from paribus.config import ImageShape


class DeepUpBlock(nn.Module):
    """Four times norm - act - convolution: 1x1 to a quarter, up and 3x3, 3x3, 1x1 out.

    The skip has no weights: it drops the channels that are too many and copies pixels.
    """

    def __init__(self, inputs: int, outputs: int, condition: int, parts: Parts, *, size: int | None = None) -> None:
        """Builds the block; `size` is the side length to upsample to, None to stay."""
        super().__init__()
        self.outputs, self.size = outputs, size
        self.activation = parts.activation
        hidden = max(inputs // 4, 1)
        self.norms = nn.ModuleList([parts.norm(inputs, condition)])
        self.norms.extend(parts.norm(hidden, condition) for _ in range(3))
        second = nn.Conv2d(hidden, hidden, 3, padding=1) if size is None else UpConvolution(hidden, hidden, size)
        layers = [
            nn.Conv2d(inputs, hidden, 1),
            second,
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.Conv2d(hidden, outputs, 1),
        ]
        self.convolutions = nn.ModuleList(parts.finish(layer) for layer in layers)

    def forward(self, maps: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps (N, inputs, H, W) to (N, outputs, size, size)."""
        skip = maps[:, : self.outputs]
        if self.size is not None:
            skip = upsampled(skip, self.size)
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            maps = convolution(self.activation(norm(maps, condition)))
        return maps + skip


class DeepDownBlock(nn.Module):
    """act - 1x1 to a quarter - act - 3x3 - act - 3x3 - act [- pool] - 1x1 out; the skip has no weights, only [pool].

    In the plans here `down` keeps its channels; a block that widens would join a 1x1 convolution of its skip to it.
    """

    def __init__(self, channels: int, parts: Parts, *, down: bool) -> None:
        super().__init__()
        self.down = down
        self.activation = parts.activation
        hidden = max(channels // 4, 1)
        layers = [
            nn.Conv2d(channels, hidden, 1),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.Conv2d(hidden, channels, 1),
        ]
        self.convolutions = nn.ModuleList(parts.finish(layer) for layer in layers)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, channels, H, W) to the same shape, or half of the side."""
        skip = pooled(maps) if self.down else maps
        for convolution in self.convolutions[:-1]:
            maps = convolution(self.activation(maps))
        maps = self.activation(maps)
        return self.convolutions[-1](pooled(maps) if self.down else maps) + skip


@backbones.register("biggan-deep")
class BigGANDeep(BigGANFamily):
    """BigGAN with two blocks a stage, each with a narrow middle; z as a whole and the class go to every batch norm.

    The number of stages follows the image size (`stage_sizes`, n of them in `up`); the figures are those at 32x32.

    - studiogan, its configuration for CIFAR-10: 4·width channels in both networks, `down` n stages of which all but the
      last halve the side, self-attention where the maps have half of the image's side.
    - hinrichsen, as hinrichsen-2023 cuts the network for 128x128: `up` 16, 16, 8, 4 times the width, `down`
      floor(log2 size) stages at 16·width throughout, each of which halves the side.

    The initialisation is orthogonal, as published spectral norm is in both networks. Without classes batch norm sees z
    alone. As an encoder `down` is the same network with more outputs, a mean over pixels and a head without norm (see
    `residual_trunk`).
    """

    plans: ClassVar[dict[str, Plan]] = {
        "studiogan": Plan(128, True, "everywhere", True, (4,), 4, False),
        "hinrichsen": Plan(128, False, "everywhere", True, SHRINKING, 16, True),
    }
    block: ClassVar[Callable[..., nn.Module]] = DeepUpBlock
    keeping: ClassVar[int] = 1

    plan: Literal["studiogan", "hinrichsen"] = "studiogan"
    """Which published configuration."""
    width: int = Field(plans["studiogan"].width, ge=1, le=1 << 16)
    """Channel multiplier."""
    attention: bool = plans["studiogan"].attention
    """Self-attention at half of the image's side; left out it is the plan's own: only studiogan has it."""

    @override
    def trunk(self, image: ImageShape, *, critic: bool) -> Trunk:
        plan, parts = self.plans[self.plan], self.parts()
        channels = plan.down * self.width
        stages = [parts.finish(nn.Conv2d(image.channels, channels, 3, padding=1))]
        stages += [DeepDownBlock(channels, parts, down=False) for _ in range(self.residual_blocks)]
        # to one pixel all stages halve the side, else all but the last
        for k, down in enumerate([True] * self.halvings(image.size) + [False] * (not plan.to_one_pixel)):
            blocks = [DeepDownBlock(channels, parts, down=d) for d in (down, False)]
            attention = [Attention(channels, parts.finish)] if self.attention and k == 0 else []
            stages.append(nn.Sequential(*blocks, *attention))
        return residual_trunk(stages, channels, parts, critic=critic)
