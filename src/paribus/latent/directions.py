"""Directions in latent space: without labels, of a decoder's layers; with them, of an attribute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.base.randomness import generator


@dataclass(frozen=True)
class Directions:
    """Directions, the most important first.

    Args:
        vectors: (k, latent) float64, of length 1; the sign is that which makes the largest entry positive.
        strengths: (k,) float64, descending: what they are ordered by.
    """

    vectors: Tensor
    strengths: Tensor

    def leading(self, count: int) -> Directions:
        """The first ones."""
        return Directions(self.vectors[:count], self.strengths[:count])


def principal_directions(rows: Tensor) -> Directions:
    """Principal components of rows (n, d), at most min(n, d) of them; strengths are variances (divided by n - 1)."""
    centred = rows.double() - rows.double().mean(0)
    if len(rows) < rows.shape[1]:  # the smaller of the two products: layers have many outputs
        values, along = torch.linalg.eigh(centred @ centred.T)
        vectors = torch.nn.functional.normalize((centred.T @ along).T, eps=1e-300)
    else:
        values, columns = torch.linalg.eigh(centred.T @ centred)
        vectors = columns.T
    return _ordered(vectors.flip(0), values.flip(0).clamp_min(0) / (len(rows) - 1))


def affine_weights(layer: Callable[[Tensor], Tensor], latent_dim: int) -> Tensor:
    """A (latent, features) of a layer that maps z (n, latent) to z A + b (n, features), read off its values."""
    ends = torch.cat([torch.zeros(1, latent_dim), torch.eye(latent_dim)])
    values = layer(ends).double()
    return values[1:] - values[0]


def closed_form_directions(weights: Tensor) -> Directions:
    """SeFa: directions in which a step of length 1 moves the first layer's output most.

    They are the eigenvectors of A Aᵀ; strengths are its eigenvalues, the squared length of that move.

    Source: arXiv:2007.06600, equation 6 (there A is transposed).

    Args:
        weights: A (latent, features), the layer being z A + b.
    """
    weights = weights.double()
    values, vectors = torch.linalg.eigh(weights @ weights.T)
    return _ordered(vectors.T.flip(0), values.flip(0).clamp_min(0))


def activation_directions(latents: Tensor, activations: Tensor, count: int) -> Directions:
    """GANSpace: directions in z that move the activations along their principal components.

    Components of the activations come first; then the latents are regressed on the activations' coordinates, and the
    direction of a component is the change of z that goes with a change of its coordinate alone. Strengths are the
    shares of the activations' variance that the components have.

    Source: arXiv:2004.02546, section 2.2, equation 3. We differ in giving directions the length 1.

    Args:
        latents: Draws (n, latent), n > count.
        activations: What they make of the layer (n, features).
        count: How many; fewer where the activations have fewer components that vary.
    """
    activations = activations.double()
    components = principal_directions(activations)
    shares = components.strengths / components.strengths.sum()
    kept = int((shares[:count] > 1e-9).sum())
    coordinates = (activations - activations.mean(0)) @ components.vectors[:kept].T  # (n, kept)
    changes = torch.linalg.lstsq(coordinates, latents.double() - latents.double().mean(0)).solution  # (kept, latent)
    return _ordered(changes / changes.norm(dim=1, keepdim=True), shares[:kept])


def _ordered(vectors: Tensor, strengths: Tensor) -> Directions:
    """The same with the sign that makes each vector's largest entry positive."""
    largest = vectors.abs().argmax(1, keepdim=True)
    return Directions(vectors * vectors.gather(1, largest).sign(), strengths)


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


def orthogonalised(direction: Tensor, others: Tensor) -> Tensor:
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
