"""How sharp images are, from their pixels alone: variance of the Laplacian, and power at high spatial frequencies.

Each is a number per image that says little by itself, since sharpness is a property of the data too. A model's score
is the mean over its images divided by the mean over real ones (`estimates.ratio_estimate`): below 1 its images are
blurred, above 1 they are noisy or too crisp, and 1 is best.
"""

from __future__ import annotations

import torch
from torch import Tensor

from paribus.base.errors import ParibusError

SMALLEST = 8
"""Pixels on a side; below, half the Nyquist frequency leaves too few frequencies on either side."""

_LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as the libraries' conversions to grey


def sharpness_terms(images: Tensor) -> dict[str, Tensor]:
    """Both measures of images uint8 (n, C, H, W), by metric: `sharpness` and `high_frequency`, (n,) float64 each."""
    grey = grey_values(images)
    return {"sharpness": laplacian_variance(grey), "high_frequency": high_frequency_share(grey)}


def grey_values(images: Tensor) -> Tensor:
    """Luma in [0, 1], (n, H, W) float64, of images uint8 (n, C, H, W) with 1 or 3 channels.

    Raises:
        ParibusError: Another form, or a side of fewer than 8 pixels.
    """
    fits = images.ndim == 4 and images.dtype == torch.uint8 and images.shape[1] in (1, 3)
    if not fits or min(images.shape[2:]) < SMALLEST:
        raise ParibusError(
            "The sharpness of these images cannot be measured.",
            where="sharpness",
            got=f"{tuple(images.shape)} {images.dtype}",
            expected=f"(n, 1 or 3, H, W) torch.uint8 with H and W of at least {SMALLEST}",
        )
    values = images.cpu().double() / 255
    if values.shape[1] == 1:
        return values[:, 0]
    red, green, blue = _LUMA
    return red * values[:, 0] + green * values[:, 1] + blue * values[:, 2]


def laplacian_variance(grey: Tensor) -> Tensor:
    """Variance, over an image's pixels, of its Laplacian: how steep its edges are.

    Var_p[(l * x)_p] with l = [[0, 1, 0], [1, -4, 1], [0, 1, 0]], over the (H-2)(W-2) pixels that have four neighbours.
    0 for a constant image and for a linear ramp; a checkerboard of values 0 and 1 has the largest value, 16. Blur
    lowers it and noise raises it (white noise of variance s² has 20 s²), so no direction is better by itself.

    Comparable only when the data and their resolution agree, as a ratio to the value of real images.

    Source: the LAPV measure of focus (Pech-Pacheco et al., ICPR 2000; Pertuz et al., Pattern Recognition 2013). We take
    the valid region alone: padding would put an edge around every image.

    Args:
        grey: Values (n, H, W) in [0, 1].

    Returns:
        (n,), never negative.
    """
    middle = grey[:, 1:-1, 1:-1]
    neighbours = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return (neighbours - 4 * middle).flatten(1).var(1, correction=0)


def high_frequency_share(grey: Tensor) -> Tensor:
    """Share of an image's power, its mean aside, at spatial frequencies above half the Nyquist frequency.

    sum_{|f| > 1/4} P(f) / sum_f P(f) with P = |FFT(w (x - mean))|² and |f| = sqrt(fx² + fy²) in cycles per pixel: the
    power in all rings of the radial spectrum beyond that radius, corners included. From 0 to 1; 0 for a constant image,
    1 for a checkerboard, 1 - pi/16 = 0.80 for white noise. Unlike the Laplacian's variance it does not depend on
    contrast. Blur lowers it and noise raises it, so no direction is better by itself.

    w is a Hann window (periodic, shifted by half a pixel, so that it is symmetric and no pixel has weight 0). Without
    it the jump between opposite borders, which the FFT takes for neighbours, puts power at all frequencies along the
    axes, of sharp and of blurred images alike. The price is that pixels near the border count less. The mean is the
    window's too: brightness then adds nothing at any frequency.

    Comparable only when the data and their resolution agree, as a ratio to the value of real images.

    Source: the radial power spectrum of generated images as in arXiv 2003.01826, there without a window.

    Args:
        grey: Values (n, H, W) in [0, 1].

    Returns:
        (n,) in [0, 1].
    """
    _, height, width = grey.shape
    window = _hann(height)[:, None] * _hann(width)
    mean = (window * grey).sum((1, 2), keepdim=True) / window.sum()
    power = torch.fft.fft2(window * (grey - mean)).abs().square()
    high = (power * _above_half_nyquist(height, width)).sum((1, 2))
    constant = grey.amax((1, 2)) == grey.amin((1, 2))  # its power is rounding noise, of any share
    return torch.where(constant, 0.0, high / power.sum((1, 2)).clamp_min(torch.finfo(power.dtype).tiny))


def _hann(length: int) -> Tensor:
    return torch.sin(torch.pi * (torch.arange(length, dtype=torch.float64) + 0.5) / length).square()


def _above_half_nyquist(height: int, width: int) -> Tensor:
    """Whether each frequency of an FFT lies beyond 1/4 cycles per pixel, (H, W); in whole numbers, without rounding."""
    ky, kx = (torch.fft.fftfreq(n, 1 / n).round().long() for n in (height, width))
    return 16 * ((ky * width)[:, None].square() + (kx * height).square()) > (height * width) ** 2
