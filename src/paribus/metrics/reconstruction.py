"""How near reconstructions are to their images, pixel by pixel."""

from __future__ import annotations

import math

from torch import Tensor

from paribus.errors import ParibusError


def squared_errors(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean squared error of each image on the scale [0, 1]: (n,) float64, from two uint8 (n, C, H, W)."""
    if images.shape != reconstructions.shape:
        raise ParibusError(
            "Reconstructions have another shape than their images.",
            where="reconstruction",
            got=str(tuple(reconstructions.shape)),
            expected=str(tuple(images.shape)),
        )
    difference = (images.cpu().double() - reconstructions.cpu().double()) / 255
    return difference.square().flatten(1).mean(1)


def peak_signal_noise_ratio(mean_squared_error: float) -> float:
    """PSNR in decibels, 10 log10(1 / MSE), of the mean squared error over all pixels of all images, white being 1.

    Higher is better; infinite for perfect reconstructions. The mean of per-image PSNRs is larger, and not this.

    Comparable only when images and resolution agree.
    """
    return math.inf if mean_squared_error == 0 else -10 * math.log10(mean_squared_error)
