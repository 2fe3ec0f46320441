"""Paths and planes against geometry."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import norm

from paribus.latent.walks import plane, quantiles, spherical_path, straight_path, traversal

A, B = torch.tensor([3.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 3.0])


def test_places_are_normal_quantiles() -> None:
    assert quantiles(7).tolist() == pytest.approx(norm.ppf([0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95]).tolist(), abs=1e-6)


def test_an_arc_keeps_its_ends_its_length_and_even_angles() -> None:
    path = spherical_path(A, B, 7)
    torch.testing.assert_close(path[0], A)
    torch.testing.assert_close(path[-1], B)
    torch.testing.assert_close(path.norm(dim=1), torch.full((7,), 3.0))
    angles = [math.radians(15 * k) for k in range(7)]
    expected = torch.tensor([[3 * math.cos(angle), 0, 3 * math.sin(angle)] for angle in angles])
    torch.testing.assert_close(path, expected)


def test_an_arc_between_latents_of_different_lengths_goes_evenly_from_one_to_the_other() -> None:
    path = spherical_path(A, B / 3, 5)
    torch.testing.assert_close(path.norm(dim=1), torch.tensor([3.0, 2.5, 2.0, 1.5, 1.0]))
    torch.testing.assert_close(path[2] / 2, torch.tensor([1.0, 0.0, 1.0]) / math.sqrt(2))


@pytest.mark.parametrize("second", [2 * A, -A, 0 * A])
def test_without_an_arc_it_is_the_line(second: torch.Tensor) -> None:
    torch.testing.assert_close(spherical_path(A, second, 5), straight_path(A, second, 5))


def test_a_line_passes_through_the_middle() -> None:
    torch.testing.assert_close(straight_path(A, B, 3), torch.stack([A, torch.tensor([1.5, 0.0, 1.5]), B]))


def test_a_traversal_moves_one_part_and_holds_the_rest() -> None:
    v = torch.tensor([0.6, 0.8, 0.0])
    found = traversal(torch.tensor([1.0, 2.0, 5.0]), v, torch.tensor([-1.0, 4.0]))
    torch.testing.assert_close(found @ v, torch.tensor([-1.0, 4.0]))
    across = torch.tensor([-0.8, 0.6, 0.0])
    torch.testing.assert_close(found @ across, torch.full((2,), 0.4))
    torch.testing.assert_close(found[:, 2], torch.full((2,), 5.0))


def test_a_plane_goes_along_two_directions_around_their_middle() -> None:
    directions = torch.eye(3)[[2, 0]]
    found = plane(torch.tensor([9.0, 5.0, 9.0]), directions, torch.tensor([1.0, -1.0]), torch.tensor([2.0, 1.0]), 3)
    reach = float(norm.ppf(0.95))
    assert found.shape == (3, 3, 3)
    torch.testing.assert_close(found[1, 1], torch.tensor([-1.0, 5.0, 1.0]))
    torch.testing.assert_close(found[0, 2], torch.tensor([-1.0 + reach, 5.0, 1.0 - 2 * reach]))
