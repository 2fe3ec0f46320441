"""Axes: from values to pixels, with ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from paribus.base.wording import MINUS


@dataclass(frozen=True)
class Axis:
    """A linear or logarithmic map from [low, high] to pixels [start, end]; ticks are values."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    ticks: list[float] = field(default_factory=list)

    def __call__(self, value: float) -> float:
        """The pixel of a value; values outside are mapped onto the nearer end."""
        low, high, value = (math.log10(v) for v in (self.low, self.high, max(value, 1e-300))) if self.log else (
            self.low, self.high, value,
        )  # fmt: skip
        share = (value - low) / (high - low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """At most `most` + 1 multiples of 1, 2 or 5 x 10^k that lie within [low, high]."""
    if high <= low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [round(k * step, digits) + 0.0 for k in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Powers of ten within [low, high]; with 2 and 5 between them where there are few, thinned where there are many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{f}e{k}") for k in range(first, last + 1) for f in factors]
        ticks = [t for t in ticks if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]


def axis(values: Sequence[float], start: float, end: float, *, log: bool = False, zero: bool = False) -> Axis:
    """An axis that holds all values: rounded outwards to ticks; with `zero`, a linear one reaches 0.

    Falls back to a linear axis where a value is not positive, or 30 powers of ten below the largest.
    """
    # what is smaller than any score leaves no room for the arithmetic of ticks: it counts as 0
    values = [v if abs(v) > 1e-290 else 0.0 for v in values if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(values), max(values)
    if log and low > 1e-30 * high:
        low, high = (
            (low / 1.25, high * 1.25) if low == high else (low * (low / high) ** 0.05, high * (high / low) ** 0.05)
        )
        return Axis(low, high, start, end, True, log_ticks(low, high))
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    ticks = nice_ticks(low, high)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else high - low
    low, high = (
        edge(v / step + nudge) * step for v, edge, nudge in ((low, math.floor, 1e-9), (high, math.ceil, -1e-9))
    )
    return Axis(low, high, start, end, False, nice_ticks(low, high, round((high - low) / step)))


def tick_label(value: float) -> str:
    """A tick's text: 0, 0.05, 20k, 1.5M, 1e−7."""
    size = abs(value)
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= power * (10 if letter == "k" else 1):
            return f"{value / power:g}{letter}".replace("-", MINUS)
    if 0 < size < 1e-4:
        return f"{value:.0e}".replace("e-0", "e-").replace("-", MINUS)
    return f"{value:,.10g}".replace("-", MINUS)
