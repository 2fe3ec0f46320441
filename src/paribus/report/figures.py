"""Figures as SVG text, drawn by hand. Pure functions of numbers.

Colours come from the page: a mark of model k lies in a group of class "s<k mod 8>", whose `color` the style sheet sets
for light and dark; each model has a dash pattern and a marker of its own besides. Text is in `currentColor`.
"""

from __future__ import annotations

import bisect
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from paribus.base.wording import number
from paribus.report.marks import (
    Axis,
    axis,
    coloured,
    dashed,
    frame,
    grid,
    left_margin,
    legend_box,
    legend_lines,
    marker,
    reference_line,
    shortened,
    svg,
    text,
)
from paribus.results.statistics import summary

Point = tuple[float, float]
CURVE_POINTS = 160


@dataclass(frozen=True)
class Curve:
    """A model's curve: one list of points per seed; `style` is the model's place in the study, `marked` shows each."""

    name: str
    style: int
    seeds: Sequence[Sequence[Point]]
    marked: bool = False


@dataclass(frozen=True)
class Dot:
    """One point of a scatter plot; `label` is read out on hovering."""

    name: str
    style: int
    x: float
    y: float
    label: str


@dataclass(frozen=True)
class DotRow:
    """A row of a dot plot: a value per seed, their mean, and an interval (or None)."""

    name: str
    style: int
    values: Sequence[float]
    mean: float
    interval: tuple[float, float] | None = None


def line_chart(
    title: str,
    curves: Sequence[Curve],
    x_label: str,
    y_label: str = "",
    *,
    markers: bool = False,
    legend: bool = False,
) -> str:
    """Curves over a shared x: each seed a thin line, their mean bold where there are several.

    From three seeds on a band shows the 95 % interval of the mean. With a legend the chart is larger.

    The y axis is logarithmic where all values are positive and span a factor of 100. A few far outliers (beyond 8 times
    the span of the middle 98 %) are cut at the frame, and a remark says so.
    """
    width, height = (440, 290) if legend else (360, 230)
    points = [p for curve in curves for seed in curve.seeds for p in seed]
    ys = [y for _, y in points]
    log = bool(ys) and min(ys) > 0 and max(ys) / min(ys) > 100
    shown, cut = (ys, False) if log else _without_outliers(ys)
    remarks = ["log scale"] if log else [f"peaks up to {number(max(ys, key=abs))} cut"] if cut else []
    y_text = " ".join([*([y_label] if y_label else []), *(f"({remark})" for remark in remarks)])
    top = 26 + (20 * len(legend_lines(curves, width)) if legend else 0) + (15 if y_text else 0)
    y = axis(shown, height - 38, top + 8, log=log)
    left = left_margin(y.ticks)
    x = axis([p[0] for p in points], left, width - 14, zero=True)
    x = Axis(x.low, max(p[0] for p in points) if points else 1.0, x.start, x.end, False, x.ticks)
    x.ticks[:] = [t for t in x.ticks if t <= x.high]
    clip = f"clip-{zlib.crc32(repr((title, y_label, curves)).encode()):08x}"
    parts = [frame(x, y, x_label, y_text, width, top)]
    parts.append(
        f'<clipPath id="{clip}"><rect x="{left}" y="{top}" width="{width - left - 8}" '
        f'height="{height - top - 36}"/></clipPath>'
    )
    parts.append(
        f'<g clip-path="url(#{clip})">{"".join(_curve(c, x, y, markers, len(curves) > 1) for c in curves)}</g>'
    )
    if legend:
        parts.append(legend_box(curves, width, 34, lines=True))
    names = ", ".join(dict.fromkeys(c.name for c in curves))
    return svg(width, height, f"{title}: {y_label or title} against {x_label}, for {names}", title, parts)


def _curve(curve: Curve, x: Axis, y: Axis, markers: bool, several: bool) -> str:
    dash = dashed(curve.style) if several else ""
    seeds = [s for s in curve.seeds if s]
    shown = seeds if len(seeds) > 1 else []
    thin = "".join(f'<polyline class="thin" points="{_path(thinned(s), x, y)}"/>' for s in shown)
    middle = mean_curve(seeds)
    bold = f'<polyline class="bold"{dash} points="{_path(thinned(middle), x, y)}"/>' if len(middle) > 1 else ""
    dots = ""
    if markers or curve.marked or len(middle) == 1:
        dots = "".join(
            marker(curve.style, x(px), y(py), 3.2, f"{curve.name}: {number(py)}") for s in seeds for px, py in s
        )
    return coloured(curve.style, _band(seeds, x, y), thin, bold, dots)


def _band(seeds: Sequence[Sequence[Point]], x: Axis, y: Axis) -> str:
    if len(seeds) < 3:
        return ""
    summaries = [(px, summary(values)) for px, values in _together(seeds)]
    summaries = summaries[:: max(1, len(summaries) // CURVE_POINTS)] + summaries[-1:]
    lower = [(px, found.mean if found.low is None else found.low) for px, found in summaries]
    upper = [(px, found.mean if found.high is None else found.high) for px, found in summaries]
    least = y.low if y.log else -math.inf  # an interval may reach below 0, where a logarithmic axis has no place
    outline = [(px, max(end, least)) for px, end in [*lower, *reversed(upper)]]
    return f'<polygon class="band" points="{_path(outline, x, y)}"/>' if len(summaries) > 1 else ""


def mean_curve(seeds: Sequence[Sequence[Point]]) -> list[Point]:
    """The mean of several curves where all of them are defined, by linear interpolation; never beyond an end."""
    seeds = [s for s in seeds if s]
    if len(seeds) <= 1:
        return list(seeds[0]) if seeds else []
    return [(px, math.fsum(values) / len(values)) for px, values in _together(seeds)]


def _together(seeds: Sequence[Sequence[Point]]) -> list[tuple[float, list[float]]]:
    low, high = max(s[0][0] for s in seeds), min(s[-1][0] for s in seeds)
    places = sorted({px for s in seeds for px, _ in s if low <= px <= high})
    places = [*places[: -1 : max(1, len(places) // (2 * CURVE_POINTS))], *places[-1:]]
    return [(px, [_at(s, px) for s in seeds]) for px in places]


def _at(points: Sequence[Point], px: float) -> float:
    after = bisect.bisect_left(points, (px, -math.inf))
    if after == 0 or after == len(points) or points[after][0] == px:
        return points[min(after, len(points) - 1)][1]
    (x0, y0), (x1, y1) = points[after - 1], points[after]
    return y0 + (y1 - y0) * (px - x0) / (x1 - x0)


def thinned(points: Sequence[Point], most: int = CURVE_POINTS) -> list[Point]:
    """At most about `most` points that keep the first, the last, and each stretch's lowest and highest."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(2 * len(points) / most)
    kept = {points[0], points[-1]}
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        kept |= {min(stretch, key=lambda p: p[1]), max(stretch, key=lambda p: p[1])}
    return sorted(kept)


def scatter(
    title: str,
    dots: Sequence[Dot],
    x_label: str,
    y_label: str,
    *,
    reference: tuple[str, float] | None = None,
    front: Sequence[Point] = (),
) -> str:
    """A marker for each dot, with a legend; axes are logarithmic where a factor of 20 is spanned.

    Through the points of a front, by rising x, goes a line of steps: what is had for so much.
    """
    width, height = 400, 300
    xs, ys = [d.x for d in dots], [d.y for d in dots] + ([reference[1]] if reference else [])
    top = 26 + 20 * len(legend_lines(dots, width)) + 15
    y = axis(ys, height - 38, top + 8, log=_wide(ys), zero=True)
    x = axis(xs, left_margin(y.ticks), width - 14, log=_wide(xs), zero=True)
    x_text, y_text = (label + (" (log scale)" if a.log else "") for label, a in ((x_label, x), (y_label, y)))
    parts = [frame(x, y, x_text, y_text, width, top)]
    if reference:
        parts.append(reference_line(reference[0], x.start, x.end, y(reference[1]), y(reference[1])))
    if front:
        parts.append(_steps(front, x, y))
    parts += [coloured(d.style, marker(d.style, x(d.x), y(d.y), 5, d.label)) for d in dots]
    parts.append(legend_box(dots, width, 34))
    return svg(
        width, height, f"{title}: {y_label} against {x_label}; {'; '.join(d.label for d in dots[:24])}", title, parts
    )


def _steps(front: Sequence[Point], x: Axis, y: Axis) -> str:
    """From each point level to the next one's x, then up or down to it; from the last one level to the end."""
    corners = [(x(px), y(py)) for px, py in front]
    places = "".join(f"{px:.1f},{py:.1f} {to:.1f},{py:.1f} " for (px, py), (to, _) in pairwise([*corners, (x.end, 0)]))
    return f'<polyline class="front" points="{places.strip()}"/>'


def dot_plot(title: str, rows: Sequence[DotRow], label: str, *, reference: tuple[str, float] | None = None) -> str:
    """A row per model: each seed a marker, the mean an upright stroke, the interval a bar."""
    width = 400
    values = [v for r in rows for v in (*r.values, r.mean)] + ([reference[1]] if reference else [])
    log = _wide(values)
    ends = [v for r in rows for v in r.interval or () if v > 0 or not log]
    left = min(130, max([60, *(round(len(r.name) * 6.9) + 12 for r in rows)]))
    top, step = 44, 34
    bottom = top + step * len(rows)
    x = axis(values + ends, left + 8, width - 16, log=log, zero=True)
    parts = [
        grid(x, bottom, top - 6),
        text(width - 16, bottom + 32, label + (" (log scale)" if x.log else ""), "end"),
    ]
    if reference:
        parts.append(reference_line(reference[0], x(reference[1]), x(reference[1]), top - 6, bottom))
    for place, row in enumerate(rows):
        middle = top + step * (place + 0.5)
        parts.append(text(left - 4, middle + 4, shortened(row.name, (left - 8) / 6.9), "end", "name"))
        parts.append(coloured(row.style, _interval(row, x, middle, 9)))
    spoken = "; ".join(f"{r.name} {number(r.mean)}" for r in rows)
    return svg(width, bottom + 40, f"{title}: {spoken}", title, parts)


def tiny_dots(row: DotRow, low: float, high: float, *, log: bool = False, reference: float | None = None) -> str:
    """A row of a dot plot without axes, for a table's cell; all rows of a column share `low` and `high`."""
    width, height = 132, 22
    x = Axis(low, high if high > low else low + 1, 6, width - 6, log and low > 0)
    parts = [f'<line class="rule" x1="6" x2="{width - 6}" y1="11" y2="11"/>']
    if reference is not None:
        parts.append(f'<line class="floor" x1="{x(reference):.1f}" x2="{x(reference):.1f}" y1="1" y2="21"/>')
    parts.append(coloured(row.style, _interval(row, x, 11, 7, 3.4)))
    label = f"{row.name}: seeds {', '.join(number(v) for v in row.values)}"
    return svg(width, height, label, "", parts, "tiny")


def _interval(row: DotRow, x: Axis, y: float, half: float, radius: float = 4.2) -> str:
    bar = ""
    if row.interval:
        low, high = (x(v) for v in row.interval)
        corner = f'x="{low:.1f}" y="{y - half / 2:.1f}"'
        bar = f'<rect class="interval" {corner} width="{max(high - low, 1):.1f}" height="{half:g}" rx="2"/>'
    mean = ""
    if len(row.values) > 1:
        at = f"{x(row.mean):.1f}"
        mean = f'<line class="mean" x1="{at}" x2="{at}" y1="{y - half:.1f}" y2="{y + half:.1f}"/>'
    return bar + mean + "".join(marker(row.style, x(v), y, radius, f"{row.name}: {number(v)}") for v in row.values)


def _path(points: Sequence[Point], x: Axis, y: Axis) -> str:
    # beyond the frame on purpose: the clip path cuts there
    return " ".join(f"{x(px):.1f},{_unclamped(y, py):.1f}" for px, py in points)


def _unclamped(a: Axis, value: float) -> float:
    if a.log or a.low <= value <= a.high:
        return a(value)
    return a.start + max(min((value - a.low) / (a.high - a.low), 20.0), -20.0) * (a.end - a.start)


def _without_outliers(ys: Sequence[float]) -> tuple[Sequence[float], bool]:
    if len(ys) < 20:
        return ys, False
    ranked, k = sorted(ys), max(1, len(ys) // 100)
    middle = ranked[k:-k]
    if ranked[-1] - ranked[0] > 8 * (middle[-1] - middle[0]) > 0:
        return middle, True
    return ys, False


def _wide(values: Sequence[float]) -> bool:
    return bool(values) and min(values) > 0 and max(values) / min(values) > 20
