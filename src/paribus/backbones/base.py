"""What every backbone shares: its two shapes, the size rule, and the head that ends each `down`."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from paribus.config import ImageShape, Settings


@dataclass(frozen=True)
class Trunk:
    """What a family decides of its `down`: all but the head, and how the head's layers are made.

    Args:
        stages: Modules from the image onwards; the last one's output is flattened to (N, features).
        features: Length of that.
        hidden: Units of the layer that joins a class or a second vector to the features.
        finish: Applied to each layer of the head, for example spectral norm.
        initialise: Applied to every module of trunk and head when all are built.
    """

    stages: list[nn.Module]
    features: int
    hidden: int = 128
    finish: Callable[[nn.Module], nn.Module] = lambda layer: layer
    initialise: Callable[[nn.Module], None] | None = None


Activation = Literal["relu", "leaky-relu"]


def activation_layer(name: Activation) -> nn.Module:
    """The layer of that name; the leak is 0.2."""
    return nn.ReLU() if name == "relu" else nn.LeakyReLU(0.2)


class PixelLayer(nn.Linear):
    """A fully connected layer whose inputs are an image's pixels, which an optimiser may teach more slowly.

    Adam and RMSprop move every weight by about the learning rate, however many there are, and neighbouring pixels
    agree, so that one update moves a unit by up to rate x pixels (arXiv:2203.03466, table 3: rates by 1 / fan-in).
    """

    largest_rate_times_inputs: ClassVar[float] = 2.4
    """vae's learning rate times the 784 pixels that it was chosen on is 2.352; beyond that the rate is cut."""

    @property
    def largest_rate(self) -> float:
        """The largest learning rate of its weights."""
        return self.largest_rate_times_inputs / self.in_features


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
    def trunk(self, image: ImageShape, *, critic: bool) -> Trunk:
        """Image to features, for `down`.

        Args:
            image: Shape of the input images.
            critic: Whether it is for a critic (one output, or a class by projection) or for an encoder or classifier.
        """

    def down(
        self, image: ImageShape, outputs: int, *, vector: int = 0, dropout: float = 0.0, projection: bool = False
    ) -> Down:
        """Image to vector.

        Args:
            image: Shape of the input images; with `image.classes` > 0 the module also takes labels (N,).
            outputs: Length of the output vector, which is linear.
            vector: Length of a second input (noise or a latent), joined to the last features; 0 for none.
            dropout: Probability of dropping a feature before the output.
            projection: How the class enters: False joins it to the last features, True adds its embedding's inner
                product with them to the output (a critic's way, arXiv:1802.05637).
        """
        trunk = self.trunk(image, critic=projection or outputs == 1)
        return Down(trunk, outputs, classes=image.classes, vector=vector, dropout=dropout, projection=projection)

    def vector(self, inputs: int, outputs: int, *, classes: int = 0) -> nn.Module:
        """Vector to vector, for latents: two hidden layers of 512, the same for every backbone.

        The module maps (N, inputs) and, with `classes` > 0, labels (N,) to (N, outputs).
        """
        layers = [nn.Linear(inputs + classes, 512), nn.LeakyReLU(0.2), nn.Linear(512, 512), nn.LeakyReLU(0.2)]
        return Conditioned(nn.Sequential(*layers, nn.Linear(512, outputs)), classes)


class Down(nn.Module):
    """An image to a vector: a trunk of stages, then one linear layer.

    A class, or a second input vector, is joined to the trunk's last features before one hidden layer; with `projection`
    the class is used by an inner product in place of that.
    """

    def __init__(
        self, trunk: Trunk, outputs: int, *, classes: int, vector: int, dropout: float, projection: bool
    ) -> None:
        """Builds the head; see `Backbone.down`, `classes` is 0 for none."""
        super().__init__()
        features = trunk.features
        self.trunk = nn.Sequential(*trunk.stages)
        self.feature_count = features
        self.joined_classes = 0 if projection else classes
        self.embedding = None
        if projection and classes:
            embedding = nn.Embedding(classes, features)
            nn.init.normal_(embedding.weight, 0.0, 0.02)  # small beside the output that it is added to
            self.embedding = trunk.finish(embedding)
        joined = features + self.joined_classes + vector
        layers: list[nn.Module] = []
        if self.joined_classes or vector:
            layers += [trunk.finish(nn.Linear(joined, trunk.hidden)), nn.LeakyReLU(0.2)]
            joined = trunk.hidden
        if dropout:
            layers.append(nn.Dropout(dropout))
        self.head = nn.Sequential(*layers, trunk.finish(nn.Linear(joined, outputs)))
        if trunk.initialise is not None:
            self.apply(trunk.initialise)

    def forward(self, images: Tensor, labels: Tensor | None = None, vector: Tensor | None = None) -> Tensor:
        """Maps images (N, C, H, W) in [-1, 1] to (N, outputs)."""
        return self.with_features(images, labels, vector)[0]

    def with_features(
        self, images: Tensor, labels: Tensor | None = None, vector: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """The output (N, outputs), and the outputs of the trunk's stages from the image onwards, in one pass."""
        stages = []
        for stage in self.trunk:
            images = stage(images)
            stages.append(images)
        joined = last = images.flatten(1)
        if self.joined_classes:
            joined = torch.cat([joined, one_hot(labels, self.joined_classes).to(joined.dtype)], dim=1)
        if vector is not None:
            joined = torch.cat([joined, vector.to(joined.dtype)], dim=1)
        output = self.head(joined)
        if self.embedding is not None:
            output = output + (self.embedding(known(labels)) * last).sum(1, keepdim=True)
        return output, stages


class Residual(nn.Module):
    """act(x + body(x)) (arXiv:1512.03385): the shape stays."""

    def __init__(self, body: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.activation = activation

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, ...) to the same shape."""
        return self.activation(maps + self.body(maps))


def residual_blocks(count: int, layers: Callable[[], list[nn.Module]], activation: nn.Module) -> list[nn.Module]:
    """So many of `Residual`, each of twice the new layers that `layers` gives, the activation between them."""
    return [Residual(nn.Sequential(*layers(), activation, *layers()), activation) for _ in range(count)]


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
    """Labels (N,) as float (N, classes); mixtures of classes (N, classes) stay as they are."""
    labels = known(labels)
    return labels if labels.is_floating_point() else nn.functional.one_hot(labels, classes).float()


def known(labels: Tensor | None) -> Tensor:
    """The labels, which a network conditioned on classes cannot do without."""
    if labels is None:
        raise ValueError("a network conditioned on classes was called without labels")
    return labels


def stage_sizes(size: int, smallest: int = 7) -> list[int]:
    """Side lengths from the image down to the smallest map: ceil(size / 2^k) until it is at most `smallest`.

    8 -> 4, 28 -> 14 -> 7, 32 -> 16 -> 8 -> 4, 45 -> 23 -> 12 -> 6, 64 -> 32 -> 16 -> 8 -> 4.
    """
    sizes = [size]
    while sizes[-1] > smallest:
        sizes.append(math.ceil(size / 2 ** len(sizes)))
    return sizes
