from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest
import scipy.stats
from hypothesis import example, given
from hypothesis import strategies as st

from paribus.report import figures
from paribus.report.figures import Curve, Dot, DotRow
from paribus.report.marks import MARKERS, STYLES, Axis, axis, log_ticks, marker, nice_ticks, swatch, tick_label

NASTY = 'a <b> & "c" \x07'


def elements(svg: str, tag: str, kind: str) -> list[ET.Element]:
    found = ET.fromstring(svg).iter(f"{{http://www.w3.org/2000/svg}}{tag}")
    return [e for e in found if e.get("class") == kind]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 97, [0, 20, 40, 60, 80]),
        (-3, 3, [-2, 0, 2]),
        (0.0012, 0.0049, [0.002, 0.003, 0.004]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_nice_numbers(low: float, high: float, expected: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(expected)


def test_log_ticks_are_few_and_round() -> None:
    assert log_ticks(1.5, 60) == [2, 5, 10, 20, 50]
    assert log_ticks(1e-3, 1e3) == [1e-3, 1e-1, 1e1, 1e3]
    assert [tick_label(v) for v in (0, 0.05, 2000, 20000, 1.5e6, -3, 1e-7)] == [
        "0", "0.05", "2,000", "20k", "1.5M", "−3", "1e−7"
    ]  # fmt: skip


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20), st.booleans(), st.booleans())
@example([1.0, 2.2e-309], True, False)
@example([5e-324], False, False)
def test_an_axis_holds_its_values(values: list[float], log: bool, zero: bool) -> None:
    found = axis(values, 10, 110, log=log, zero=zero)
    slack = 1e-6 * max(abs(found.low), abs(found.high))
    assert found.low - slack <= min(values) <= max(values) <= found.high + slack
    assert all(10 <= found(v) <= 110 for v in values)
    assert len(found.ticks) <= 12


def test_axis_maps_linearly_and_logarithmically() -> None:
    assert Axis(0, 10, 100, 200)(2.5) == 125
    assert Axis(1, 100, 0, 100, log=True)(10) == pytest.approx(50)
    assert Axis(0, 10, 0, 100)(-5) == 0


def test_scatter_puts_points_where_they_belong() -> None:
    dots = [Dot("a", 0, 10, 5, "first"), Dot("b", 0, 20, 10, "second")]
    svg = figures.scatter("Quality", dots, "seconds", "distance")
    marks = elements(svg, "circle", "mark")
    by_title = {m[0].text: (float(m.get("cx", 0)), float(m.get("cy", 0))) for m in marks if len(m)}
    base = next(e for e in ET.fromstring(svg).iter() if e.get("class") == "base")
    left, right, bottom = (float(base.get(k, 0)) for k in ("x1", "x2", "y1"))
    assert by_title["second"] == pytest.approx((right, by_title["second"][1]), abs=0.1)  # the axis ends at 20
    assert by_title["first"][0] == pytest.approx((left + right) / 2, abs=0.1)
    heights = {k: bottom - y for k, (_, y) in by_title.items()}
    assert heights["second"] == pytest.approx(2 * heights["first"], abs=0.1)


def test_dot_plot_has_a_dot_per_seed_an_interval_and_a_floor() -> None:
    rows = [DotRow("a", 0, [1.0, 3.0], 2.0, (0.0, 4.0)), DotRow(NASTY, 1, [2.0], 2.0)]
    svg = figures.dot_plot("KID", rows, "KID, lower is better", reference=("real images", 0.5))
    circles, (bar,) = elements(svg, "circle", "mark"), elements(svg, "rect", "interval")
    xs = [float(c.get("cx", 0)) for c in circles]
    start, width = float(bar.get("x", 0)), float(bar.get("width", 0))
    assert xs == pytest.approx([start + width / 4, start + 3 * width / 4], abs=0.2)
    assert len(elements(svg, "line", "mean")) == 1  # a single seed needs none
    assert len(elements(svg, "line", "floor")) == 1


def test_line_chart_draws_seeds_thin_and_their_mean_bold() -> None:
    seeds = [[(float(x), x + k) for x in range(10)] for k in (0.0, 2.0)]
    svg = figures.line_chart(NASTY, [Curve("a", 1, seeds), Curve("b", 2, seeds[:1])], "images", legend=True)
    assert len(elements(svg, "polyline", "thin")) == 2
    assert len(elements(svg, "polyline", "bold")) == 2
    assert "NaN" not in svg
    assert "nan" not in svg


def test_mean_curve_interpolates_and_never_extrapolates() -> None:
    assert figures.mean_curve([[(0, 0), (10, 10)], [(5, 1), (20, 1)]]) == [(5, 3.0), (10, 5.5)]
    assert figures.mean_curve([[(0, 1), (1, 2)]]) == [(0, 1), (1, 2)]
    assert figures.mean_curve([[(0, 0)], [(5, 1)]]) == []


def test_thinning_keeps_ends_and_peaks() -> None:
    points = [(float(x), math.sin(x)) for x in range(5000)]
    points[1234] = (1234.0, 50.0)
    kept = figures.thinned(points)
    assert len(kept) <= 170
    assert {points[0], points[-1], points[1234]} <= set(kept)


def test_far_outliers_are_cut_and_mentioned() -> None:
    points = [(float(x), 1.0 + x % 3 - 1) for x in range(200)]
    points[0] = (0.0, 1e6)
    svg = figures.line_chart("loss", [Curve("a", 0, [points])], "images")
    assert "peaks up to 1,000,000 cut" in svg
    assert "log scale" in figures.line_chart("l", [Curve("a", 0, [[(0, 1), (1, 1e4)]])], "images")


def test_empty_and_constant_data_still_draw() -> None:
    for curves in ([], [Curve("a", 0, [[]])], [Curve("a", 0, [[(5.0, 3.0)]])], [Curve("a", 0, [[(0, 2.0), (9, 2.0)]])]):
        ET.fromstring(figures.line_chart("t", curves, "images"))
    ET.fromstring(figures.tiny_dots(DotRow("a", 0, [0.0], 0.0), 0.0, 0.0))


def test_each_model_has_its_own_look() -> None:
    assert len({marker(k, 0, 0, 4) for k in range(STYLES)}) == len(MARKERS)
    assert len({swatch(k) for k in range(2 * STYLES)}) == 2 * STYLES
    for k in range(STYLES):
        ET.fromstring(swatch(k))


def test_a_band_of_three_seeds_is_the_interval_of_their_mean() -> None:
    seeds = [[(0.0, y), (10.0, y)] for y in (1.0, 2.0, 3.0)]
    two = figures.line_chart("t", [Curve("m", 0, seeds[:2])], "x")
    assert not elements(two, "polygon", "band"), "two seeds have no interval worth drawing"
    (band,) = elements(figures.line_chart("t", [Curve("m", 0, seeds)], "x"), "polygon", "band")
    corners = [tuple(map(float, corner.split(","))) for corner in band.get("points").split()]
    heights = sorted({y for _, y in corners})
    (line,) = elements(figures.line_chart("t", [Curve("m", 0, seeds)], "x"), "polyline", "bold")
    middle = float(line.get("points").split()[0].split(",")[1])
    thin = [float(e.get("points").split()[0].split(",")[1]) for e in
            elements(figures.line_chart("t", [Curve("m", 0, seeds)], "x"), "polyline", "thin")]  # fmt: skip
    unit = (max(thin) - min(thin)) / 2  # of a value of 1
    half = scipy.stats.t.ppf(0.975, 2) / math.sqrt(3)
    assert heights == pytest.approx([middle - half * unit, middle + half * unit], abs=0.2)
