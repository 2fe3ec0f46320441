"""Sets of points in [-1, 1]^2 whose modes are known, and how well samples match them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from paribus.base.errors import unknown
from paribus.objectives.base import Draw

NEAR_DEVIATIONS = 3.0
"""Of a mode, within which a sample is of high quality."""
FAIR_PART = 0.25
"""Of its fair share of the samples, from which on a mode counts as found."""
_PLACES = 64  # along a mode that is a piece of a curve: nearer to each other than the points' deviation


@dataclass(frozen=True)
class PointSet:
    """A mixture of Gaussians of one deviation, whose centres make up the modes.

    Args:
        name: As it is chosen.
        modes: Centres (modes, places, 2): one place for a spot, many for a piece of a curve. All places are alike.
        deviation: Of a point from its place, in each direction.
    """

    name: str
    modes: Tensor
    deviation: float

    def draw(self, n: int, draw: Draw) -> Tensor:
        """Points (n, 2)."""
        places = self.modes.flatten(0, 1)
        # rounding can make the product of a number just below 1 a whole one
        chosen = (draw.uniform(n) * len(places)).long().clamp(max=len(places) - 1)
        return places[chosen] + self.deviation * draw.normal(n, 2)

    def some(self, n: int) -> Tensor:
        """The same points (n, 2) at every call, to know the set by."""
        return self.draw(n, Draw("some points"))


def point_set(name: str) -> PointSet:
    """The set of that name: grid, moons, rings or spiral.

    Raises:
        ParibusError: There is none.
    """
    if name not in _SETS:
        raise unknown(f"There is no point set '{name}'", name, _SETS, where="data")
    return _SETS[name]()


def point_set_names() -> tuple[str, ...]:
    """All names."""
    return tuple(_SETS)


def _grid() -> PointSet:
    """16 spots in four rows."""
    line = torch.linspace(-0.72, 0.72, 4)
    return PointSet("grid", torch.cartesian_prod(line, line)[:, None], 0.04)


def _rings() -> PointSet:
    """Two circles about the middle, cut into 4 and 8 arcs of equal length."""
    return PointSet("rings", torch.cat([_pieces(_arc(0.4, 0, 360), 4), _pieces(_arc(0.8, 0, 360), 8)]), 0.02)


def _moons() -> PointSet:
    """Two half circles that reach into each other, each cut into 4 arcs."""
    upper = _pieces(_arc(0.5, 0, 180, middle=(-0.25, -0.125)), 4)
    lower = _pieces(_arc(0.5, 180, 360, middle=(0.25, 0.125)), 4)
    return PointSet("moons", torch.cat([upper, lower]), 0.03)


def _spiral() -> PointSet:
    """Archimedes' spiral of one and three quarter turns, cut into 8 pieces of equal length."""
    turns = torch.linspace(0.15, 1.9, 2000, dtype=torch.float64)
    angles, radii = 2 * math.pi * turns, 0.82 * turns / turns[-1]
    line = torch.stack([radii * angles.cos(), radii * angles.sin()], 1)
    lengths = torch.cat([torch.zeros(1), line.diff(dim=0).norm(dim=1).cumsum(0)])
    return PointSet("spiral", _pieces(lambda share: line[_nearest(lengths / lengths[-1], share)], 8), 0.02)


_SETS: dict[str, Callable[[], PointSet]] = {"rings": _rings, "grid": _grid, "moons": _moons, "spiral": _spiral}


def _pieces(curve: Callable[[Tensor], Tensor], count: int) -> Tensor:
    """A curve's places (count, _PLACES, 2), evenly spaced; `curve` takes shares (n,) of its length to places (n, 2)."""
    shares = (torch.arange(count * _PLACES, dtype=torch.float64) + 0.5) / (count * _PLACES)
    return curve(shares).float().view(count, _PLACES, 2)


def _arc(
    radius: float, start: float, end: float, middle: tuple[float, float] = (0.0, 0.0)
) -> Callable[[Tensor], Tensor]:
    """An arc of a circle from one angle to another, in degrees."""

    def places(shares: Tensor) -> Tensor:
        angles = torch.deg2rad(start + (end - start) * shares)
        return torch.stack([middle[0] + radius * angles.cos(), middle[1] + radius * angles.sin()], 1)

    return places


def _nearest(rising: Tensor, wanted: Tensor) -> Tensor:
    """Where in a rising row of numbers each wanted one is reached."""
    return torch.searchsorted(rising, wanted).clamp(max=len(rising) - 1)


def nearest_modes(points: Tensor, data: PointSet) -> tuple[Tensor, Tensor]:
    """The nearest mode (n,) of each point (n, 2), and the distance (n,) to that mode's nearest place."""
    distances = torch.cdist(points, data.modes.flatten(0, 1)).view(len(points), *data.modes.shape[:2]).amin(2)
    distance, mode = distances.min(1)
    return mode, distance


def near_data(points: Tensor, data: PointSet) -> Tensor:
    """Whether each point (n, 2) is of high quality: within three deviations of a mode, as 98.9 % of the data are.

    Source: arXiv:1705.07761, section 4.1. On curves the distance is to the curve: a little more of the data are.
    """
    return nearest_modes(points, data)[1] <= NEAR_DEVIATIONS * data.deviation


def modes_found(points: Tensor, data: PointSet) -> Tensor:
    """Whether each mode (modes,) gets at least `FAIR_PART` of its fair share of the points (n, 2), near enough.

    The points that count are those of high quality, each at its nearest mode; the fair share is n / modes. (Where one
    such point is enough, as in arXiv:1705.07761, points strewn all over the plane find every mode.)
    """
    mode, _ = nearest_modes(points, data)
    counts = torch.bincount(mode[near_data(points, data)], minlength=len(data.modes))
    return counts >= FAIR_PART * len(points) / len(data.modes)
