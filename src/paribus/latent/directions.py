"""Directions in latent space without labels: by a decoder's first layer, by its activations, by latents themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


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
