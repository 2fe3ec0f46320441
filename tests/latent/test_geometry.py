"""Paths, planes, truncated draws and projections, against geometry, known moments and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.decomposition import PCA

from paribus.latent.geometry import (
    neighbour_agreement,
    plane,
    projected,
    quantiles,
    spherical_path,
    straight_path,
    traversal,
    truncated_normal,
)

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


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("bound", [0.1, 0.5, 1.0, 2.0, math.inf])
def test_moments(bound: float) -> None:
    z = truncated_normal(100_000, 2, bound, seeded())
    assert z.dtype == torch.float32 and z.abs().max() <= bound
    density = math.exp(-(bound**2) / 2) / math.sqrt(2 * math.pi)
    inside = math.erf(bound / math.sqrt(2))
    variance = 1 - (2 * bound * density / inside if math.isfinite(bound) else 0.0)
    assert float(z.mean()) == pytest.approx(0, abs=5 * math.sqrt(variance / 200_000))
    assert float(z.double().square().mean()) == pytest.approx(variance, rel=0.02)


def test_one_seed_gives_the_same_places_for_every_bound() -> None:
    narrow, wide = (truncated_normal(50, 3, bound, seeded(7)) for bound in (0.5, 2.0))
    assert torch.equal(narrow.flatten().argsort(), wide.flatten().argsort())
    assert torch.equal(wide, truncated_normal(50, 3, 2.0, seeded(7)))


ROWS = torch.randn(60, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0, 2.0, 0.5, 0.1])


def test_principal_components_are_those_of_scikit_learn() -> None:
    expected = PCA(2).fit_transform(ROWS.double().numpy())
    assert np.abs(projected(ROWS, "pca").numpy()) == pytest.approx(np.abs(expected), abs=1e-6)


def test_two_dimensions_stay_and_one_becomes_a_line() -> None:
    assert torch.equal(projected(ROWS[:, :2], "tsne"), ROWS[:, :2].double())
    line = projected(ROWS[:, :1], "pca")
    assert line.shape == (60, 2) and line[:, 1].abs().max() == 0


def test_tsne_keeps_groups_apart() -> None:
    groups = torch.arange(60) % 2
    places = projected(ROWS + 40 * groups[:, None], "tsne", seed=1)
    assert neighbour_agreement(places, groups) == 1
    assert torch.equal(places, projected(ROWS + 40 * groups[:, None], "tsne", seed=1))


def test_neighbours_by_hand() -> None:
    latents = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    labels = torch.tensor([0, 0, 1, 1])
    # nearest others: 1, 0, 1, 2 -> same class: yes, yes, no, yes
    assert neighbour_agreement(latents, labels, k=1) == pytest.approx(0.75)
    # two nearest: (1, 2), (0, 2), (1, 0), (2, 1) -> 1, 1, 0, 1 of 2
    assert neighbour_agreement(latents, labels, k=2) == pytest.approx(3 / 8)
