"""Groups of images, and weights by rarity."""

from __future__ import annotations

import pytest
import torch

from paribus.latent.rarity import asymmetry, brightness, density_weights, effective_count, image_groups, rare_cells


def test_weights_by_hand() -> None:
    # two bins over [0, 1]: three of four below the middle, density 1.5 and 0.5
    latents = torch.tensor([[0.0], [0.1], [0.2], [1.0]])
    expected = torch.tensor([1 / 1.5, 1 / 1.5, 1 / 1.5, 1 / 0.5], dtype=torch.float64)
    torch.testing.assert_close(density_weights(latents, bins=2), expected / expected.sum())


def test_the_rarest_dimension_decides() -> None:
    first = torch.tensor([0.0, 0.1, 0.2, 1.0])
    second = torch.tensor([2.0, 0.0, 0.1, 0.2])  # over [0, 2]: density 0.25 for the first image, 0.75 for the others
    expected = torch.tensor([4.0, 1 / 0.75, 1 / 0.75, 1 / 0.5], dtype=torch.float64)
    torch.testing.assert_close(density_weights(torch.stack([first, second], 1), bins=2), expected / expected.sum())


def test_a_dimension_that_hardly_varies_does_not_count() -> None:
    latents = torch.tensor([[0.0, 5.0, 1.0], [0.1, 5.0, 1.001], [0.2, 5.0, 1.001], [1.0, 5.0, 1.001]])
    torch.testing.assert_close(density_weights(latents, bins=2), density_weights(latents[:, :1], bins=2))
    torch.testing.assert_close(density_weights(latents[:, 1:2]), torch.full((4,), 0.25, dtype=torch.float64))


def test_effective_count() -> None:
    assert effective_count(torch.full((7,), 1 / 7)) == pytest.approx(7)
    assert effective_count(torch.tensor([0.5, 0.5, 0.0])) == pytest.approx(2)


def test_groups_of_content_brightness_and_side() -> None:
    features = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]).repeat(20, 1)
    features = features + 0.01 * torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    images = torch.zeros(60, 1, 8, 8, dtype=torch.uint8)
    images[:30, ..., 4:] = 250  # thirty lean to the right
    images[0] = 250  # one is bright all over
    groups = image_groups(images, features)
    found = groups.of(images, features)
    assert set(found) == {"content", "brightness", "asymmetry"}
    for kind in range(3):  # no cluster holds two kinds
        assert not set(found["content"][kind::3].tolist()) & set(found["content"][(kind + 1) % 3 :: 3].tolist())
    assert found["brightness"].tolist() == [4] + [2] * 29 + [0] * 30
    assert found["asymmetry"].tolist() == [0] + [4] * 29 + [0] * 30
    cells = groups.cells(images, features)
    assert int((cells == cells[0]).sum()) == 1  # the one bright image has a cell of its own


def test_the_rarest_tenth() -> None:
    cells = torch.tensor([7] * 50 + [3] * 40 + [5] * 6 + [9] * 4)
    assert rare_cells(cells).tolist() == [9, 5]
    assert rare_cells(cells[:97]).tolist() == [9, 5]  # 1 and 6 of 97
    assert rare_cells(torch.tensor([1, 1, 2])).tolist() == [2]  # at least one


def test_appearance() -> None:
    images = torch.zeros(2, 1, 5, 5, dtype=torch.uint8)
    images[0, :, :, 3:] = 255
    images[1, :, :, 2] = 255  # the middle column leans to no side
    assert brightness(images).tolist() == pytest.approx([0.4, 0.2])
    assert asymmetry(images).tolist() == pytest.approx([1, 0])
