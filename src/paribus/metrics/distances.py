"""Distances between two sets of features, in float64: Fréchet (FID's formula; extrapolated; by class), kernel (KID's).

And how far samples are from each other. Precision, recall, density and coverage are in `neighbours`, MIND in
`transport`, scores of class probabilities in `classes`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import linear_regression

import torch
from torch import Tensor

from paribus.base.randomness import generator
from paribus.metrics.estimates import (
    BLOCKS,
    Estimate,
    disjoint_blocks,
    feature_matrix,
    feature_pair,
    ratio_estimate,
)
from paribus.results.statistics import jackknife_error

SIZES = 10
"""Numbers of samples that the line goes through."""
SMALLEST_PER_FEATURE = 4
"""Least samples for each feature: below, the bias in n is no straight line in 1/n any more."""


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


def frechet_estimate(real: Tensor, fake: Tensor, blocks: int = BLOCKS) -> Estimate:
    """`frechet_distance` with its standard error over the draw of both sets, by a delete-one-block jackknife.

    The variances from leaving out blocks of the real rows and blocks of the fake rows are added. Scatter matrices are
    downdated, so that each block costs one eigenvalue problem. It does not contain the spread over training seeds.
    A bootstrap would be biased here: repeated rows shrink the covariances' rank (0.79 became 1.31 in our measurement).
    NaN for fewer than 4 rows on either side.
    """
    real, fake = feature_pair(real, fake)
    of_real, of_fake = gaussian_statistics(real), gaussian_statistics(fake)
    value = frechet_distance_from_statistics(of_real, of_fake)
    if min(len(real), len(fake)) < 4:
        return Estimate(value, math.nan)
    without_real, without_fake = _without_each(of_fake, real, blocks), _without_each(of_real, fake, blocks)
    error = math.hypot(jackknife_error(without_real), jackknife_error(without_fake))
    return Estimate(value, error, tuple(without_real))


def _without_each(fixed: GaussianStatistics, rows: Tensor, blocks: int) -> list[float]:
    """The distance with each block of rows left out in turn."""
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
    return distances


def frechet_infinity(real: Tensor, fake: Tensor) -> Estimate:
    """Fréchet distance extrapolated to infinitely many samples; with Inception features it is FID∞.

    The distance is taken at 10 sizes n between N/10 and N, evenly spaced in 1/n, and a + b/n is fitted by least
    squares; the value is a. At each size the shuffled samples are cut into floor(N/n) disjoint parts, and the parts'
    distances are averaged. The real images stay the same throughout. Lower is better; the value may fall below 0 by
    its error.

    The bias that is left is that of the finite reference, much the same for every model, and the bend of the true
    curve: with fewer than 8 samples a feature the smallest n is N/2 instead of 4 a feature, and too much is taken off.

    The error is the block jackknife's of the plain distance (`frechet_estimate`). Since the parts of each size hold the
    same rows, the distances at all sizes share their first-order noise, and so does the line's value at 0: its spread
    over fresh draws is that of the plain distance (both are held against each other in the tests). The regression's own
    standard error would see none of it, and claim several times too little.

    Comparable only when encoder, reference split, its number of images, the number of samples and resolution agree.

    Source: arXiv 1911.07023, section 4. We differ in disjoint parts at each size, where the reference code draws one
    subset: less noise from the same samples. Latents from a Sobol sequence are the caller's affair.

    Args:
        real: Features (m, d).
        fake: Features (n, d), n of at least 20.
    """
    real, fake = feature_pair(real, fake)
    reference = gaussian_statistics(real)
    counts = subset_sizes(len(fake), fake.shape[1])
    line = linear_regression([1 / n for n in counts], [_mean_distance(reference, fake, n) for n in counts])
    plain = frechet_estimate(real, fake)
    moved = tuple(value + line.intercept - plain.value for value in plain.left_out)
    return Estimate(line.intercept, plain.error, moved)


def subset_sizes(count: int, dimensions: int) -> list[int]:
    """Numbers of samples from `count` down to its tenth (or to 4 a feature, or to the half), evenly spaced in 1/n."""
    least = max(count / SIZES, min(SMALLEST_PER_FEATURE * dimensions, count / 2))
    return [int(count / ratio) for ratio in torch.linspace(1, count / least, SIZES, dtype=torch.float64).tolist()]


def _mean_distance(reference: GaussianStatistics, fake: Tensor, size: int) -> float:
    """Mean over the disjoint parts of `size` rows; the shuffle depends on the numbers alone."""
    order = torch.randperm(len(fake), generator=generator("metrics", "extrapolation", len(fake), size))
    parts = order[: len(fake) // size * size].split(size)
    distances = [frechet_distance_from_statistics(reference, gaussian_statistics(fake[part])) for part in parts]
    return math.fsum(distances) / len(distances)


def frechet_within_classes(real: Tensor, real_labels: Tensor, fake: Tensor, fake_labels: Tensor) -> Estimate:
    """Mean over classes of the Fréchet distance between real images of a class and samples asked for it.

    (1/C) sum_c FD(real_c, fake_c); with Inception features the intra-class FID. Lower is better. Unlike the distance
    over all classes at once it rises when a model ignores the class it is asked for, or varies too little within one.
    Every class counts alike, however often it occurs. The error adds the variances of the classes' jackknife errors.

    Comparable only when encoder, reference split, number of samples a class and resolution agree: it is biased upwards
    by far more than the distance over all classes, which has C times the samples. Read it beside the floor.

    Source: the intra-FID of arXiv 1802.05637, section 4.1.

    Args:
        real: Features (n, d).
        real_labels: Their classes (n,).
        fake: Features (m, d).
        fake_labels: Classes (m,) that were asked for; those without 2 samples and 2 real images are left out.
    """
    counts = class_counts(real_labels, fake_labels)
    parts = [(real[real_labels == c], fake[fake_labels == c]) for c in torch.nonzero(counts >= 2).flatten()]
    if not parts:
        return Estimate(math.nan, math.nan)
    found = [frechet_estimate(*pair) for pair in parts]
    return Estimate(sum(part.value for part in found) / len(parts), math.hypot(*(p.error for p in found)) / len(parts))


def class_counts(real_labels: Tensor, fake_labels: Tensor) -> Tensor:
    """Images of each class on the side that has fewer of them: (classes,), up to the highest label of both."""
    classes = int(max(real_labels.max(), fake_labels.max())) + 1
    return torch.minimum(*(torch.bincount(labels, minlength=classes) for labels in (real_labels, fake_labels)))


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
    without_real = _without_each_block(within_real, across, real_blocks, _pair_mean(within_fake.sum(), m), m)
    without_fake = _without_each_block(within_fake, across.T, fake_blocks, _pair_mean(within_real.sum(), n), n)
    error = math.hypot(jackknife_error(without_real), jackknife_error(without_fake))
    return Estimate(value, error, tuple(without_real))


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


def _without_each_block(within: Tensor, across: Tensor, blocks: list[Tensor], rest: Tensor, others: int) -> list[float]:
    """The distance with each block of one side left out in turn; `rest` is the other side's own term.

    None where fewer than two rows are left.
    """
    sizes = torch.tensor([len(block) for block in blocks], dtype=torch.float64)
    left = sizes.sum() - sizes
    if len(blocks) < 2 or left.min() < 2:
        return []
    own = _pair_mean(within.sum() - 2 * within.sum(1) + within.diagonal(), left)
    cross = (across.sum() - across.sum(1)) / (left * others)
    return (own + rest - 2 * cross).tolist()


def diversity(real: Tensor, fake: Tensor) -> Estimate:
    """Mean distance of two samples in feature space over that of two real images.

    E |f(x) - f(x')| / E |f(y) - f(y')|, Euclidean, over disjoint random pairs of samples x, x' and of images y, y'.
    Never negative; 1 is best: below it samples are more alike than real images are, 0 for copies of one image, and
    above 1 there are outliers or noise. It sees how far samples spread, not where they are. The error is the delta
    method's; pairs share no image, and so are independent.

    Comparable only when encoder, reference split and resolution agree; n may differ, since both means are unbiased.

    Source: the diversity score of arXiv 1711.11586 and 1804.04732 (mean LPIPS distance of random pairs), with the
    evaluation's encoder in place of LPIPS, and over real images so that 1 means the same for every encoder.

    Args:
        real: Features (n, d), n of at least 2.
        fake: Features (m, d), m of at least 2.
    """
    real, fake = feature_pair(real, fake)
    return ratio_estimate(pair_distances(fake), pair_distances(real))


def pair_distances(features: Tensor) -> Tensor:
    """Distances of disjoint random pairs of rows (n, d): (n // 2,); the same pairs each time."""
    order = torch.randperm(len(features), generator=generator("metrics", "pairs", len(features)))
    first, second = order[: len(order) // 2 * 2].view(2, -1)
    return (features[first] - features[second]).norm(dim=1)
