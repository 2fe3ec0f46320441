"""What samples in a plane are worth: how many are near the data, and which modes they reach."""

from __future__ import annotations

import torch
from torch import Tensor

from paribus.laboratory.points import PointSet

NEAR_DEVIATIONS = 3.0
FAIR_PART = 0.25


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
