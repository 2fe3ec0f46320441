"""The parts that figures are made of, as SVG text: markers, text, frames, legends."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from typing import Protocol

from paribus.report.axes import Axis, tick_label

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


def swatch(style: int) -> str:
    """A model's line and marker, for legends in the page."""
    dash = DASHES[style % STYLES]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    line = f'<line class="bold" x1="1" x2="27" y1="7" y2="7"{dashed}/>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="swatch" viewBox="0 0 28 14" width="28" height="14" '
        'aria-hidden="true">'
        f'<g class="s{style % STYLES}">{line}{marker(style, 14, 7, 3.8)}</g></svg>'
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
            dash = f' stroke-dasharray="{DASHES[style % STYLES]}"' if lines and DASHES[style % STYLES] else ""
            stroke = (
                f'<line class="bold"{dash} x1="{x:.1f}" x2="{x + 22:.1f}" y1="{middle - 4:g}" y2="{middle - 4:g}"/>'
            )
            stroke = stroke if lines else ""
            parts.append(f'<g class="s{style % STYLES}">{stroke}{marker(style, x + 11, middle - 4, 4)}</g>')
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
