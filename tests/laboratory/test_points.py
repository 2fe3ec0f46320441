"""Point sets, and what samples of them are worth."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import chi2

from paribus.base.errors import ParibusError
from paribus.laboratory.points import (
    FAIR_PART,
    PointSet,
    modes_found,
    near_data,
    nearest_modes,
    point_set,
    point_set_names,
)
from paribus.objectives.base import Draw

MODES = {"rings": 12, "grid": 16, "moons": 8, "spiral": 8}
TWO = PointSet("two", torch.tensor([[[-0.5, 0.0]], [[0.5, 0.0]]]), 0.1)


def test_every_set_has_its_modes() -> None:
    assert {name: len(point_set(name).modes) for name in point_set_names()} == MODES


@pytest.mark.parametrize("name", MODES)
def test_points_fill_every_mode_and_stay_in_the_square(name: str) -> None:
    data = point_set(name)
    points = data.draw(20_000, Draw(0, "test"))
    assert points.abs().max() < 1
    assert modes_found(points, data).all()
    shares = torch.bincount(nearest_modes(points, data)[0], minlength=len(data.modes)) / len(points)
    assert shares.numpy() == pytest.approx(1 / len(data.modes), rel=0.15)


@pytest.mark.parametrize("name", MODES)
def test_nearly_all_of_the_data_count_as_near(name: str) -> None:
    data = point_set(name)
    share = near_data(data.draw(20_000, Draw(0, "test")), data).float().mean().item()
    of_a_gaussian = chi2.cdf(3**2, df=2)  # the distance from a spot is a Rayleigh variable
    assert share == pytest.approx(of_a_gaussian, abs=0.003) if name == "grid" else share > of_a_gaussian


def test_rings_are_two_circles() -> None:
    radii = point_set("rings").modes.norm(dim=2)
    assert radii[:4].numpy() == pytest.approx(0.4)
    assert radii[4:].numpy() == pytest.approx(0.8)


@pytest.mark.parametrize("name", ["rings", "moons", "spiral"])
def test_pieces_of_curves_are_of_equal_length(name: str) -> None:
    lengths = point_set(name).modes.diff(dim=1).norm(dim=2).sum(1)
    assert lengths.numpy() == pytest.approx(lengths.mean().item(), rel=0.02)


def test_the_spiral_turns_once_and_three_quarters() -> None:
    places = point_set("spiral").modes.flatten(0, 1).double()
    turned = torch.atan2(places[:, 1], places[:, 0]).diff()
    turned = (turned + math.pi) % (2 * math.pi) - math.pi
    assert turned.sum().item() == pytest.approx(1.75 * 2 * math.pi, abs=0.1)


def test_the_nearest_mode_and_its_distance() -> None:
    mode, distance = nearest_modes(torch.tensor([[-0.5, 0.3], [0.9, 0.3], [0.1, 0.0]]), TWO)
    assert mode.tolist() == [0, 1, 1]
    assert distance.numpy() == pytest.approx([0.3, 0.5, 0.4])


def test_near_is_within_three_deviations() -> None:
    points = torch.tensor([[-0.5, 0.29], [-0.5, 0.31], [0.5, 0.0], [0.0, 0.0]])
    assert near_data(points, TWO).tolist() == [True, False, True, False]


def test_a_mode_is_found_by_a_quarter_of_its_fair_share() -> None:
    """Of 80 points each mode's fair share is 40, a quarter of it 10."""
    assert FAIR_PART == 0.25
    at = {"left": [-0.5, 0.0], "right": [0.5, 0.0], "far": [0.0, 0.9]}

    def found(left: int, right: int) -> list[bool]:
        points = [at["left"]] * left + [at["right"]] * right + [at["far"]] * (80 - left - right)
        return modes_found(torch.tensor(points), TWO).tolist()

    assert found(10, 9) == [True, False]
    assert found(0, 70) == [False, True]


def test_points_strewn_over_the_plane_find_few_modes() -> None:
    """A spot's circle of high quality is pi 0.12^2 / 4 = 1.1 % of the square, and a quarter of a fair share 1.6 %."""
    strewn = torch.rand(100_000, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    data = point_set("grid")
    assert near_data(strewn, data).float().mean().item() == pytest.approx(16 * math.pi * 0.12**2 / 4, rel=0.03)
    assert not modes_found(strewn, data).any()


def test_draws_are_those_of_their_key() -> None:
    data = point_set("moons")
    assert torch.equal(data.draw(9, Draw(1, "a")), data.draw(9, Draw(1, "a")))
    assert not torch.equal(data.draw(9, Draw(1, "a")), data.draw(9, Draw(2, "a")))


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(ParibusError, match="Did you mean 'moons'"):
        point_set("moon")
