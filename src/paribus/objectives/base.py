"""What every objective is made of: networks by role, a batch, keyed random draws, and phases of one update each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.overrides import wrap_torch_function

from paribus.base.randomness import keyed_seed
from paribus.config import ImageShape, Optimizer, Settings
from paribus.results.protocol import Likelihood

Nets = dict[str, nn.Module]
"""Networks by role: G (generator or decoder), D (discriminator), E (encoder), ..."""


class Builder(Protocol):
    """What an objective asks of a backbone."""

    def up(self, latent_dim: int, image: ImageShape) -> nn.Module:
        """Latent to image."""

    def down(
        self, image: ImageShape, outputs: int, *, vector: int = 0, dropout: float = 0.0, projection: bool = False
    ) -> nn.Module:
        """Image to vector; `with_features` of it also gives what its stages put out."""

    def vector(self, inputs: int, outputs: int, *, classes: int = 0) -> nn.Module:
        """Vector to vector."""


@dataclass(frozen=True)
class Batch:
    """Training images of one update.

    Args:
        images: Float (B, C, H, W) in [-1, 1].
        labels: Int64 (B,), or None for data without labels or objectives that are not conditional.
        dataset_size: Number of training images.
        images_seen: Images that the run has seen before this step.
    """

    images: Tensor
    labels: Tensor | None
    dataset_size: int
    images_seen: int

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, start: int, stop: int) -> Batch:
        """A part of the batch."""
        labels = None if self.labels is None else self.labels[start:stop]
        return replace(self, images=self.images[start:stop], labels=labels)


class Draw:
    """Random numbers of one update, keyed by what they are for.

    The numbers of the whole batch are drawn and `start` to `stop` of them are handed out, so a batch that is worked off
    in parts (or on several devices) sees the same numbers as a batch in one piece.
    """

    def __init__(
        self, *key: int | str, device: torch.device | str = "cpu", rows: tuple[int, int, int] | None = None
    ) -> None:
        """Keys the draw.

        Args:
            *key: What the numbers are for, for example (seed, phase, repeat, step).
            device: Where they are made.
            rows: (start, stop, total) of a part of a batch; None for all of it.
        """
        self._generator = torch.Generator(device=device).manual_seed(keyed_seed(*key))
        self._rows = rows

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers; the first length counts the images at hand."""
        return self._part(torch.randn(self._total(shape), generator=self._generator, device=self._generator.device))

    def uniform(self, *shape: int) -> Tensor:
        """Numbers uniform in [0, 1); the first length counts the images at hand."""
        return self._part(torch.rand(self._total(shape), generator=self._generator, device=self._generator.device))

    def _total(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape if self._rows is None else (self._rows[2], *shape[1:])

    def _part(self, numbers: Tensor) -> Tensor:
        return numbers if self._rows is None else numbers[self._rows[0] : self._rows[1]]


@dataclass(frozen=True)
class Phase:
    """One optimiser update of a training step.

    Args:
        name: Prefix of its logged terms: "D" gives "D/loss".
        trains: Roles that get gradients; every other role is frozen.
        loss: Returns terms by name; "loss" is minimised, every entry is logged.
        repeats: Updates a step, each with a fresh batch if the loss sees images (critic steps).
        every: Only in every so many steps (lazy regularisation).
        sees_images: Whether the loss depends on the batch's images, and not only on its labels and its length. Images
            count as seen where they reach a loss.
        after: Called under no_grad after the update.
    """

    name: str
    trains: tuple[str, ...]
    loss: Callable[[Nets, Batch, Draw], dict[str, Tensor]]
    repeats: int = 1
    every: int = 1
    sees_images: bool = True
    after: Callable[[Nets, Batch], None] | None = None


def batches_per_step(phases: Sequence[Phase]) -> int:
    """Batches of training images that reach a loss in one step: repeat r of every phase sees the same one."""
    return max(phase.repeats for phase in phases if phase.sees_images)


class Objective(Settings):
    """An objective; its fields are its hyperparameters. `name` is the registered name."""

    name: ClassVar[str]
    averaged: ClassVar[tuple[str, ...]]
    """Roles whose averaged weights make the model that is sampled and saved."""
    optimizers: ClassVar[dict[str, Optimizer]]
    """An optimiser for each role, where the configuration does not say otherwise."""
    latent_dim: int = Field(64, ge=1, le=1 << 16)
    """Length of z."""
    conditional: bool = False
    """Whether the model is class-conditional: its networks get the class."""

    @property
    def couples_batch(self) -> bool:
        """Whether the loss is more than a mean over images.

        Gradients cannot be accumulated over parts then, and what joins images goes through `whole_batch` or
        `whole_mean`, so that a batch may be shared among processes.
        """
        return False

    @property
    def prior_is_normal(self) -> bool:
        """Whether `prior` draws every number of z from a standard normal distribution."""
        return True

    @property
    def judgement(self) -> Literal["logit", "score"] | None:
        """What D's first output says of an image: the logit of its being real, or a score without a scale of its own.

        None where no D sees images.
        """
        return None

    @abstractmethod
    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        """Builds the networks; `image.classes` is 0 unless `conditional`."""

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """The updates of one step, in order."""

    @abstractmethod
    def generate(self, nets: Nets, z: Tensor, labels: Tensor | None) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] from z (N, latent_dim)."""

    def prior(self, n: int, draw: Draw) -> Tensor:
        """Latents (n, latent_dim) to generate from: standard normal."""
        return draw.normal(n, self.latent_dim)


class EncodingObjective(Objective):
    """An objective with an encoder."""

    averaged: ClassVar[tuple[str, ...]] = ("E", "G")

    @abstractmethod
    def encode(self, nets: Nets, images: Tensor, labels: Tensor | None) -> Tensor:
        """Latents (N, latent_dim) of images in [-1, 1]: posterior means where there is a posterior."""


class LikelihoodObjective(EncodingObjective):
    """An objective with an encoder and a lower bound of the likelihood, or an estimate of one."""

    @abstractmethod
    def likelihood_terms(self, nets: Nets, images: Tensor, labels: Tensor | None, draw: Draw) -> dict[str, Tensor]:
        """Per image, at beta 1: reconstruction_nats (N,), kl_nats (N,), posterior_means (N, latent_dim)."""

    @property
    @abstractmethod
    def measured_likelihood(self) -> Likelihood:
        """What the nats mean."""


@wrap_torch_function(lambda rows: (rows,))
def whole_batch(rows: Tensor) -> Tensor:
    """Numbers of the batch's images (n, ...), with those of images in other processes: (N, ...), differentiable.

    In one process these are the rows themselves; `training.whole_batch` puts another in this one's place elsewhere.
    """
    return rows


@wrap_torch_function(lambda mean: (mean,))
def whole_mean(mean: Tensor) -> Tensor:
    """Mean over the images of all processes, from the mean over those at hand; differentiable. See `whole_batch`."""
    return mean


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def couples_images(net: nn.Module) -> bool:
    """Whether an image's output depends on the other images of the batch (batch norm)."""
    return any(isinstance(module, BATCH_NORMS) for module in net.modules())


def discriminator_outputs(discriminator: nn.Module, sets: Sequence[Tensor], labels: Tensor | None) -> list[Tensor]:
    """Outputs (N, outputs) for several sets of images (N, C, H, W) that share their labels, in fp32.

    In one pass over all of them where nothing joins the images of a batch: it is the same then, and faster.
    """
    if couples_images(discriminator):
        return [discriminator(images, labels).float() for images in sets]
    joined, repeated = one_batch(sets, labels)
    return list(discriminator(joined, repeated).float().chunk(len(sets)))


def cross_entropy_terms(real: Tensor, *fakes: Tensor) -> dict[str, Tensor]:
    """What a discriminator minimises that tells one kind of thing from others by logits, and how often it is right.

    The loss is E[softplus(-real)] + E[softplus(fake)], the second for each of `fakes`, all means over the batch;
    accuracy_fake is that of the last of them.
    """
    loss = softplus(-real).mean()
    for fake in fakes:
        loss = loss + softplus(fake).mean()
    accuracy_real, accuracy_fake = (real > 0).float().mean(), (fakes[-1] <= 0).float().mean()
    return {"loss": loss, "accuracy_real": accuracy_real, "accuracy_fake": accuracy_fake}


def one_batch(sets: Sequence[Tensor], labels: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Sets of rows (N, ...) that share their labels as one (sets * N, ...) in the first one's precision, and labels."""
    joined = torch.cat([rows.to(sets[0].dtype) for rows in sets])
    return joined, None if labels is None else labels.repeat(len(sets))


def with_features(net: nn.Module, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
    """Output (N, outputs) of a `down` in fp32, and the outputs of its stages from the image onwards, in one pass."""
    output, stages = net.with_features(images, labels)  # type: ignore[operator]
    return output.float(), stages
