"""Means and differences of means with Student's t-intervals, for independent, roughly normal values.

scipy.special is imported where it is needed: scipy.stats would take over a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

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

    def as_dict(self) -> dict[str, float | int | None]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """The mean of one model's values less the mean of another's.

    Attributes:
        mean: The difference of the means.
        low: Lower end of its 95 % t-interval; None with too few values.
        high: Its upper end.
        p: Two-sided p of the t-test of no difference; None with too few values.
        std: Standard deviation (n - 1) of the differences by seed; None for Welch's interval or a single pair.
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

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def summary(values: Sequence[float], confidence: float = CONFIDENCE) -> Summary:
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
    half = _quantile(n - 1, confidence) * math.sqrt(variance / n)
    return Summary(mean, math.sqrt(variance), mean - half, mean + half, n)


def difference(first: Mapping[int, float], second: Mapping[int, float]) -> Difference:
    """First less second, values by seed: paired where both have the same seeds, else Welch's."""
    if first.keys() == second.keys():
        return paired_difference([(first[seed], second[seed]) for seed in first])
    return welch_difference(list(first.values()), list(second.values()))


def paired_difference(pairs: Sequence[tuple[float, float]], confidence: float = CONFIDENCE) -> Difference:
    """First less second within each pair: what both share of a seed (data order, draws) cancels.

    Raises:
        ValueError: There are no pairs.
    """
    found = summary([a - b for a, b in pairs], confidence)
    n, p = found.count, None
    if found.std is not None:
        p = _two_sided_p(found.mean, found.std / math.sqrt(n), n - 1)
    return Difference(found.mean, found.low, found.high, p, found.std, "paired", (n, n))


def welch_difference(first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE) -> Difference:
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
        return Difference(mean, None, None, None, None, "Welch", counts)
    a, b = (variance / n for (_, variance), n in zip(moments, counts, strict=True))
    error = math.sqrt(a + b)
    # without any scatter the degrees of freedom do not matter
    degrees = (a + b) ** 2 / (a**2 / (counts[0] - 1) + b**2 / (counts[1] - 1)) if error else sum(counts) - 2
    half = _quantile(degrees, confidence) * error
    return Difference(mean, mean - half, mean + half, _two_sided_p(mean, error, degrees), None, "Welch", counts)


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the variance (n - 1; 0 for a single value)."""
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)


@lru_cache(4096)
def _quantile(degrees: float, confidence: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + confidence / 2))


def _two_sided_p(mean: float, error: float, degrees: float) -> float:
    from scipy.special import stdtr

    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(degrees, -abs(mean) / error))
