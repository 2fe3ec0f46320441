"""Paths and planes through latent space."""

from __future__ import annotations

import torch
from torch import Tensor

EDGE = 0.05
"""Share of a standard normal distribution left out on each side of a plane."""


def quantiles(count: int) -> Tensor:
    """Places (count,) float32 that cut a standard normal distribution into equal shares, from 5 % to 95 %."""
    shares = torch.linspace(EDGE, 1 - EDGE, count, dtype=torch.float64)
    return torch.special.ndtri(shares).float()


def placed(base: Tensor, directions: Tensor, coordinates: Tensor) -> Tensor:
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
    return placed(base, directions, torch.stack(torch.meshgrid(*places.T, indexing="ij"), -1))


def traversal(base: Tensor, direction: Tensor, places: Tensor) -> Tensor:
    """Latents (places, latent) along a unit vector: the part of `base` (latent,) along it takes each place in turn."""
    return placed(base, direction[None], places[:, None])


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
