"""What every backbone shares: its two shapes, the size rule, and the head that ends each `down`."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from paribus.settings import ImageShape, Settings


class Backbone(Settings):
    """A network family; its fields are its hyperparameters. `name` is the registered name."""

    name: ClassVar[str]

    @abstractmethod
    def up(self, latent_dim: int, image: ImageShape) -> nn.Module:
        """Latent to image.

        The module maps z (N, latent_dim) and, where `image.classes` > 0, labels (N,) to (N, C, size, size); it ends
        linear, the objective turns its output into pixels.
        """

    @abstractmethod
    def down(self, image: ImageShape, outputs: int, *, vector: int = 0, dropout: float = 0.0) -> nn.Module:
        """Image to vector.

        Args:
            image: Shape of the input images; with `image.classes` > 0 the module also takes labels (N,).
            outputs: Length of the output vector, which is linear.
            vector: Length of a second input (noise or a latent), joined to the last features; 0 for none.
            dropout: Probability of dropping a feature before the output.

        Returns:
            A `Down`.
        """


class Down(nn.Module):
    """An image to a vector: a trunk of stages, then one linear layer.

    A class, or a second input vector, is joined to the trunk's last features before one hidden layer.
    """

    def __init__(
        self,
        trunk: nn.Sequential,
        features: int,
        outputs: int,
        *,
        classes: int = 0,
        vector: int = 0,
        hidden: int = 128,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.classes = classes
        joined = features + classes + vector
        layers: list[nn.Module] = []
        if classes or vector:
            layers += [nn.Linear(joined, hidden), nn.LeakyReLU(0.2)]
            joined = hidden
        if dropout:
            layers.append(nn.Dropout(dropout))
        self.head = nn.Sequential(*layers, nn.Linear(joined, outputs))

    def forward(self, images: Tensor, labels: Tensor | None = None, vector: Tensor | None = None) -> Tensor:
        """Maps images (N, C, H, W) in [-1, 1] to (N, outputs)."""
        joined = self.trunk(images).flatten(1)
        if self.classes:
            joined = torch.cat([joined, one_hot(labels, self.classes).to(joined.dtype)], dim=1)
        if vector is not None:
            joined = torch.cat([joined, vector.to(joined.dtype)], dim=1)
        return self.head(joined)

    def features(self, images: Tensor) -> list[Tensor]:
        """Outputs of the trunk's stages, from the image onwards."""
        outputs = []
        for stage in self.trunk:
            images = stage(images)
            outputs.append(images)
        return outputs


class Conditioned(nn.Module):
    """An `up` that takes the class as a one-hot vector beside z."""

    def __init__(self, net: nn.Module, classes: int) -> None:
        super().__init__()
        self.net = net
        self.classes = classes

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps z (N, latent_dim) and labels (N,) to (N, C, H, W)."""
        if self.classes:
            z = torch.cat([z, one_hot(labels, self.classes).to(z.dtype)], dim=1)
        return self.net(z)


def one_hot(labels: Tensor | None, classes: int) -> Tensor:
    """Labels (N,) as float (N, classes)."""
    if labels is None:
        raise ValueError("a network conditioned on classes was called without labels")
    return nn.functional.one_hot(labels, classes).float()


def stage_sizes(size: int) -> list[int]:
    """Side lengths from the image down to the smallest map: ceil(size / 2^k) until it is at most 7.

    8 -> 4, 28 -> 14 -> 7, 32 -> 16 -> 8 -> 4, 45 -> 23 -> 12 -> 6, 64 -> 32 -> 16 -> 8 -> 4.
    """
    sizes = [size]
    while sizes[-1] > 7:
        sizes.append(math.ceil(size / 2 ** len(sizes)))
    return sizes
