"""The simplest generative model of images: their pixels as normally distributed."""

from __future__ import annotations

import torch
from torch import Tensor

from paribus.base.randomness import generator

LARGEST_FIT = 2_000


def linear_model_images(images: Tensor, n: int) -> Tensor:
    """Draws from the normal distribution with the images' own mean and covariance, rounded and clamped to pixels.

    x = mean + X^T w / sqrt(N - 1), with X the N images less their mean and w ~ N(0, I_N): no covariance is formed. All
    pairs of pixels vary together as in the images, and nothing else is right: what a model's samples have to be better
    than to show anything of the data.

    Args:
        images: uint8 (N, C, H, W), N >= 2; 2,000 of them are used, chosen by a fixed seed.
        n: How many to draw.

    Returns:
        uint8 (n, C, H, W), the same for the same images.
    """
    chosen = torch.randperm(len(images), generator=generator("metrics", "linear model"))[:LARGEST_FIT].sort().values
    rows = images[chosen].flatten(1).float()
    mean = rows.mean(0)
    weights = torch.randn(n, len(rows), generator=generator("metrics", "linear model weights"))
    drawn = mean + weights @ (rows - mean) / (len(rows) - 1) ** 0.5
    return drawn.round().clamp(0, 255).to(torch.uint8).view(n, *images.shape[1:])
