"""DiffAugment: what each change does, given its random numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from paribus.objectives.augmentation import color, cutout, diff_augment, translation
from paribus.objectives.base import Draw

SIZES = [8, 9, 28, 45, 64]


class Given(Draw):
    """Hands out the same numbers for each image."""

    def __init__(self, *numbers: float) -> None:
        super().__init__(0)
        self._numbers = numbers

    def uniform(self, *shape: int) -> Tensor:
        return torch.tensor(self._numbers).expand(*shape)


def noise(n: int, channels: int, size: int) -> Tensor:
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(0)) + 0.5


def test_none_is_the_images_themselves_and_draws_nothing() -> None:
    images, draw = noise(3, 1, 8), Draw(0)
    assert diff_augment(images, "none", draw) is images
    assert torch.equal(draw.uniform(3), Draw(0).uniform(3))


@pytest.mark.parametrize(("size", "largest"), [(8, 1), (13, 2), (28, 4), (32, 4), (45, 6)])
def test_translation_moves_whole_images_by_at_most_a_rounded_eighth(size: int, largest: int) -> None:
    images = noise(400, 3, size)
    moved = translation(images, Draw(1))
    shifts = set()
    for image, result in zip(images, moved, strict=True):
        kept = result.abs().sum(0) > 0  # no pixel of the original is 0
        rows, columns = kept.any(1).nonzero().flatten(), kept.any(0).nonzero().flatten()
        assert kept.sum() == len(rows) * len(columns)  # a rectangle is left, zeros moved in elsewhere
        down = int(rows[0]) if rows[0] else int(rows[-1]) + 1 - size
        right = int(columns[0]) if columns[0] else int(columns[-1]) + 1 - size
        assert max(abs(down), abs(right)) <= largest
        shifts.add((down, right))
        source = image[:, max(-down, 0) : size - max(down, 0), max(-right, 0) : size - max(right, 0)]
        assert torch.equal(result[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], source)
    assert {down for down, _ in shifts} == {right for _, right in shifts} == set(range(-largest, largest + 1))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("at", "share"), [(0.5, "whole"), (0.0, "corner"), (1 - 2**-24, "corner")])
def test_cutout_zeroes_a_square_of_half_the_side(size: int, at: float, share: str) -> None:
    cut = cutout(noise(2, 3, size), Given(at, at)) == 0
    side = (size + 1) // 2
    # with its centre at a corner, half of an even side hangs over, and all but the middle of half an odd one
    within = side if share == "whole" else (side + 1) // 2
    assert (cut.sum((2, 3)) == within**2).all()
    assert torch.equal(cut[:, 0], cut[:, 1])


def test_cutout_reaches_every_pixel_and_leaves_every_pixel() -> None:
    """A square that had to lie inside would always cover the image's centre."""
    shares = (cutout(noise(4000, 1, 8), Draw(0)) == 0).float().mean((0, 1))
    assert shares.min() > 0.05
    assert shares.max() < 0.35
    # 9 places for a square's start in each direction: a middle row is covered from 4 of them, the first row from 3
    torch.testing.assert_close(shares[3:5, 3:5], torch.full((2, 2), (4 / 9) ** 2), atol=0.03, rtol=0)
    torch.testing.assert_close(shares[0, 0], torch.tensor((3 / 9) ** 2), atol=0.03, rtol=0)


def test_color_by_hand() -> None:
    """Brightness +0.25; saturation x 0.5; contrast x 1.5."""
    image = torch.tensor([[0.0, 0.4], [0.6, 0.2]]).view(1, 2, 1, 2)  # pixels (0, .6) and (.4, .2), greys .3 and .3
    result = color(image, Given(0.75, 0.25, 1 - 2**-24))
    brighter = image + 0.25
    greyer = 0.55 + 0.5 * (brighter - 0.55)
    torch.testing.assert_close(result, 0.55 + 1.5 * (greyer - 0.55), atol=1e-6, rtol=0)


def test_color_of_a_middling_draw_changes_nothing() -> None:
    images = noise(3, 3, 8)
    torch.testing.assert_close(color(images, Given(0.5, 0.5, 0.5)), images)


@pytest.mark.parametrize("policy", ["translation-cutout", "color-translation-cutout"])
@pytest.mark.parametrize("channels", [1, 3])
def test_gradients_are_those_of_finite_differences(policy: Any, channels: int) -> None:
    images = noise(1, channels, 8).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: diff_augment(x, policy, Draw(5)), images, eps=1e-6)


def test_each_image_is_changed_by_numbers_of_its_own_in_parts_as_in_one_piece() -> None:
    images = noise(1, 3, 16).expand(6, -1, -1, -1)
    whole = diff_augment(images, "color-translation-cutout", Draw(0))
    assert len({image.numpy().tobytes() for image in whole}) == 6
    parts = [
        diff_augment(images[a : a + 2], "color-translation-cutout", Draw(0, rows=(a, a + 2, 6))) for a in (0, 2, 4)
    ]
    assert torch.equal(torch.cat(parts), whole)
