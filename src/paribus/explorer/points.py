"""Points of latent space as the page names them, and the plane that its map shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.config import Settings
from paribus.explorer.exhibits import SLIDERS, Exhibit
from paribus.latent.geometry import spherical_path, straight_path, with_coordinates
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


LARGEST = 1e4
"""Of any number of a latent: far beyond every draw, and far from what float32 cannot hold."""
STEPS = 100
"""Places between two latents."""

Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Vector = Annotated[list[Number], Field(max_length=1 << 16)]
Seed = Annotated[int, Field(ge=0, lt=1 << 53)]  # what JavaScript holds exactly


class Drawn(Settings):
    """A draw of the model's, its distance from the middle times `temperature` (below 1: truncation)."""

    kind: Literal["drawn"] = "drawn"
    seed: Seed = 0
    temperature: float = Field(1.0, ge=0, le=2)


class Given(Settings):
    """A latent itself: of an image, or saved before."""

    kind: Literal["given"]
    latent: Vector


class OnMap(Settings):
    """A place of the map, in deviations along its two axes."""

    kind: Literal["map"]
    x: float = Field(ge=-10, le=10)
    y: float = Field(ge=-10, le=10)


class Between(Settings):
    """A share of the way from one latent to another: on the arc where the prior is normal, else on the line."""

    kind: Literal["between"]
    first: Vector
    second: Vector
    share: float = Field(ge=0, le=1)


Start = Annotated[Drawn | Given | OnMap | Between, Field(discriminator="kind")]


class Point(Settings):
    """A latent and what it is decoded with.

    Args:
        start: Where it begins.
        moves: How far from there along each leading axis, in deviations.
        label: Class, for a conditional model; the first by default.
        snapshot: Training images after which the model is asked; the end by default.
    """

    start: Start = Drawn()
    moves: list[Number] = Field([], max_length=SLIDERS)
    label: int | None = Field(None, ge=0)
    snapshot: int | None = None


def latent_of(exhibit: Exhibit, point: Point) -> Tensor:
    """The latent (latent,) of a point.

    Raises:
        ParibusError: A latent has another length than the model's.
    """
    z = _start(exhibit, point)
    if any(point.moves):
        axes = exhibit.axes(point.label)
        moves = torch.zeros(len(axes.directions))
        count = min(len(moves), len(point.moves))  # the other model may have more axes
        moves[:count] = torch.tensor(point.moves[:count])
        z = z + (moves * axes.deviations) @ axes.directions
    return z


def _start(exhibit: Exhibit, point: Point) -> Tensor:
    match point.start:
        case Drawn(seed=seed, temperature=temperature):
            z = exhibit.subject.model.latents(1, seed, exhibit.labels(point.label))[0]
            return z if temperature == 1 else exhibit.middle + temperature * (z - exhibit.middle)
        case Given(latent=latent):
            return _checked(exhibit, latent)
        case OnMap(x=x, y=y):
            return Plane.of(exhibit.axes(point.label)).latents(torch.tensor([x, y]))
        case Between(first=first, second=second, share=share):
            return between(exhibit, first, second)[round(share * STEPS)]


def between(exhibit: Exhibit, first: list[float], second: list[float], steps: int = STEPS + 1) -> Tensor:
    """Latents (steps, latent) from one to another, both ends among them."""
    path = spherical_path if exhibit.subject.model.prior_is_normal else straight_path
    return path(_checked(exhibit, first), _checked(exhibit, second), steps)


def _checked(exhibit: Exhibit, latent: list[float]) -> Tensor:
    length = len(exhibit.middle)
    if len(latent) != length:
        raise ParibusError(
            f"The latent does not fit the model '{exhibit.name}'.",
            where="latent",
            got=f"{len(latent)} numbers",
            expected=f"{length} numbers",
            fix="take one that was saved from this model",
        )
    return torch.tensor(latent)
