"""The map: a plane of latent space, its places decoded, and where the codes of test images lie on it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.latent.geometry import with_coordinates
from paribus.views.axes import Axes

REACH = 2.5
"""Deviations that the map goes to on each side."""
TILES = 11
"""Decoded places along each side."""


@dataclass(frozen=True)
class Plane:
    """The plane of the two leading axes through their `base`; a place is in deviations along both.

    Args:
        base: (latent,) what all other directions are held at.
        directions: (2, latent), orthonormal.
        middles: (2,) of the latents along them.
        deviations: (2,) of the latents along them.
    """

    base: Tensor
    directions: Tensor
    middles: Tensor
    deviations: Tensor

    @classmethod
    def of(cls, axes: Axes) -> Plane:
        """The plane of a model's axes.

        Raises:
            ParibusError: There is but one axis.
        """
        if len(axes.directions) < 2:
            raise ParibusError("A map needs two latent dimensions.", where="objective.latent_dim", got=len(axes.base))
        first, second = axes.directions[:2]
        second = second - (second @ first) * first  # components of activations are not at right angles in z
        directions = torch.stack([first, second / second.norm()])
        return cls(axes.base, directions, axes.middles[:2], axes.deviations[:2])

    def latents(self, places: Tensor) -> Tensor:
        """Latents (..., latent) of places (..., 2)."""
        return with_coordinates(self.base, self.directions, self.middles + places * self.deviations)

    def places(self, latents: Tensor) -> Tensor:
        """Places (..., 2) of latents (..., latent): those of the plane that are nearest."""
        # latents that do not vary along an axis have no deviation
        return (latents @ self.directions.T - self.middles) / self.deviations.clamp_min(1e-6)

    def tiles(self) -> Tensor:
        """Latents (TILES, TILES, latent) of the middles of tiles, in rows from the top of the second axis."""
        half = REACH / TILES
        along = torch.linspace(-REACH + half, REACH - half, TILES)
        y, x = torch.meshgrid(along.flip(0), along, indexing="ij")
        return self.latents(torch.stack([x, y], -1))
