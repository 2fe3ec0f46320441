"""The Fréchet distance of infinitely many samples, from how it falls with their number."""

from __future__ import annotations

import math
from statistics import linear_regression

import torch
from torch import Tensor

from paribus.base.randomness import generator
from paribus.metrics.distances import (
    GaussianStatistics,
    frechet_distance_from_statistics,
    frechet_error,
    gaussian_statistics,
)
from paribus.metrics.estimates import Estimate, feature_pair

SIZES = 10
"""Numbers of samples that the line goes through."""
SMALLEST_PER_FEATURE = 4
"""Least samples for each feature: below, the bias in n is no straight line in 1/n any more."""


def frechet_infinity(real: Tensor, fake: Tensor, sizes: int = SIZES) -> Estimate:
    """Fréchet distance extrapolated to infinitely many samples; with Inception features it is FID∞.

    The distance is taken at 10 sizes n between N/10 and N, evenly spaced in 1/n, and a + b/n is fitted by least
    squares; the value is a. At each size the shuffled samples are cut into floor(N/n) disjoint parts, and the parts'
    distances are averaged. The real images stay the same throughout. Lower is better; the value may fall below 0 by
    its error.

    The bias that is left is that of the finite reference, much the same for every model, and the bend of the true
    curve: with fewer than 8 samples a feature the smallest n is N/2 instead of 4 a feature, and too much is taken off.

    The error is the block jackknife's of the plain distance (`frechet_error`). Since the parts of each size hold the
    same rows, the distances at all sizes share their first-order noise, and so does the line's value at 0: its spread
    over fresh draws is that of the plain distance (both are held against each other in the tests). The regression's own
    standard error would see none of it, and claim several times too little.

    Comparable only when encoder, reference split, its number of images, the number of samples and resolution agree.

    Source: arXiv 1911.07023, section 4. We differ in disjoint parts at each size, where the reference code draws one
    subset: less noise from the same samples. Latents from a Sobol sequence are the caller's affair.

    Args:
        real: Features (m, d).
        fake: Features (n, d), n of at least 20.
        sizes: How many sizes the line goes through.
    """
    real, fake = feature_pair(real, fake)
    reference = gaussian_statistics(real)
    counts = subset_sizes(len(fake), fake.shape[1], sizes)
    line = linear_regression([1 / n for n in counts], [_mean_distance(reference, fake, n) for n in counts])
    return Estimate(line.intercept, frechet_error(real, fake))


def subset_sizes(count: int, dimensions: int, sizes: int = SIZES) -> list[int]:
    """Numbers of samples from `count` down to its tenth (or to 4 a feature, or to the half), evenly spaced in 1/n."""
    least = max(count / sizes, min(SMALLEST_PER_FEATURE * dimensions, count / 2))
    return [int(count / ratio) for ratio in torch.linspace(1, count / least, sizes, dtype=torch.float64).tolist()]


def _mean_distance(reference: GaussianStatistics, fake: Tensor, size: int) -> float:
    """Mean over the disjoint parts of `size` rows; the shuffle depends on the numbers alone."""
    order = torch.randperm(len(fake), generator=generator("metrics", "extrapolation", len(fake), size))
    parts = order[: len(fake) // size * size].split(size)
    distances = [frechet_distance_from_statistics(reference, gaussian_statistics(fake[part])) for part in parts]
    return math.fsum(distances) / len(distances)
