"""Tests without a distribution: signs or labels are exchanged, and how often chance does as well is counted.

They are honest about few seeds: n matched seeds allow 2^n signs, so no p is below 2 / 2^n. With five seeds or fewer
that is more than 0.05, whatever the values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np

EXACT = 2**15
"""Most arrangements that are all tried: 15 matched seeds, or 8 against 8; beyond, `DRAWN` of them are."""
DRAWN = 20_000


def sign_flip_p(differences: Sequence[float]) -> float:
    """Two-sided p of differences by seed being symmetric around 0; exact up to 15 of them, else from 20,000 draws.

    Source: Fisher's randomisation test for matched pairs (The Design of Experiments, 1935).

    Raises:
        ValueError: There are no differences.
    """
    if not differences:
        raise ValueError("no differences to test")
    return _p(_signs(len(differences)), np.asarray(differences))


def exchange_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p of both samples having one distribution, by the difference of their means.

    Exact where the labels can be exchanged in at most 32,768 ways, else from 20,000 draws.

    Raises:
        ValueError: One of them has no values.
    """
    if not first or not second:
        raise ValueError("no values to compare")
    return _p(_labels(len(first), len(second)), np.asarray([*first, *second]))


def least_p(first: int, second: int | None = None) -> float:
    """The least p that the exact test can reach with so many matched seeds, or so many values of either model."""
    ways = 2**first if second is None else math.comb(first + second, first)
    return min(1.0, 2 / ways)


def holm(p: Sequence[float]) -> list[float]:
    """Each p corrected for all of them being asked at once, in the given order: no independence is needed.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    corrected, largest = [0.0] * len(p), 0.0
    for place, index in enumerate(sorted(range(len(p)), key=lambda k: p[k])):
        largest = max(largest, min(1.0, (len(p) - place) * p[index]))
        corrected[index] = largest
    return corrected


def _p(weights: np.ndarray, values: np.ndarray) -> float:
    """Twice the smaller tail of the first arrangement's statistic among all of them."""
    statistics = weights @ values
    slack = 1e-9 * float(np.abs(weights[0] * values).sum())  # sums of one set in another order differ by rounding
    tails = ((statistics >= statistics[0] - slack).mean(), (statistics <= statistics[0] + slack).mean())
    # drawn arrangements hold the observed one as their first, so that p is never 0
    return min(1.0, 2 * float(min(tails)))


@lru_cache(maxsize=32)
def _signs(n: int) -> np.ndarray:
    """Signs (arrangements, n), as they are observed in the first row."""
    if 2**n <= EXACT:
        return 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    drawn = np.random.default_rng(n).choice([-1.0, 1.0], size=(DRAWN, n))
    return np.concatenate([np.ones((1, n)), drawn])


@lru_cache(maxsize=32)
def _labels(first: int, second: int) -> np.ndarray:
    """Weights (arrangements, first + second) whose sums are differences of means, as observed in the first row."""
    n = first + second
    if math.comb(n, first) <= EXACT:
        chosen = np.zeros((math.comb(n, first), n), dtype=bool)
        for row, places in zip(chosen, combinations(range(n), first), strict=True):
            row[list(places)] = True
    else:
        drawn = np.random.default_rng((first, second)).random((DRAWN, n)).argsort(axis=1) < first
        chosen = np.concatenate([np.arange(n)[None] < first, drawn])
    return np.where(chosen, 1 / first, -1 / second)
