"""What a few numbers allow to be said: means, intervals, tests without a distribution, main effects. Pure functions.

Intervals are Student's, for independent, roughly normal values; what all values of a model share (the test images that
they are measured on) does not show in their scatter, and its error is added. The exact tests exchange signs or labels
and count how often chance does as well. They are honest about few seeds: n matched seeds allow 2^n signs, so no p is
below 2 / 2^n. With five seeds or fewer that is more than 0.05, whatever the values.

scipy.special is imported where it is needed: scipy.stats would take over a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any, Literal

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """Several runs' values of one metric.

    Attributes:
        mean: Their mean.
        std: Their standard deviation (n - 1); None for a single value.
        low: Lower end of the 95 % t-interval of the mean; None for a single value.
        high: Its upper end.
        count: How many values.
    """

    mean: float
    std: float | None
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True)
class Difference:
    """The mean of one model's values less the mean of another's.

    Attributes:
        mean: The difference of the means.
        low: Lower end of its 95 % t-interval; None with too few values.
        high: Its upper end.
        p: Two-sided p of the t-test of no difference; None with too few values.
        std: Standard deviation (n - 1) of the differences by seed; None for Welch's interval or a single pair.
        shared: The standard error of what all values share, which is in the interval and in p.
        method: "paired" by seed, or "Welch" where the seeds do not match.
        counts: How many values of either model.
    """

    mean: float
    low: float | None
    high: float | None
    p: float | None
    std: float | None
    method: Literal["paired", "Welch"]
    counts: tuple[int, int]
    shared: float = 0.0


@dataclass(frozen=True)
class Shared:
    """An error that all values have in common, and that their scatter does not show.

    Attributes:
        error: Of the difference of two means, one standard deviation.
        degrees: Its degrees of freedom.
    """

    error: float = 0.0
    degrees: float = math.inf


def summary(values: Sequence[float]) -> Summary:
    """Mean and t-interval: mean +- t(n - 1) * std / sqrt(n).

    Raises:
        ValueError: There are no values.
    """
    n = len(values)
    if n == 0:
        raise ValueError("no values to summarise")
    mean, variance = _moments(values)
    if n == 1:
        return Summary(mean, None, None, None, 1)
    half = _quantile(n - 1) * math.sqrt(variance / n)
    return Summary(mean, math.sqrt(variance), mean - half, mean + half, n)


NOTHING_SHARED = Shared()


def difference(first: Mapping[int, float], second: Mapping[int, float], shared: Shared = NOTHING_SHARED) -> Difference:
    """First less second, values by seed: paired where both have the same seeds, else Welch's."""
    if first.keys() == second.keys():
        return paired_difference([(first[seed], second[seed]) for seed in first], shared)
    return welch_difference(list(first.values()), list(second.values()), shared)


def paired_difference(pairs: Sequence[tuple[float, float]], shared: Shared = NOTHING_SHARED) -> Difference:
    """First less second within each pair: what both have of a seed (data order, draws) cancels.

    mean +- t * sqrt(std^2 / n + shared^2), with degrees of freedom by Satterthwaite (1946).

    Raises:
        ValueError: There are no pairs.
    """
    differences = [a - b for a, b in pairs]
    n = len(differences)
    if n == 0:
        raise ValueError("no values to compare")
    mean, variance = _moments(differences)
    if n == 1:
        return Difference(mean, None, None, None, None, "paired", (1, 1), shared.error)
    low, high, p = _tested(mean, [(variance / n, n - 1), (shared.error**2, shared.degrees)])
    return Difference(mean, low, high, p, math.sqrt(variance), "paired", (n, n), shared.error)


def welch_difference(first: Sequence[float], second: Sequence[float], shared: Shared = NOTHING_SHARED) -> Difference:
    """Mean of the first less mean of the second, where neither numbers nor variances need be equal.

    Source: Welch (1947), degrees of freedom by Satterthwaite (1946).

    Raises:
        ValueError: One of them has no values.
    """
    counts = (len(first), len(second))
    if not all(counts):
        raise ValueError("no values to compare")
    moments = [_moments(values) for values in (first, second)]
    mean = moments[0][0] - moments[1][0]
    if min(counts) < 2:
        return Difference(mean, None, None, None, None, "Welch", counts, shared.error)
    parts = [(variance / n, n - 1.0) for (_, variance), n in zip(moments, counts, strict=True)]
    low, high, p = _tested(mean, [*parts, (shared.error**2, shared.degrees)])
    return Difference(mean, low, high, p, None, "Welch", counts, shared.error)


def jackknife_error(left_out: Sequence[float]) -> float:
    """Standard error of an estimate, from its values with each of B blocks left out in turn.

    sqrt((B - 1) / B * sum_b (t_b - mean t)^2). NaN for fewer than two blocks.
    Source: Efron and Stein (1981); blocks of more than one row as in Busing et al. (1999).
    """
    blocks = len(left_out)
    if blocks < 2:
        return math.nan
    mean = _mean(left_out)
    return math.sqrt((blocks - 1) / blocks * math.fsum((value - mean) ** 2 for value in left_out))


def _tested(mean: float, parts: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Ends of the interval and p of a mean whose variance has these parts, each with its degrees of freedom."""
    variance = math.fsum(part for part, _ in parts)
    error = math.sqrt(variance)
    # without any scatter the degrees of freedom do not matter
    inverse = math.fsum((part / variance) ** 2 / of for part, of in parts) if variance else 1.0
    degrees = 1 / inverse if inverse else math.inf
    half = _quantile(degrees) * error
    return mean - half, mean + half, _two_sided_p(mean, error, degrees)


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the variance (n - 1; 0 for a single value)."""
    mean = _mean(values)
    return mean, math.fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)


@lru_cache(4096)
def _quantile(degrees: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + CONFIDENCE / 2))


def _two_sided_p(mean: float, error: float, degrees: float) -> float:
    from scipy.special import stdtr

    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(degrees, -abs(mean) / error))


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


Measured = tuple[Mapping[str, Any], int, float | None]
"""One run: where it stands on each axis, its seed, and its value (None where it has none)."""


@dataclass(frozen=True)
class Effect:
    """One value of one axis.

    Attributes:
        axis: The axis's key path.
        level: The value of the axis.
        effect: Mean over the other axes at this value, less the grand mean, summarised over seeds.
        left_out: Seeds that lack a run of some combination, through a failure or because it is not finished: they are
            in no effect, since without it the level would be held against other companions than the rest.
    """

    axis: str
    level: Any
    effect: Summary
    left_out: tuple[int, ...]


def main_effects(runs: Iterable[Measured]) -> list[Effect]:
    """The effect of every value of every axis that has several, in the order of the runs.

    Each seed gives one effect: the mean of its runs at that value less the mean of all of its runs. The interval is
    that of the mean over seeds. A design is full where every combination of values was run; only then do the other
    axes cancel.

    Returns:
        Effects by axis and level; none where no seed has a value for every combination.
    """
    cells: dict[int, dict[tuple[str, ...], float]] = {}
    levels: dict[str, dict[str, Any]] = {}
    for axes, seed, value in runs:
        for axis, level in axes.items():
            levels.setdefault(axis, {})[repr(level)] = level  # a value may be a list
        of_seed = cells.setdefault(seed, {})
        if value is not None and math.isfinite(value):
            of_seed[tuple(map(repr, axes.values()))] = value
    size = math.prod(map(len, levels.values()))
    whole = {seed: values for seed, values in cells.items() if len(values) == size}
    left_out = tuple(sorted(cells.keys() - whole.keys()))
    effects = []
    for place, (axis, of_axis) in enumerate(levels.items()):
        for name, level in of_axis.items() if whole and len(of_axis) > 1 else ():
            found = [
                _mean([v for cell, v in values.items() if cell[place] == name]) - _mean([*values.values()])
                for values in whole.values()
            ]
            effects.append(Effect(axis, level, summary(found), left_out))
    return effects


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
