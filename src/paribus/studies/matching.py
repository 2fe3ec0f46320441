"""Equal parameters: the width of each backbone scaled until its networks have as many as another model's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.models.networks import parameter_counts
from paribus.recipes import RunConfig

TOLERANCE = 0.02
STEPS = (16, 8, 4, 2, 1)
"""Widths are multiples of the first of these that comes near enough: round widths keep groups and vectors whole."""
WIDEST = 1 << 16


@dataclass(frozen=True)
class Match:
    """The width that was found, the parameters of all roles with it, and how many were wanted."""

    width: int
    parameters: int
    target: int


def total_parameters(config: RunConfig, shape: ImageShape) -> int:
    """Trainable numbers of all roles together."""
    return sum(parameter_counts(config, shape).values())


def match_width(config: RunConfig, shape: ImageShape, target: int, label: str) -> Match:
    """Finds the backbone's width at which all roles together have `target` parameters, within 2 %.

    Its own width stays if it is near enough.

    Raises:
        ParibusError: No width comes near enough, or the backbone has none.
    """
    own = getattr(config.backbone, "width", None)
    if own is None:
        raise ParibusError(
            f"The backbone '{config.backbone.name}' has no width to scale.",
            where="params",
            got=label,
            fix="leave it out",
        )
    tried = {own: total_parameters(config, shape)}

    def count(width: int) -> int:
        if width not in tried:
            tried[width] = total_parameters(with_width(config, width), shape)
        return tried[width]

    def difference(width: int) -> float:
        return abs(count(width) / target - 1)

    if difference(own) <= TOLERANCE:
        return Match(own, count(own), target)
    for step in STEPS:
        width = min(_neighbours(count, target, step), key=difference)
        if difference(width) <= TOLERANCE:
            return Match(width, count(width), target)
    nearest = min(tried, key=difference)
    raise ParibusError(
        f"No width gives '{label}' as many parameters as the study wants, within {TOLERANCE:.0%}.",
        where="params",
        got=f"nearest: {count(nearest):,} with width {nearest} ({count(nearest) / target - 1:+.1%})",
        expected=f"{target:,}",
        fix=f"write params: {count(nearest)}, which '{label}' reaches, or name it first under axes.model",
    )


def _neighbours(count: Callable[[int], int], target: int, step: int) -> tuple[int, int]:
    """The multiples of `step` on both sides of the target, by bisection: more width, more parameters."""
    low, high = step, 2 * step
    while count(high) < target and high < WIDEST:
        low, high = high, 2 * high
    while high - low > step:
        middle = (low + high) // (2 * step) * step
        low, high = (middle, high) if count(middle) < target else (low, middle)
    return low, high


def with_width(config: RunConfig, width: int) -> RunConfig:
    """The configuration with another width of its backbone."""
    return config.model_copy(update={"backbone": config.backbone.model_copy(update={"width": width})})
