"""A number with its standard error, and how errors are found: by leaving out one disjoint block at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.base.randomness import generator

BLOCKS = 20
"""Disjoint blocks behind a jackknife error, where there are enough rows."""


@contextmanager
def full_precision() -> Iterator[None]:
    """Float32 products in float32, whatever the training code has allowed (TF32, bfloat16) or autocast asks for."""
    allowed = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast("cpu", enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(allowed)


class Estimate(NamedTuple):
    """A value and its standard error (NaN where there are too few rows to tell).

    Attributes:
        left_out: The value with each block of the real rows left out in turn; empty where that was not computed.
    """

    value: float
    error: float
    left_out: tuple[float, ...] = ()


def disjoint_blocks(rows: int, blocks: int = BLOCKS) -> list[Tensor]:
    """Splits row numbers 0..rows-1 into at most `blocks` disjoint blocks of nearly equal size.

    The rows are shuffled first, the same way for every call: neither a split that is sorted by class nor samples that
    cycle through the classes then make blocks that differ by construction.
    """
    order = torch.randperm(rows, generator=generator("metrics", "disjoint blocks", rows))
    return list(torch.tensor_split(order, max(1, min(blocks, rows))))


def mean_estimate(terms: Tensor) -> Estimate:
    """Mean of independent terms (n,) and its standard error, std / sqrt(n)."""
    terms = terms.detach().to("cpu", torch.float64)
    error = float(terms.std()) / math.sqrt(len(terms)) if len(terms) > 1 else math.nan
    return Estimate(float(terms.mean()), error)


def ratio_estimate(terms: Tensor, reference: Tensor, *, paired: bool = False) -> Estimate:
    """Mean of `terms` (n,) over the mean of `reference` (m,), both not negative, and its standard error.

    The error is the delta method's: each mean's relative variance is added, or, where row i of both belongs to one and
    the same image, that of the differences t_i - ratio r_i is taken. The value is NaN where the reference's mean is 0.

    Args:
        terms: (n,).
        reference: (m,), with m = n if paired.
        paired: Whether the rows belong together.
    """
    terms, reference = (rows.detach().to("cpu", torch.float64) for rows in (terms, reference))
    below = mean_estimate(reference)
    if below.value == 0:
        return Estimate(math.nan, math.nan)
    ratio = float(terms.mean()) / below.value
    if paired:
        return Estimate(ratio, mean_estimate(terms - ratio * reference).error / below.value)
    return Estimate(ratio, math.hypot(mean_estimate(terms).error, ratio * below.error) / below.value)


def feature_matrix(features: Tensor, name: str, at_least: int = 2, dtype: torch.dtype | None = torch.float64) -> Tensor:
    """Features (n, d) as `dtype` on the CPU, checked; None leaves them as they are.

    Raises:
        ParibusError: Not a matrix, fewer than `at_least` rows, or a value that is NaN or infinite.
    """
    got = f"{tuple(features.shape)} {features.dtype}"
    if features.ndim != 2 or len(features) < at_least or features.shape[1] < 1:
        raise ParibusError(
            "Features must be a matrix with one row per image.",
            where=f"{name} features",
            got=got,
            expected=f"shape (n, d) with n of at least {at_least}",
            fix="give more images",
        )
    matrix = features.detach().to("cpu", dtype)
    # a part at a time: over all rows at once the check would take as much memory as they do
    finite = torch.cat([torch.isfinite(part).all(1) for part in matrix.split(1024)])
    if not finite.all():
        raise ParibusError(
            "Features must be finite.",
            where=f"{name} features",
            got=f"{int((~finite).sum())} of {len(matrix)} rows with NaN or infinity",
            expected="finite numbers",
            fix="look at the samples: a diverged model gives NaN",
        )
    return matrix


def feature_pair(
    real: Tensor, fake: Tensor, at_least: int = 2, dtype: torch.dtype | None = torch.float64
) -> tuple[Tensor, Tensor]:
    """Two feature matrices of the same width, as `dtype` on the CPU; None leaves them as they are.

    Raises:
        ParibusError: As `feature_matrix`, or the widths differ.
    """
    real, fake = feature_matrix(real, "real", at_least, dtype), feature_matrix(fake, "fake", at_least, dtype)
    if real.shape[1] != fake.shape[1]:
        raise ParibusError(
            "Real and fake features have different widths.",
            got=f"{real.shape[1]} and {fake.shape[1]}",
            expected="features of one and the same encoder",
        )
    return real, fake
