"""Directions in latent space from examples with and without an attribute."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.base.randomness import generator

HELD_OUT = 0.3
"""Share of the examples that a boundary is tested on."""
LEAST = 10
"""Examples with, and without, an attribute."""


@dataclass(frozen=True)
class Boundary:
    """The hyperplane that best parts latents with an attribute from those without.

    Args:
        normal: (latent,) float64 of length 1, towards those with it.
        offset: Added to z · normal to give the signed distance of z.
        accuracy: On held-out examples: the mean of the shares of both kinds that lie on their side; 0.5 is chance.
        held_out: Number of those examples.
    """

    normal: Tensor
    offset: float
    accuracy: float
    held_out: int


def linear_boundary(latents: Tensor, has: Tensor, seed: int = 0) -> Boundary:
    """InterFaceGAN: the boundary in z of an attribute that is read off the images.

    Source: arXiv:1907.10786, section 3.2. We differ in a logistic regression with both kinds weighted alike in place of
    a support vector machine on the most certain examples.

    Args:
        latents: (n, latent).
        has: bool (n,), whether the image of each has the attribute.
        seed: Which examples are held out.

    Raises:
        ParibusError: There are fewer than 10 examples of either kind.
    """
    from sklearn.linear_model import LogisticRegression

    check_examples(has)
    latents = latents.double()
    held_out = torch.zeros(len(has), dtype=torch.bool)
    for kind in (has, ~has):
        places = kind.nonzero()[:, 0]
        order = torch.randperm(len(places), generator=generator("boundary", seed))
        held_out[places[order[: round(HELD_OUT * len(places))]]] = True
    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    model.fit(latents[~held_out].numpy(), has[~held_out].numpy())
    weights = torch.from_numpy(model.coef_[0]).double()
    normal, offset = weights / weights.norm(), float(model.intercept_[0]) / float(weights.norm())
    right = (latents @ normal + offset > 0) == has
    accuracy = (right[held_out & has].double().mean() + right[held_out & ~has].double().mean()) / 2
    return Boundary(normal, offset, float(accuracy), int(held_out.sum()))


def mean_difference(latents: Tensor, has: Tensor) -> Tensor:
    """The attribute's vector (latent,) float64: the mean latent of examples that have it minus that of the others.

    Source: arXiv:1512.09300, section 4.

    Raises:
        ParibusError: There are fewer than 10 examples of either kind.
    """
    check_examples(has)
    return latents[has].double().mean(0) - latents[~has].double().mean(0)


def without(direction: Tensor, others: Tensor) -> Tensor:
    """A direction (latent,) less its parts along others (k, latent), of length 1: moving along it leaves those alone.

    Source: arXiv:1907.10786, section 3.3 (conditional manipulation by projection).

    Raises:
        ParibusError: Nothing is left of it.
    """
    direction = direction.double()
    spanned = torch.linalg.qr(others.double().T).Q  # (latent, k)
    left = direction - spanned @ (spanned.T @ direction)
    if left.norm() < 1e-6 * direction.norm():
        raise ParibusError(
            "Nothing is left of a direction that lies wholly in those that are to be held.",
            where="--hold",
            fix="hold fewer attributes, and not the one that is to change",
        )
    return left / left.norm()


def check_examples(has: Tensor) -> None:
    """Raises a ParibusError where there are too few examples of either kind, has being bool (n,)."""
    count = int(has.sum())
    if min(count, len(has) - count) < LEAST:
        raise ParibusError(
            "There are too few examples of an attribute.",
            where="--attribute",
            got=f"{count} images with it and {len(has) - count} without",
            expected=f"at least {LEAST} of each",
            fix="train longer, or choose another attribute: a model that never draws it has no direction for it",
        )
