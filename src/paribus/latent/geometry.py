"""Places in latent space: paths and planes through it, draws from its middle, and its maps on a plane."""

from __future__ import annotations

import torch
from torch import Tensor

from paribus.latent.directions import principal_directions

PROJECTIONS = ("pca", "tsne")
"""How many dimensions become two."""
EDGE = 0.05
"""Share of a standard normal distribution left out on each side of a plane."""


def quantiles(count: int) -> Tensor:
    """Places (count,) float32 that cut a standard normal distribution into equal shares, from 5 % to 95 %."""
    shares = torch.linspace(EDGE, 1 - EDGE, count, dtype=torch.float64)
    return torch.special.ndtri(shares).float()


def with_coordinates(base: Tensor, directions: Tensor, coordinates: Tensor) -> Tensor:
    """Latents (..., latent): the part of a latent along some directions takes each of the given values.

    Args:
        base: (latent,).
        directions: (k, latent), orthonormal.
        coordinates: (..., k), one for each direction.
    """
    return base - (base @ directions.T) @ directions + coordinates @ directions


def plane(base: Tensor, directions: Tensor, middles: Tensor, deviations: Tensor, count: int) -> Tensor:
    """Latents (count, count, latent) of a plane: rows go along the first direction, columns along the second.

    Args:
        base: (latent,); its part along the directions is replaced.
        directions: (2, latent), orthonormal.
        middles: (2,) where the latents' middle lies along each.
        deviations: (2,) how wide the latents lie along each; places are the middle plus normal quantiles times these.
        count: Places along each side.
    """
    places = middles + quantiles(count)[:, None] * deviations  # (count, 2)
    return with_coordinates(base, directions, torch.stack(torch.meshgrid(*places.T, indexing="ij"), -1))


def traversal(base: Tensor, direction: Tensor, places: Tensor) -> Tensor:
    """Latents (places, latent) along a unit vector: the part of `base` (latent,) along it takes each place in turn."""
    return with_coordinates(base, direction[None], places[:, None])


def straight_path(first: Tensor, second: Tensor, steps: int) -> Tensor:
    """Latents (steps, latent) on the line between two, both ends among them."""
    weights = torch.linspace(0, 1, steps)[:, None]
    return (1 - weights) * first + weights * second


def spherical_path(first: Tensor, second: Tensor, steps: int) -> Tensor:
    """Latents (steps, latent) on the arc between two, both ends among them, at even angles.

    Draws of a standard normal distribution in many dimensions lie near a sphere, and the line between two passes
    through its inside, where no draw lies. The length goes evenly from that of the first to that of the second; between
    latents of equal length this is the arc of a circle. Parallel latents have no arc: between them it is the line.

    Source: Shoemake 1985; for latents arXiv:1609.04468. We differ in interpolating directions and lengths apart, where
    slerp's own formula bends lengths when the ends' differ.
    """
    lengths = torch.stack([first.norm(), second.norm()])
    if bool((lengths == 0).any()):
        return straight_path(first, second, steps)
    one, other = first / lengths[0], second / lengths[1]
    angle = torch.arccos((one @ other).clamp(-1, 1))
    if float(angle.sin()) < 1e-4:
        return straight_path(first, second, steps)
    weights = torch.linspace(0, 1, steps)[:, None]
    arc = (((1 - weights) * angle).sin() * one + (weights * angle).sin() * other) / angle.sin()
    return arc * ((1 - weights) * lengths[0] + weights * lengths[1])


def truncated_normal(n: int, latent_dim: int, bound: float, generator: torch.Generator) -> Tensor:
    """Latents (n, latent_dim) float32 of a standard normal distribution cut off beyond `bound` on both sides.

    By the inverse of the distribution function, so that generators of one seed give the same places in it whatever
    the bound is. Drawing again what falls outside has the same distribution.

    Source: arXiv:1809.11096, section 3.1 (the truncation trick).
    """
    uniform = torch.rand(n, latent_dim, generator=generator, dtype=torch.float64)
    below = torch.special.ndtr(torch.tensor(-bound, dtype=torch.float64))
    return torch.special.ndtri(below + uniform * (1 - 2 * below)).clamp(-bound, bound).float()


def projected(latents: Tensor, method: str, seed: int = 0) -> Tensor:
    """Places (n, 2) float64 of latents (n, latent): the first two principal components, or t-SNE's.

    Two dimensions stay as they are. t-SNE shows who is whose neighbour; sizes of and distances between its groups mean
    little.
    """
    if latents.shape[1] == 2:
        return latents.double()
    centred = latents.double() - latents.double().mean(0)
    plane = centred @ principal_directions(latents).vectors[:2].T
    if plane.shape[1] == 1:
        return torch.cat([plane, torch.zeros_like(plane)], 1)
    if method == "pca":
        return plane
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(latents) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=seed % 2**32).fit_transform(latents.numpy())
    return torch.from_numpy(places).double()


def neighbour_agreement(latents: Tensor, labels: Tensor, k: int = 10) -> float:
    """Share of each latent's k nearest others that have its label, averaged over latents (n, latent), n > k.

    1 where every class lies apart; the sum of the squared class shares where classes are mixed.
    """
    distances = torch.cdist(latents.double(), latents.double()).fill_diagonal_(torch.inf)
    nearest = distances.topk(k, largest=False).indices  # (n, k)
    return float((labels[nearest] == labels[:, None]).double().mean())
