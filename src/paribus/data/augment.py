"""Ordinary augmentation of a batch of training images, keyed by the batch's number."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from paribus.base.randomness import generator
from paribus.config import Augmentation

OFF = Augmentation.model_validate({})
"""No augmentation."""
_DRAWS = 7  # numbers drawn for each image: the same whatever is switched on, so that one change cannot move another


def augmented(images: torch.Tensor, augment: Augmentation, seed: int, k: int) -> torch.Tensor:
    """Changes each image of batch k at random, in this order: mirror, shift, rotation, colour.

    Colour is DiffAugment's (arXiv:2006.10738) scaled by `augment.color`: brightness +U(-0.5, 0.5) on the [-1, 1]
    scale, saturation x U(0, 2), contrast x U(0.5, 1.5) at strength 1.

    Args:
        images: float32 (B, C, H, W) in [-1, 1].
        augment: Which changes, and how strong; the images come back untouched when all are off.
        seed: The run's seed.
        k: Number of the batch: the changes are a function of (seed, k) alone.

    Returns:
        float32 (B, C, H, W) in [-1, 1].
    """
    if augment == OFF:
        return images
    # drawn on the CPU, so that every device changes the images alike
    draws = torch.rand(_DRAWS, len(images), generator=generator(seed, "augment", k)).to(images.device)
    signed = 2 * draws - 1
    if augment.flip:
        images = mirrored(images, draws[0] < 0.5)
    reach = math.floor(augment.shift * images.shape[-1])
    if reach:
        steps = (draws[1:3] * (2 * reach + 1)).floor().long().clamp(max=2 * reach) - reach
        images = shifted(images, steps[0], steps[1])
    if augment.rotation:
        images = rotated(images, signed[3] * augment.rotation)
    if augment.color:
        images = recoloured(images, *(signed[4:7] * augment.color))
    return images.clamp(-1, 1)


def mirrored(images: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    """Swaps left and right in the images where `which` (bool, (B,)) is true."""
    return torch.where(which[:, None, None, None], images.flip(3), images)


def shifted(images: torch.Tensor, down: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Moves each image by whole pixels (int64, (B,)), repeating its edges."""
    count, channels, height, width = images.shape
    rows = (torch.arange(height, device=images.device) - down[:, None]).clamp(0, height - 1)
    columns = (torch.arange(width, device=images.device) - right[:, None]).clamp(0, width - 1)
    images = images.gather(2, rows[:, None, :, None].expand(count, channels, height, width))
    return images.gather(3, columns[:, None, None, :].expand(count, channels, height, width))


def rotated(images: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
    """Turns each image counter-clockwise about its centre by `degrees` (B,), bilinearly, repeating its edges."""
    angle = torch.deg2rad(degrees)
    cosine, sine, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    matrices = torch.stack([cosine, -sine, zero, sine, cosine, zero], 1).view(-1, 2, 3)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def recoloured(
    images: torch.Tensor, brightness: torch.Tensor, saturation: torch.Tensor, contrast: torch.Tensor
) -> torch.Tensor:
    """Changes brightness, saturation (of three channels) and contrast by signed strengths (B,) from -1 to 1."""
    per_image = (-1, 1, 1, 1)
    images = images + 0.5 * brightness.view(per_image)
    if images.shape[1] == 3:
        grey = images.mean(1, keepdim=True)
        images = grey + (images - grey) * (1 + saturation.view(per_image))
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (1 + 0.5 * contrast.view(per_image))
