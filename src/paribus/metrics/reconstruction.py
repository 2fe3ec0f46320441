"""How near reconstructions are to their images: in pixels (MSE, PSNR), in local structure (SSIM), in features."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from paribus.base.errors import ParibusError
from paribus.metrics.distances import pair_distances
from paribus.metrics.estimates import Estimate, feature_pair, ratio_estimate

_SIGMA, _K1, _K2 = 1.5, 0.01, 0.03


def squared_errors(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean squared error of each image on the scale [0, 1]: (n,) float64, from two uint8 (n, C, H, W)."""
    images, reconstructions = _same_shape(images, reconstructions)
    difference = (images.double() - reconstructions.double()) / 255
    return difference.square().flatten(1).mean(1)


def _same_shape(images: Tensor, reconstructions: Tensor) -> tuple[Tensor, Tensor]:
    if images.shape != reconstructions.shape:
        raise ParibusError(
            "Reconstructions have another shape than their images.",
            where="reconstruction",
            got=str(tuple(reconstructions.shape)),
            expected=str(tuple(images.shape)),
        )
    return images.cpu(), reconstructions.cpu()


def peak_signal_noise_ratio(mean_squared_error: float) -> float:
    """PSNR in decibels, 10 log10(1 / MSE), of the mean squared error over all pixels of all images, white being 1.

    Higher is better; infinite for perfect reconstructions. The mean of per-image PSNRs is larger, and not this.

    Comparable only when images and resolution agree.
    """
    return math.inf if mean_squared_error == 0 else -10 * math.log10(mean_squared_error)


def structural_similarities(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Structural similarity (SSIM) of each image to its reconstruction: (n,) float64, from two uint8 (n, C, H, W).

    Mean over windows and channels of (2 mx my + c1)(2 sxy + c2) / ((mx² + my² + c1)(sx² + sy² + c2)), with the means,
    variances and covariance under a Gaussian window, c1 = (0.01 * 255)² and c2 = (0.03 * 255)². From -1 to 1; higher is
    better, 1 for equal images. Windows lie wholly within the image. The metric `ssim` is the mean over images.

    Comparable only when images and resolution agree.

    Source: Wang et al., IEEE Transactions on Image Processing 13 (2004), equation 13: window of 11 pixels, sigma 1.5.
    Like their code, scikit-image and TensorFlow we pad nothing (torchmetrics mirrors the border and counts it too). We
    differ where an image has a side of fewer than 11 pixels: the window is then cut to `similarity_window` pixels.
    """
    images, reconstructions = _same_shape(images, reconstructions)
    height, width = images.shape[2:]
    size = similarity_window(height, width)
    offsets = torch.arange(size, dtype=torch.float64) - size // 2
    weights = torch.exp(-offsets.square() / (2 * _SIGMA**2))
    weights = weights / weights.sum()

    def windowed(values: Tensor) -> Tensor:
        values = F.conv2d(values, weights.view(1, 1, -1, 1))
        return F.conv2d(values, weights.view(1, 1, 1, -1))

    x, y = (batch.double().reshape(-1, 1, height, width) for batch in (images, reconstructions))
    mean_x, mean_y = windowed(x), windowed(y)
    variances = windowed(x * x) - mean_x**2 + windowed(y * y) - mean_y**2
    covariance = windowed(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * 255) ** 2, (_K2 * 255) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variances + c2)
    return (luminance * structure).view(len(images), -1).mean(1)


def similarity_window(height: int, width: int) -> int:
    """Pixels on a side of SSIM's window: 11, or the largest odd number that fits into the image."""
    least = min(11, height, width)
    return least - (least + 1) % 2


def feature_distance(images: Tensor, reconstructions: Tensor, real: Tensor) -> Estimate:
    """Mean distance of images from their reconstructions in feature space over that of two different real images.

    E |f(x) - f(x')| / E |f(y) - f(y')|, Euclidean, x' made from x, over disjoint random pairs of real images y, y'.
    Never negative; lower is better: 0 for reconstructions with the features of their images, 1 for those that are no
    nearer to them than another image is. It sees what pixels do not, such as a class that was lost in a blur. The error
    is the delta method's, with the images and the pairs taken as independent.

    Comparable only when the encoder, the images and their resolution agree.

    Source: the feature loss of arXiv 1602.02644, as a distance and over that of real images, so that it reads alike for
    every encoder.

    Args:
        images: Features (n, d).
        reconstructions: Features (n, d), row by row of the same images.
        real: Features (m, d) of real images.
    """
    images, reconstructions = _same_shape(*feature_pair(images, reconstructions, at_least=1))
    return ratio_estimate((images - reconstructions).norm(dim=1), pair_distances(real.double().cpu()))
