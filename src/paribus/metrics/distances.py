"""Distances between two sets of features: Fréchet (FID's formula) and kernel (KID's formula), in float64.

Precision, recall, density and coverage are in `neighbours`; scores of class probabilities in `classes`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from paribus.metrics.estimates import BLOCKS, Estimate, disjoint_blocks, feature_matrix, feature_pair, jackknife_error


@dataclass(frozen=True)
class GaussianStatistics:
    """Mean and covariance of features, all that the Fréchet distance needs.

    Args:
        count: Number of rows n they were computed from.
        mean: (d,) float64.
        covariance: (d, d) float64, divided by n - 1.
        centred: (n, d) float64, rows minus mean over sqrt(n - 1); kept only where n < d.
    """

    count: int
    mean: Tensor
    covariance: Tensor
    centred: Tensor | None = None

    @cached_property
    def root(self) -> Tensor:
        """R of shape (min(n, d), d) with covariance = RᵀR."""
        if self.centred is not None:
            return self.centred
        lower, failed = torch.linalg.cholesky_ex(self.covariance)
        if not failed:
            return lower.T
        values, vectors = torch.linalg.eigh(self.covariance)  # a singular one: features that are constant or copies
        return values.clamp_min(0).sqrt()[:, None] * vectors.T


def gaussian_statistics(features: Tensor) -> GaussianStatistics:
    """Statistics of features (n, d), n of at least 2, in float64."""
    rows = feature_matrix(features, "given")
    count, dimensions = rows.shape
    mean = rows.mean(0)
    centred = rows - mean
    covariance = _products_of_columns(centred) / (count - 1)
    kept = centred / math.sqrt(count - 1) if count < dimensions else None
    return GaussianStatistics(count, mean, covariance, kept)


def _products_of_columns(rows: Tensor, block: int = 256) -> Tensor:
    """rowsᵀ rows (d, d) of (n, d), each pair of columns multiplied once: half the work of a product of two matrices."""
    dimensions = rows.shape[1]
    products = rows.new_empty(dimensions, dimensions)
    for start in range(0, dimensions, block):
        part = rows[:, start : start + block].T @ rows[:, start:]
        products[start : start + block, start:] = part
        products[start:, start : start + block] = part.T
    return products


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Fréchet distance between Gaussians fitted to real and fake features; with Inception features it is the FID.

    ||mu1 - mu2||^2 + Tr C1 + Tr C2 - 2 Tr sqrt(C1 C2). Lower is better; 0 for equal moments. In the features' squared
    unit, so its size depends on the encoder.

    Comparable only when encoder, reference split, number of samples and resolution agree: it is biased upwards by an
    amount that depends on n and on the model. Read it beside the real-against-real floor of the same n.

    Source: arXiv 1706.08500, equation 6. We differ from the reference code in computing Tr sqrt(C1 C2) from the
    symmetric form (no matrix square root, no added epsilon) and so accept any n of at least 2.

    Args:
        real: Features (n, d).
        fake: Features (m, d).
    """
    real, fake = feature_pair(real, fake)
    return frechet_distance_from_statistics(gaussian_statistics(real), gaussian_statistics(fake))


def frechet_distance_from_statistics(real: GaussianStatistics, fake: GaussianStatistics) -> float:
    """`frechet_distance` from statistics that were computed before."""
    if fake.centred is not None:
        # nuclear norm of the product: singular values lose no digits to squaring where most are zero
        trace_of_root = torch.linalg.svdvals(real.root @ fake.centred.T).sum()
    elif real.centred is not None:
        trace_of_root = torch.linalg.svdvals(real.centred @ fake.root.T).sum()
    else:
        trace_of_root = _trace_of_root(real.root @ fake.covariance @ real.root.T)
    distance = (real.mean - fake.mean).square().sum() + real.covariance.trace() + fake.covariance.trace()
    return max(0.0, float(distance - 2 * trace_of_root))  # equal moments may end at -1e-14


def _trace_of_root(product: Tensor) -> Tensor:
    """Tr sqrt(M) of a symmetric positive semi-definite matrix; eigenvalues that are rounding noise count as zero."""
    values = torch.linalg.eigvalsh((product + product.T) / 2)
    noise = values[-1].clamp_min(0) * torch.finfo(values.dtype).eps
    return torch.where(values > noise, values, 0.0).sqrt().sum()


def frechet_error(real: Tensor, fake: Tensor, blocks: int = BLOCKS) -> float:
    """Standard error of `frechet_distance` over the draw of both sets, by a delete-one-block jackknife.

    The variances from leaving out blocks of the real rows and blocks of the fake rows are added. Scatter matrices are
    downdated, so that each block costs one eigenvalue problem. It does not contain the spread over training seeds.
    A bootstrap would be biased here: repeated rows shrink the covariances' rank (0.79 became 1.31 in our measurement).
    NaN for fewer than 4 rows on either side.
    """
    real, fake = feature_pair(real, fake)
    if min(len(real), len(fake)) < 4:
        return math.nan
    of_real, of_fake = gaussian_statistics(real), gaussian_statistics(fake)
    return math.hypot(_one_sided_error(of_real, fake, blocks), _one_sided_error(of_fake, real, blocks))


def _one_sided_error(fixed: GaussianStatistics, rows: Tensor, blocks: int) -> float:
    count = len(rows)
    mean = rows.mean(0)
    centred = rows - mean
    rotated = centred @ fixed.root.T  # (n, r): cov(rotated) = R C Rᵀ
    squares = centred.square().sum(1)
    scatter, total = rotated.T @ rotated, squares.sum()
    distances = []
    for block in disjoint_blocks(count, min(blocks, count // 2)):
        left = count - len(block)
        shift = centred[block].mean(0) * (-len(block) / left)  # new mean minus old mean
        rotated_shift = shift @ fixed.root.T
        part = rotated[block]
        downdated = scatter - part.T @ part - left * torch.outer(rotated_shift, rotated_shift)
        trace = (total - squares[block].sum() - left * shift.square().sum()) / (left - 1)
        distance = (mean + shift - fixed.mean).square().sum() + trace + fixed.covariance.trace()
        distances.append(float(distance - 2 * _trace_of_root(downdated / (left - 1))))
    return jackknife_error(distances)


def kernel_distance(real: Tensor, fake: Tensor, blocks: int = BLOCKS) -> Estimate:
    """Kernel distance: squared maximum mean discrepancy with the kernel (x·y/d + 1)^3; on Inception features, the KID.

    mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) - 2 mean_{ij} k(x_i, y_j), over all pairs. Lower is better; its
    expectation is 0 for equal distributions at every n, so single values may be negative.

    The error is a delete-one-block jackknife over at least 20 disjoint blocks of each side (one block for every two
    rows where there are fewer than 40; NaN below 4 rows), of this very statistic. The usual ± over 100 overlapping
    subsets is not a standard error. Near 0 the jackknife errs to the safe side, by up to a half.

    Comparable only when encoder, reference split and resolution agree; n may differ, since the estimate is unbiased.

    Source: arXiv 1801.01401, section 4. We differ from the reference code in using all pairs at once instead of
    averaging over random subsets: the same cost and half the deviation.

    Args:
        real: Features (n, d).
        fake: Features (m, d).
        blocks: Least number of blocks; more are made where a block would have over 1,024 rows.
    """
    real, fake = feature_pair(real, fake)
    real_blocks, fake_blocks = _cut(real, blocks), _cut(fake, blocks)
    within_real, within_fake = _sums_within(real_blocks), _sums_within(fake_blocks)
    across = torch.stack([_sums(x, fake_blocks) for x in real_blocks])
    n, m = len(real), len(fake)
    value = float(_pair_mean(within_real.sum(), n) + _pair_mean(within_fake.sum(), m) - 2 * across.sum() / (n * m))
    error = math.hypot(
        _without_each_block(within_real, across, real_blocks, _pair_mean(within_fake.sum(), m), m),
        _without_each_block(within_fake, across.T, fake_blocks, _pair_mean(within_real.sum(), n), n),
    )
    return Estimate(value, error)


def _cut(rows: Tensor, blocks: int) -> list[Tensor]:
    count = min(max(blocks, math.ceil(len(rows) / 1024)), len(rows) // 2)
    # with x' = (x / sqrt(d), 1) the kernel is (x'·y')^3
    lifted = torch.cat([rows / math.sqrt(rows.shape[1]), torch.ones(len(rows), 1, dtype=rows.dtype)], 1)
    return [lifted[block] for block in disjoint_blocks(len(rows), count)]


def _sums(rows: Tensor, blocks: list[Tensor]) -> Tensor:
    """Sums of the kernel between all of `rows` and each block: (B,)."""
    columns = [(rows @ part.T).pow_(3).sum(0) for part in torch.cat(blocks).split(1024)]
    return torch.stack([part.sum() for part in torch.cat(columns).split([len(block) for block in blocks])])


def _sums_within(blocks: list[Tensor]) -> Tensor:
    """Sums of the kernel over pairs of different rows, for every pair of blocks: (B, B), symmetric."""
    sums = torch.zeros(len(blocks), len(blocks), dtype=torch.float64)
    for i, rows in enumerate(blocks):
        sums[i, i:] = sums[i:, i] = _sums(rows, blocks[i:])
        sums[i, i] -= rows.square().sum(1).pow(3).sum()  # each row with itself
    return sums


def _pair_mean(total: Tensor, rows: int | Tensor) -> Tensor:
    return total / (rows * (rows - 1))


def _without_each_block(within: Tensor, across: Tensor, blocks: list[Tensor], rest: Tensor, others: int) -> float:
    """Jackknife error of the distance over the blocks of one side; `rest` is the other side's own term."""
    sizes = torch.tensor([len(block) for block in blocks], dtype=torch.float64)
    left = sizes.sum() - sizes
    if len(blocks) < 2 or left.min() < 2:
        return math.nan
    own = _pair_mean(within.sum() - 2 * within.sum(1) + within.diagonal(), left)
    cross = (across.sum() - across.sum(1)) / (left * others)
    return jackknife_error(own + rest - 2 * cross)
