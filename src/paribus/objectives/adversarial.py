"""What all objectives of a generator against a discriminator share."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

from paribus.config import ImageShape, NotNegative, Optimizer, value_at
from paribus.objectives.augmentation import DiffAugmentPolicy, diff_augment
from paribus.objectives.base import Batch, Builder, Draw, Nets, Objective, Phase


class AdversarialObjective(Objective):
    """G turns noise into images, D sees them beside real ones; updates of D, then of G.

    G ends in tanh. With `conditional` G gets the class as an input and D by projection (arXiv:1802.05637); a generated
    image has the class of the real one in its place of the batch. D's phase draws fresh noise in each update.
    """

    averaged: ClassVar[tuple[str, ...]] = ("G",)
    optimizers: ClassVar[dict[str, Optimizer]] = dict.fromkeys(("G", "D"), Optimizer(learning_rate=2e-4, beta1=0.5))

    noise: Literal["normal", "uniform"] = "normal"
    """Distribution of each number of z: standard normal, or uniform in [-1, 1)."""
    discriminator_steps: int = Field(1, ge=1, le=1000)
    """Updates of D in each step, each with a fresh batch."""
    generator_steps: int = Field(1, ge=1, le=1000)
    """Updates of G in each step, each with fresh noise; more than D's help a G that D would outrun."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout before D's output."""
    diff_augment: DiffAugmentPolicy = "none"
    """Random changes to all images that D sees, real and generated, in both phases (arXiv:2006.10738)."""
    instance_noise: NotNegative = 0.0
    """Deviation of the normal noise on all pixels that D sees, real and generated, in both phases (arXiv:1610.04490): a
    number, or {start, end, images}, such as 0.1 falling to 0."""

    @property
    @override
    def prior_is_normal(self) -> bool:
        return self.noise == "normal"

    @property
    @override
    def judgement(self) -> Literal["logit", "score"]:
        return "logit"

    @override
    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        discriminator = backbone.down(image, 1, dropout=self.dropout, projection=True)
        return {"G": backbone.up(self.latent_dim, image), "D": discriminator}

    @override
    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase("D", ("D",), self.discriminator_terms, self.discriminator_steps),
            Phase("G", ("G",), self.generator_terms, self.generator_steps, sees_images=self.generator_sees_images),
        )

    @property
    def generator_sees_images(self) -> bool:
        """Whether G's loss depends on training images."""
        return False

    @override
    def prior(self, n: int, draw: Draw) -> Tensor:
        """Normal or uniform, by `noise`."""
        if self.noise == "uniform":
            return 2 * draw.uniform(n, self.latent_dim) - 1
        return draw.normal(n, self.latent_dim)

    @override
    def generate(self, nets: Nets, z: Tensor, labels: Tensor | None) -> Tensor:
        return torch.tanh(nets["G"](z, labels))

    @abstractmethod
    def discriminator_terms(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """What D minimises ("loss"), and what else is logged."""

    @abstractmethod
    def generator_terms(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """What G minimises ("loss"), and what else is logged."""

    def real_and_fake(self, nets: Nets, z: Tensor, batch: Batch, draw: Draw) -> tuple[Tensor, Tensor]:
        """The batch's images and those of z, as D is to see them."""
        return self.seen(batch.images, batch, draw), self.fake(nets, z, batch, draw)

    def fake(self, nets: Nets, z: Tensor, batch: Batch, draw: Draw) -> Tensor:
        """Generated images (B, C, H, W) of z with the batch's classes, as D is to see them."""
        return self.seen(self.generate(nets, z, batch.labels).to(batch.images.dtype), batch, draw)

    def seen(self, images: Tensor, batch: Batch, draw: Draw) -> Tensor:
        """Images (B, C, H, W) as D is to see them: with DiffAugment, then with instance noise."""
        images = diff_augment(images, self.diff_augment, draw)
        deviation = value_at(self.instance_noise, batch.images_seen)
        return images + deviation * draw.normal(*images.shape) if deviation else images
