"""The directions along which a model's latents matter most, in the way that fits its family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from paribus.base.randomness import keyed_seed
from paribus.latent.directions import activation_directions, principal_directions
from paribus.views.subject import Subject

IMAGES = 2000
"""Images at most that latents are looked at in."""
DRAWS = 2000
"""Latents that principal components of the first layer's output are found with."""


@dataclass(frozen=True)
class Axes:
    """Orthonormal or nearly so, the most important first.

    Args:
        directions: (k, latent), of length 1.
        middles: (k,) where the middle of the latents lies along each.
        deviations: (k,) how wide the latents lie along each.
        names: One for each, with what it is ordered by.
        base: (latent,) what the other directions are held at.
        held: The same in words.
        order: What they are ordered by, in words.
        shares: Of the variance (k,), of principal components; None of latent dimensions.
    """

    directions: Tensor
    middles: Tensor
    deviations: Tensor
    names: Sequence[str]
    base: Tensor
    held: str
    order: str
    shares: Tensor | None = None


def leading_axes(subject: Subject, count: int, label: int | str | None = None) -> Axes:
    """The leading axes of a model.

    With a posterior they are the latent dimensions, by their KL from the prior (the mean over test images); with
    another encoder the principal components of encoded test images; for a GAN the directions in z that move the first
    layer's output along its principal components (GANSpace).

    Args:
        subject: The model.
        count: How many; fewer where there are fewer.
        label: Class that a GAN's components are found for, if it is conditional.
    """
    model = subject.model
    if not model.can_encode:
        return activation_axes(subject, count, label)
    test = subject.subset(subject.data.test, IMAGES, 0)
    if model.has_posterior:
        nats = model.kl_by_dimension(test.images, test.labels)
        order = nats.argsort(descending=True)[:count]
        return Axes(
            torch.eye(len(nats))[order],
            torch.zeros(len(order)),
            torch.ones(len(order)),
            [f"z{j + 1}: {float(nats[j]):.2f} nats" for j in order.tolist()],
            torch.zeros(len(nats)),
            "at 0",
            "latent dimensions by their KL from the prior, the largest first",
        )
    latents = subject.latents(test.images, test.labels)
    found, middle = principal_directions(latents), latents.mean(0)
    vectors, shares = found.vectors[:count].float(), (found.strengths / found.strengths.sum())[:count]
    return Axes(
        vectors,
        vectors @ middle,
        found.strengths[:count].sqrt().float(),
        share_names(shares),
        middle,
        "at the mean",
        "principal components of encoded test images",
        shares,
    )


def activation_axes(subject: Subject, count: int, label: int | str | None = None) -> Axes:
    """The axes of `leading_axes` for a GAN; any decoder has them, and they need no images."""
    model = subject.model
    latents = model.latents(DRAWS, keyed_seed("axes", subject.seed))
    layer = model.first_layer(latents, subject.class_of(DRAWS, label))
    found = activation_directions(latents, layer, count)
    vectors = found.vectors.float()
    along = latents @ vectors.T
    return Axes(
        vectors,
        along.mean(0),
        along.std(0),
        share_names(found.strengths),
        model.latents(1, subject.seed)[0],  # since no sample lies near 0 in many dimensions
        "at one draw",
        "principal components of the first layer's output",
        found.strengths,
    )


def share_names(shares: Tensor) -> list[str]:
    """Names of principal components with the shares (k,) of variance that they have."""
    return [f"PC{k + 1}: {share:.1%}" for k, share in enumerate(shares.tolist())]
