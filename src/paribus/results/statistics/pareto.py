"""Which models give the best quality for their cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

EQUAL_COST = 0.02
"""Costs that differ by less than this share count as equal: two runs of 20 s never take the same microseconds."""


@dataclass(frozen=True)
class Front:
    """The models of a front, by rising cost, and what speaks against the others.

    Attributes:
        models: Those that no other model dominates by its means.
        dominated: Each other model, with one that costs no more and beats it: off the front for sure.
        unsure: Each other model, with one that costs no more and has a better mean, but is not told apart from it.
    """

    models: tuple[str, ...]
    dominated: dict[str, str]
    unsure: dict[str, str]


def pareto_front(
    points: Mapping[str, tuple[float, float]], beats: Callable[[str, str], bool] = lambda better, worse: True
) -> Front:
    """The front of (cost, shortfall) points; of both the less is the better.

    A model is dominated by one that costs no more (within 2 %) and is better, or is as good and costs less.

    Args:
        points: Each model's mean cost, above 0, and mean shortfall.
        beats: Whether the first model is told apart as better than the second.
    """
    models, dominated, unsure = [], {}, {}
    for model, (cost, shortfall) in sorted(points.items(), key=lambda item: item[1]):
        better = [
            other
            for other, (its_cost, its_shortfall) in points.items()
            if (its_shortfall < shortfall and its_cost <= cost * (1 + EQUAL_COST))
            or (its_shortfall == shortfall and its_cost * (1 + EQUAL_COST) < cost)
        ]
        surely = [other for other in better if beats(other, model)]
        if not better:
            models.append(model)
        elif surely:
            dominated[model] = min(surely, key=lambda other: points[other][::-1])
        else:
            unsure[model] = min(better, key=lambda other: points[other][::-1])
    return Front(tuple(models), dominated, unsure)
