"""Shapes with known factors: every combination of place, size, orientation and shape, drawn by whole numbers alone."""

from __future__ import annotations

import itertools

import numpy as np

from paribus.data.arrays import array_split
from paribus.data.raw import RawData
from paribus.results.score import Fact

FACTORS: dict[str, int] = {"x": 8, "y": 8, "size": 4, "orientation": 6, "shape": 3}
"""Values of each factor; a shape's orientations cover a quarter turn, within which none looks like another."""
SHAPES = ("square", "ellipse", "triangle")
SIZE = 32
_FINE = 8  # points along a side of a pixel
_UNIT = 256  # of a pixel: corners are rounded to it, so that all that follows is exact
_FIRST, _STEP = 9, 2  # pixels: the middle at x = 0 and between neighbouring places


def shape_factors() -> np.ndarray:
    """Every combination int64 (4608, 5), columns as in `FACTORS`, the last of them running fastest."""
    return np.array(list(itertools.product(*map(range, FACTORS.values()))))


def shape_images(factors: np.ndarray) -> np.ndarray:
    """Images uint8 (n, 32, 32, 1) of factors (n, 5), white on black with smooth edges; equal on every machine.

    Source: dSprites (Matthey et al. 2017) for the idea and the kinds of factors. We differ in the shapes, in fewer
    places and orientations, in orientations that can be told apart, and in smooth edges.
    """
    kinds, places = np.unique(factors[:, 2:], axis=0, return_inverse=True)
    drawn = np.stack([_drawn(*kind) for kind in kinds.tolist()])[places.ravel()]  # all in the same corner
    for axis, column in ((1, 1), (2, 0)):  # y moves rows, x columns
        for step in range(1, FACTORS["x"]):
            rows = factors[:, column] == step
            drawn[rows] = np.roll(drawn[rows], _STEP * step, axis)
    return drawn[..., None]


def shapes() -> RawData:
    """All combinations; the label is the shape."""
    factors = shape_factors()
    split = array_split(shape_images(factors), factors[:, -1], "shape {}")
    note = Fact(code="every_combination", figures={"names": tuple(FACTORS), "counts": tuple(FACTORS.values())})
    return RawData({"all": split}, "shapes", ("shapes", tuple(FACTORS.items())), SHAPES, (note,))


def _drawn(size: int, orientation: int, shape: int) -> np.ndarray:
    """One shape (32, 32) at x = y = 0."""
    radius = 4.5 + size  # pixels, up to 7.5: nothing is cut off
    angle = orientation * (np.pi / 2 / FACTORS["orientation"])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    outline = np.rint(_OUTLINES[SHAPES[shape]] @ turn.T * radius * _UNIT).astype(np.int64)  # (corners, 2)
    steps = (2 * np.arange(SIZE * _FINE) + 1) * (_UNIT // (2 * _FINE)) - _FIRST * _UNIT
    points = np.stack(np.meshgrid(steps, steps), -1)  # (rows, columns, (x, y)) from the shape's middle
    inside = (_in_ellipse if SHAPES[shape] == "ellipse" else _in_polygon)(points, outline)
    counts = inside.reshape(SIZE, _FINE, SIZE, _FINE).sum((1, 3))
    return (counts * 255 // _FINE**2).astype(np.uint8)


def _corners(degrees: list[int]) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], 1)


# corners in order, or the ends of an ellipse's two half axes, for a radius of 1
_OUTLINES = {
    "square": 0.9 * _corners([45, 135, 225, 315]),
    "ellipse": np.array([[1.0, 0.0], [0.0, 0.5]]),
    "triangle": _corners([90, 210, 330]),
}


def _in_polygon(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    inside = np.ones(points.shape[:2], bool)
    for first, second in zip(corners, np.roll(corners, -1, 0), strict=True):
        (x, y), to_point = second - first, points - first
        inside &= x * to_point[..., 1] - y * to_point[..., 0] >= 0
    return inside


def _in_ellipse(points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    # (p . a)² / |a|⁴ + (p . b)² / |b|⁴ <= 1; each quotient is rounded once, alike everywhere
    along = [((points @ axis) / (axis @ axis)) ** 2 for axis in axes]
    return along[0] + along[1] <= 1
