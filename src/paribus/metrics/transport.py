"""Distance by optimal transport: the sliced Wasserstein distance of two sets of features, and MIND."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from paribus.base.randomness import generator
from paribus.metrics.estimates import BLOCKS, Estimate, disjoint_blocks, feature_pair
from paribus.results.statistics import jackknife_error

DIRECTIONS = 1000
_FOR_THE_ERROR = 100  # directions of the jackknife: which rows there are matters to it, not how they are seen
_AT_ONCE = 50  # directions whose projections are in memory at the same time


def monge_inception_distance(real: Tensor, fake: Tensor, directions: int = DIRECTIONS) -> Estimate:
    """MIND: the squared sliced 2-Wasserstein distance of features, on the scale of the Fréchet distance.

    3 d SW2², with d the number of features. Lower is better; 0 only for equal sets. It sees all of each projection's
    distribution, where the Fréchet distance sees means and covariances, and needs no covariance of d x d numbers. For
    two Gaussians that differ in their means alone it is 3 times the Fréchet distance.

    The error is a delete-one-block jackknife over 20 disjoint blocks, taken from both sets at once, of the distance in
    the first 100 directions; NaN below 4 rows.

    Comparable only when encoder, reference split, number of samples and resolution agree: it is biased upwards by an
    amount that falls with n. Read it beside the real-against-real floor of the same n.

    Source: arXiv 2605.06797, with its 1,000 directions. We differ in drawing them once and for all, the same for every
    model, and in taking sets of different sizes as they are.

    Args:
        real: Features (n, d).
        fake: Features (m, d).
        directions: Number of random directions.
    """
    real, fake = feature_pair(real, fake)
    factor = 3.0 * real.shape[1]
    return Estimate(factor * sliced_wasserstein(real, fake, directions), factor * _error(real, fake, directions))


def sliced_wasserstein(real: Tensor, fake: Tensor, directions: int = DIRECTIONS) -> float:
    """Squared sliced 2-Wasserstein distance SW2²: the mean over directions of W2² between projections.

    Mean over u, uniform on the sphere, of the integral over q from 0 to 1 of (F_u⁻¹(q) - G_u⁻¹(q))², with F_u⁻¹ and
    G_u⁻¹ the quantiles of the rows' products with u. Exact for each direction (projections are sorted, not binned), by
    a fixed set of directions.

    Args:
        real: Features (n, d).
        fake: Features (m, d).
        directions: Number of random directions.
    """
    real, fake = feature_pair(real, fake, at_least=1)
    sums = []
    for axes in _directions(real.shape[1], directions).split(_AT_ONCE):
        # NumPy sorts several times as fast as torch, which finds the order too
        pair = (torch.from_numpy(np.sort((axes @ rows.T).numpy(), axis=1)) for rows in (real, fake))
        sums.append(_squared_wasserstein(*pair).sum())
    return float(torch.stack(sums).sum()) / directions


def _squared_wasserstein(x: Tensor, y: Tensor) -> Tensor:
    """W2² of each row of sorted values (r, n) against the same row of (r, m): (r,)."""
    n, m = x.shape[1], y.shape[1]
    if n == m:
        return (x - y).square().mean(1)
    # quantile functions are steps at i/n and j/m: in units of 1/nm all of these are whole numbers
    edges = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).unique()
    widths = edges.diff(prepend=edges.new_zeros(1)).double() / (n * m)
    return (x[:, (edges - 1) // m] - y[:, (edges - 1) // n]).square() @ widths


def _directions(dimensions: int, count: int) -> Tensor:
    """Unit vectors (count, d), the same each time."""
    seeded = generator("metrics", "directions", dimensions)
    drawn = torch.randn(count, dimensions, generator=seeded, dtype=torch.float64)
    return drawn / drawn.norm(dim=1, keepdim=True)


def _error(real: Tensor, fake: Tensor, directions: int) -> float:
    if min(len(real), len(fake)) < 4:
        return math.nan
    axes = _directions(real.shape[1], directions)[:_FOR_THE_ERROR]
    blocks = min(BLOCKS, min(len(real), len(fake)) // 2)
    left_out = torch.zeros(blocks, dtype=torch.float64)
    for part in axes.split(_AT_ONCE):
        sides = [(*(part @ rows.T).sort(1), _block_numbers(len(rows), blocks)) for rows in (real, fake)]
        for block in range(blocks):
            kept = (values[numbers[order] != block].view(len(part), -1) for values, order, numbers in sides)
            left_out[block] += _squared_wasserstein(*kept).sum() / len(axes)
    return jackknife_error(left_out.tolist())


def _block_numbers(rows: int, blocks: int) -> Tensor:
    """Which block each row belongs to: (rows,)."""
    numbers = torch.empty(rows, dtype=torch.int64)
    for number, block in enumerate(disjoint_blocks(rows, blocks)):
        numbers[block] = number
    return numbers
