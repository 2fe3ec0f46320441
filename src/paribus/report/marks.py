"""The parts that figures are made of: axes with ticks at round numbers; markers, text, frames, legends as SVG."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from paribus.base.wording import MINUS

STYLES = 8
DASHES = ("", "7 3", "2 2.5", "8 3 2 3", "12 4", "4 4", "1 3", "9 3 2 3 2 3")
MARKERS = ("circle", "square", "triangle", "diamond", "down", "plus", "cross", "hexagon")
FONT = 12


class Named(Protocol):
    """Anything with a name and a style, for a legend."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def style(self) -> int:
        """The model's place in the study."""


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
        low, high = self.low, self.high
        if self.log:
            low, high, value = (math.log10(v) for v in (low, high, max(value, 1e-300)))
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


def marker(style: int, x: float, y: float, size: float, label: str = "") -> str:
    """A model's marker at a pixel; its shape changes with the model, and again after eight models."""
    shape = MARKERS[(style + style // STYLES) % len(MARKERS)]
    title = f"<title>{escape(label)}</title>" if label else ""
    if shape == "circle":
        return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="{size:g}">{title}</circle>'
    s = size
    corners = {
        "square": [(-s, -s), (s, -s), (s, s), (-s, s)],
        "triangle": [(0, -1.2 * s), (1.15 * s, s), (-1.15 * s, s)],
        "down": [(0, 1.2 * s), (1.15 * s, -s), (-1.15 * s, -s)],
        "diamond": [(0, -1.35 * s), (1.35 * s, 0), (0, 1.35 * s), (-1.35 * s, 0)],
        "hexagon": [(1.1 * s * math.cos(k * math.pi / 3), 1.1 * s * math.sin(k * math.pi / 3)) for k in range(6)],
    }
    if shape in corners:
        points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners[shape])
        return f'<polygon class="mark" points="{points}">{title}</polygon>'
    d = s * (1.2 if shape == "plus" else 0.95)
    strokes = ((-d, 0, d, 0), (0, -d, 0, d)) if shape == "plus" else ((-d, -d, d, d), (-d, d, d, -d))
    path = "".join(f"M{x + a:.1f} {y + b:.1f}L{x + c:.1f} {y + e:.1f}" for a, b, c, e in strokes)
    return f'<path class="stroke" d="{path}">{title}</path>'


def dashed(style: int) -> str:
    """The attribute of a line that is dashed as its model's lines are; empty for a whole line."""
    return f' stroke-dasharray="{DASHES[style % STYLES]}"' if DASHES[style % STYLES] else ""


def coloured(style: int, *parts: str) -> str:
    """Parts in a model's colour, which the page sets for light and dark."""
    return f'<g class="s{style % STYLES}">{"".join(parts)}</g>'


def swatch(style: int) -> str:
    """A model's line and marker, for legends in the page."""
    line = f'<line class="bold" x1="1" x2="27" y1="7" y2="7"{dashed(style)}/>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="swatch" viewBox="0 0 28 14" width="28" height="14" '
        'aria-hidden="true">'
        f"{coloured(style, line, marker(style, 14, 7, 3.8))}</svg>"
    )


def svg(width: float, height: float, label: str, title: str, parts: Sequence[str], kind: str = "figure") -> str:
    """A whole figure with its spoken description."""
    head = f'<text class="title" x="2" y="15">{escape(title)}</text>' if title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" font-size="{FONT}" role="img" aria-label="{escape(label)}">{head}{"".join(parts)}</svg>'
    )


def frame(x: Axis, y: Axis, x_label: str, y_label: str, width: float, top: float) -> str:
    """Grid lines, ticks, base line and labels of a chart with two axes."""
    lines = "".join(
        f'<line class="rule" x1="{x.start:g}" x2="{x.end:g}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>'
        + text(x.start - 6, y(t) + 4, tick_label(t), "end", "tick")
        for t in y.ticks
    )
    ticks = "".join(text(x(t), y.start + 16, tick_label(t), "middle", "tick") for t in spaced(x))
    base = f'<line class="base" x1="{x.start:g}" x2="{x.end:g}" y1="{y.start:g}" y2="{y.start:g}"/>'
    return lines + ticks + base + text(2, top - 2, y_label) + text(x.end, y.start + 32, x_label, "end")


def grid(x: Axis, bottom: float, top: float) -> str:
    """Upright grid lines with ticks."""
    return "".join(
        f'<line class="rule" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{top:g}" y2="{bottom:g}"/>'
        + text(x(t), bottom + 16, tick_label(t), "middle", "tick")
        for t in spaced(x)
    )


def spaced(x: Axis) -> list[float]:
    """The ticks whose labels don't run into each other."""
    kept: list[float] = []
    for tick in x.ticks:
        room = 3.6 * (len(tick_label(tick)) + len(tick_label(kept[-1]))) + 8 if kept else 0
        if not kept or abs(x(tick) - x(kept[-1])) >= room:
            kept.append(tick)
    return kept


def reference_line(label: str, x0: float, x1: float, y0: float, y1: float) -> str:
    """A dashed line with its name: upright, or level where y0 = y1."""
    line = f'<line class="floor" x1="{x0:.1f}" x2="{x1:.1f}" y1="{y0:.1f}" y2="{y1:.1f}"/>'
    return line + (
        text(x1 - 2, y0 - 5, label, "end", "tick") if y0 == y1 else text(x0 + 4, y0 - 3, label, "start", "tick")
    )


def legend_lines(items: Sequence[Named], width: float) -> list[list[tuple[str, int, float]]]:
    """Lines of (name, style, x) that fit into the width."""
    lines: list[list[tuple[str, int, float]]] = [[]]
    x = 2.0
    for name, style in dict.fromkeys((i.name, i.style) for i in items):
        room = 40 + 6.9 * len(shortened(name, 22))
        if lines[-1] and x + room > width:
            lines.append([])
            x = 2.0
        lines[-1].append((name, style, x))
        x += room
    return lines


def legend_box(items: Sequence[Named], width: float, y: float, *, lines: bool = False) -> str:
    """Markers (and dashes) with names, from y downwards."""
    parts = []
    for place, line in enumerate(legend_lines(items, width)):
        for name, style, x in line:
            middle = y + 20 * place
            ends = f'x1="{x:.1f}" x2="{x + 22:.1f}" y1="{middle - 4:g}" y2="{middle - 4:g}"'
            stroke = f'<line class="bold"{dashed(style)} {ends}/>' if lines else ""
            parts.append(coloured(style, stroke, marker(style, x + 11, middle - 4, 4)))
            parts.append(text(x + 27, middle, shortened(name, 22), "start", "name"))
    return "".join(parts)


def text(x: float, y: float, text: str, anchor: str = "start", kind: str = "label") -> str:
    """A line of text; nothing for none."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>' if text else ""


def left_margin(ticks: Sequence[float]) -> float:
    """Room for the labels of an upright axis."""
    return 14 + 6.9 * max((len(tick_label(t)) for t in ticks), default=1)


def shortened(text: str, most: float) -> str:
    """The text in so many characters, without its middle: models of one study often differ in how they end."""
    if len(text) <= most:
        return text
    kept = max(2, int(most) - 1)
    return f"{text[: kept // 2]}…{text[-(kept - kept // 2) :]}"


def escape(text: str) -> str:
    """Text for XML: escaped, and without the characters that XML forbids."""
    return html.escape(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", text), quote=True)
