"""DiffAugment (arXiv:2006.10738): random changes, differentiable, to all images that a discriminator sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from paribus.objectives.base import Draw

DiffAugmentPolicy = Literal["none", "translation-cutout", "color-translation-cutout"]

LARGEST_SHIFT = 1 / 8
"""Of the side length, in both directions."""
CUTOUT = 1 / 2
"""Side of the square that is cut out, as a share of the image's."""

_CHANGES: dict[DiffAugmentPolicy, tuple[str, ...]] = {
    "none": (),
    "translation-cutout": ("translation", "cutout"),
    "color-translation-cutout": ("color", "translation", "cutout"),
}


def diff_augment(images: Tensor, policy: DiffAugmentPolicy, draw: Draw) -> Tensor:
    """Changes each image by random numbers of its own; gradients flow through to the images.

    - color: brightness (+ U(-0.5, 0.5)), then saturation (distance from the pixel's grey, times U(0, 2)), then contrast
      (distance from the image's mean, times U(0.5, 1.5)).
    - translation: whole pixels down and to the right, uniform up to 1/8 of the side, rounded as published to
      int(side / 8 + 0.5), in both directions; zeros move in.
    - cutout: zeros in a square of half the side, whose centre may be any pixel, so that it may hang over the edge.

    Args:
        images: (N, C, H, W) with H = W, in [-1, 1]; the result may leave that range.
        policy: Which of the changes, in this order; "none" returns the images themselves and draws nothing.
        draw: Where the random numbers come from.
    """
    for change in _CHANGES[policy]:
        images = _FUNCTIONS[change](images, draw)
    return images


def color(images: Tensor, draw: Draw) -> Tensor:
    """Random brightness, saturation and contrast of (N, C, H, W); see `diff_augment`."""
    brightness, saturation, contrast = draw.uniform(len(images), 3).view(-1, 3, 1, 1, 1).unbind(1)
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2 * saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (contrast + 0.5)


def translation(images: Tensor, draw: Draw) -> Tensor:
    """Random shifts of (N, C, S, S); see `diff_augment`."""
    size = images.shape[-1]
    largest = int(size * LARGEST_SHIFT + 0.5)
    shifts = _integers(draw.uniform(len(images), 2), 2 * largest + 1) - largest
    # the pixel at p comes from p - shift, in an image with a border of zeros
    sources = torch.arange(size, device=images.device) + largest - shifts[:, :, None]
    rows, columns = sources.unbind(1)
    wide = torch.nn.functional.pad(images, (largest,) * 4)
    channels = images.shape[1]
    wide = wide.gather(2, rows[:, None, :, None].expand(-1, channels, -1, size + 2 * largest))
    return wide.gather(3, columns[:, None, None, :].expand(-1, channels, size, -1))


def cutout(images: Tensor, draw: Draw) -> Tensor:
    """Random squares of zeros in (N, C, S, S); see `diff_augment`."""
    size = images.shape[-1]
    side = int(size * CUTOUT + 0.5)
    # an even square's centre lies between pixels: one more place makes both edges alike
    starts = _integers(draw.uniform(len(images), 2), size + 1 - side % 2) - side // 2
    pixels = torch.arange(size, device=images.device)
    within = (pixels >= starts[:, :, None]) & (pixels < starts[:, :, None] + side)
    rows, columns = within.unbind(1)
    cut = rows[:, None, :, None] & columns[:, None, None, :]
    return images.masked_fill(cut, 0.0)


def _integers(uniform: Tensor, choices: int) -> Tensor:
    # from [0, 1) to 0 ... choices - 1; rounding can make the product of a number just below 1 a whole one
    return (uniform * choices).long().clamp(max=choices - 1)


_FUNCTIONS: dict[str, Callable[[Tensor, Draw], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}
