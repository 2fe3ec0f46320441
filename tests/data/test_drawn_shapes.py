"""Shapes with known factors."""

from __future__ import annotations

import numpy as np
import pytest

from paribus.config import ImageShape
from paribus.data import load_data
from paribus.data.shapes import FACTORS, shape_factors, shape_images, shapes

TABLE = shape_factors()
IMAGES = shape_images(TABLE)[..., 0].astype(float)
STEPS = np.arange(32) + 0.5


def test_every_combination_is_there_once_and_looks_like_no_other() -> None:
    assert TABLE.shape == (4608, 5) and len(np.unique(TABLE, axis=0)) == 4608
    assert (TABLE.max(0) + 1).tolist() == list(FACTORS.values())
    assert len(np.unique(IMAGES.reshape(4608, -1), axis=0)) == 4608


@pytest.mark.parametrize(("factor", "axis"), [(0, 1), (1, 2)])
def test_places_move_the_middle_by_two_pixels(factor: int, axis: int) -> None:
    middle = (IMAGES.sum(axis) * STEPS).sum(1) / IMAGES.sum((1, 2))
    assert middle == pytest.approx(9 + 2 * TABLE[:, factor], abs=0.2)
    edges = [IMAGES[:, 0], IMAGES[:, -1], IMAGES[:, :, 0], IMAGES[:, :, -1]]
    assert max(edge.max() for edge in edges) == 0  # nothing is cut off


def test_areas_are_those_of_geometry() -> None:
    radius, shape = 4.5 + TABLE[:, 2], TABLE[:, 4]
    factor = np.array([2 * 0.9**2, np.pi / 2, 3 * np.sqrt(3) / 4])[shape]  # of a square, an ellipse, a triangle
    assert IMAGES.sum((1, 2)) / 255 == pytest.approx(factor * radius**2, rel=0.05)


def test_orientations_turn_by_fifteen_degrees() -> None:
    ellipses = TABLE[:, 4] == 1
    x, y = STEPS[None, None, :], STEPS[None, :, None]
    weights = IMAGES[ellipses] / IMAGES[ellipses].sum((1, 2), keepdims=True)
    dx, dy = x - (weights * x).sum((1, 2), keepdims=True), y - (weights * y).sum((1, 2), keepdims=True)
    xx, yy, xy = ((weights * p).sum((1, 2)) for p in (dx * dx, dy * dy, dx * dy))
    angle = np.degrees(np.arctan2(2 * xy, xx - yy) / 2)
    assert angle == pytest.approx(15 * TABLE[ellipses, 3], abs=2)


def test_images_follow_their_factors_in_any_order() -> None:
    chosen = np.random.default_rng(0).permutation(4608)[:50]
    assert (shape_images(TABLE[chosen])[..., 0] == IMAGES[chosen]).all()


def test_by_name() -> None:
    data = load_data("shapes")
    assert data.shape == ImageShape(1, 32, 3) and data.class_names == ("square", "ellipse", "triangle")
    assert [len(part) for part in (data.train, data.validation, data.test)] == [3317, 369, 922]
    # whoever draws otherwise changes every score of every model of these images
    assert data.fingerprint.startswith("66e67f6ab5a1")
    assert (shapes().splits["all"].labels == TABLE[:, 4]).all()
