"""Residual nets: what of z and of the class goes where in an `up`, and what stands around the blocks of both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from paribus.backbones.base import Trunk, one_hot
from paribus.backbones.blocks import Attention, Parts, Pool


class Routes(nn.Module):
    """What the first layer of an `up` and each of its stages are given of z and of the class.

    Attributes:
        first: Length of the first layer's input.
        stages: Length of each stage's condition, 0 for none.
    """

    def __init__(
        self,
        latent_dim: int,
        classes: int,
        stages: int,
        *,
        z: Literal["first", "chunks", "everywhere"],
        class_in_first: bool,
        class_in_stages: bool = True,
        embedding: nn.Module | None = None,
        embedded: int = 0,
    ) -> None:
        """Plans the routes.

        Args:
            latent_dim: Length of z.
            classes: Number of classes, 0 for none.
            stages: Number of stages.
            z: Where z goes: to the first layer, one chunk to the first layer and one to each stage (the first chunks
                are one longer where it does not divide evenly, and the last may be empty), or as a whole to all.
            class_in_first: Whether the class goes to the first layer.
            class_in_stages: Whether the class goes to the stages.
            embedding: A layer on one-hot classes, shared by all; None leaves them one-hot.
            embedded: Length of its output.
        """
        super().__init__()
        self.classes, self.z = classes, z
        self.class_in_first, self.class_in_stages = class_in_first, class_in_stages
        self.embedding = embedding if classes else None
        length = classes if self.embedding is None else embedded
        self.chunks = even_chunks(latent_dim, stages + 1)
        parts = {
            "first": [latent_dim] + [0] * stages,
            "chunks": self.chunks,
            "everywhere": [latent_dim] * (stages + 1),
        }[z]
        self.first = parts[0] + class_in_first * length
        self.stages = [part + class_in_stages * length for part in parts[1:]]

    def forward(self, z: Tensor, labels: Tensor | None) -> tuple[Tensor, list[Tensor | None]]:
        """From z (N, latent_dim) and labels to the first layer's input and the stages' conditions."""
        y = None
        if self.classes:
            y = one_hot(labels, self.classes).to(z.dtype)
            if self.embedding is not None:
                y = self.embedding(y)
        others: list[Tensor | None]
        match self.z:
            case "chunks":
                first, *others = z.split(self.chunks, dim=1)
            case "everywhere":
                first, others = z, [z] * len(self.stages)
            case "first":
                first, others = z, [None] * len(self.stages)
        if y is not None and self.class_in_first:
            first = torch.cat([y, first.to(y.dtype)], dim=1)
        return first, [_joined(y if self.class_in_stages else None, part) for part in others]


def even_chunks(length: int, parts: int) -> list[int]:
    """Lengths as even as they can be, the longer ones first: 80 in 4 -> 20, 20, 20, 20; 6 in 4 -> 2, 2, 1, 1."""
    whole, rest = divmod(length, parts)
    return [whole + (k < rest) for k in range(parts)]


def _joined(y: Tensor | None, z: Tensor | None) -> Tensor | None:
    if y is None or z is None:
        return z if y is None else y
    return torch.cat([y, z.to(y.dtype)], dim=1)


class UpStage(nn.Module):
    """Blocks that share one condition, after self-attention where there is any."""

    def __init__(self, blocks: list[nn.Module], attention: nn.Module | None = None) -> None:
        super().__init__()
        self.attention = attention
        self.blocks = nn.ModuleList(blocks)

    def forward(self, maps: Tensor, condition: Tensor | None) -> Tensor:
        """Maps (N, C, H, W) to larger ones."""
        if self.attention is not None:
            maps = self.attention(maps)
        for block in self.blocks:
            maps = block(maps, condition)
        return maps


class ResidualUp(nn.Module):
    """An `up` of residual stages, one a doubling: linear layer - stages - norm - activation - 3x3 convolution."""

    def __init__(
        self,
        block: Callable[..., nn.Module],
        routes: Routes,
        sizes: list[int],
        channels: list[int],
        image_channels: int,
        parts: Parts,
        *,
        keeping: int = 0,
        residual_blocks: int = 0,
        attention: bool = False,
    ) -> None:
        """Builds it.

        Args:
            block: The family's block: (inputs, outputs, condition, parts, size=side to upsample to) to a module.
            routes: Where z and the class go.
            sizes: Sides of the maps, the smallest first.
            channels: Channels at each of them.
            image_channels: Channels of the image.
            parts: How layers are made.
            keeping: Blocks of each stage that keep the side, before the one that enlarges the maps.
            residual_blocks: Additional ones in the first stage.
            attention: Whether the last stage begins with self-attention, at half of the image's side.
        """
        super().__init__()
        self.routes = routes
        stages = []
        for k, condition in enumerate(routes.stages):
            more = keeping + (residual_blocks if k == 0 else 0)
            blocks = [block(channels[k], channels[k], condition, parts) for _ in range(more)]
            blocks.append(block(channels[k], channels[k + 1], condition, parts, size=sizes[k + 1]))
            attends = attention and k == len(routes.stages) - 1
            stages.append(UpStage(blocks, Attention(channels[k], parts.finish) if attends else None))
        self.first = parts.finish(nn.Linear(routes.first, channels[0] * sizes[0] ** 2))
        self.unflatten = nn.Unflatten(1, (sizes[0], sizes[0], channels[0]))
        self.stages = nn.ModuleList(stages)
        self.norm = parts.norm(channels[-1], 0)
        self.activation = parts.activation
        self.last = parts.finish(nn.Conv2d(channels[-1], image_channels, 3, padding=1))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps z (N, latent_dim) and labels (N,) to (N, C, H, W)."""
        first, conditions = self.routes(z, labels)
        maps = self.unflatten(self.first(first)).permute(0, 3, 1, 2)  # channels_last without a copy
        for stage, condition in zip(self.stages, conditions, strict=True):
            maps = stage(maps, condition)
        return self.last(self.activation(self.norm(maps)))


def residual_trunk(stages: list[nn.Module], channels: int, parts: Parts, *, critic: bool) -> Trunk:
    """The trunk of a `down` of residual stages, the last of which has so many channels.

    A critic sums over pixels and its head is normed like the rest. Any other takes means, and its head is not normed:
    otherwise an encoder would start with log-variances of plus or minus 50, and a norm would bound what it can say.
    Where the weights are free, sum and mean are the same family of functions.
    """
    pool = Pool(parts.activation, "sum" if critic else "mean")
    return Trunk([*stages, pool], channels, finish=parts.finish if critic else parts.initialise)
