"""What each axis of a study does by itself: main effects of a full factorial design."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from paribus.results.statistics.intervals import Summary, summary


class Measured(TypedDict):
    """One run's value: where it stands on each axis, its seed, and its value (None where it has none)."""

    axes: Mapping[str, Any]
    seed: int
    value: float | None


@dataclass(frozen=True)
class Effect:
    """One value of one axis.

    Attributes:
        axis: The axis's key path.
        level: The value of the axis.
        effect: Mean over the other axes at this value, less the grand mean, summarised over seeds.
        left_out: Seeds that lack a run of some combination, through a failure or because it is not finished: they are
            in no effect, since without it the level would be held against other companions than the rest.
    """

    axis: str
    level: Any
    effect: Summary
    left_out: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def main_effects(rows: Sequence[Measured]) -> list[Effect]:
    """The effect of every value of every axis that has several, in the order of the rows.

    Each seed gives one effect: the mean of its runs at that value less the mean of all of its runs. The interval is
    that of the mean over seeds. A design is full where every combination of values was run; only then do the other
    axes cancel.

    Returns:
        Effects by axis and level; none where no seed has a value for every combination.
    """
    cells: dict[int, dict[tuple[str, ...], float]] = {}
    for row in rows:
        of_seed = cells.setdefault(row["seed"], {})
        if row["value"] is not None and math.isfinite(row["value"]):
            of_seed[_cell(row["axes"])] = row["value"]
    axes = {axis: _levels(rows, axis) for axis in (rows[0]["axes"] if rows else ())}
    size = math.prod(len(levels) for levels in axes.values())
    whole = {seed: values for seed, values in cells.items() if len(values) == size}
    left_out = tuple(sorted(cells.keys() - whole.keys()))
    effects = []
    for place, (axis, levels) in enumerate(axes.items()):
        for name, level in levels.items() if whole and len(levels) > 1 else ():
            found = [
                _mean([v for cell, v in values.items() if cell[place] == name]) - _mean([*values.values()])
                for values in whole.values()
            ]
            effects.append(Effect(axis, level, summary(found), left_out))
    return effects


def _levels(rows: Sequence[Measured], axis: str) -> dict[str, Any]:
    return {repr(row["axes"][axis]): row["axes"][axis] for row in rows}


def _cell(axes: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(repr(value) for value in axes.values())  # a value may be a list


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
