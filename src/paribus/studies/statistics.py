"""What a few numbers per model allow to be said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass


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


def summary(values: Sequence[float], confidence: float = 0.95) -> Summary:
    """Mean and t-interval: mean +- t(n - 1) * std / sqrt(n), for independent, roughly normal values.

    Raises:
        ValueError: There are no values.
    """
    n = len(values)
    if n == 0:
        raise ValueError("no values to summarise")
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(mean, None, None, None, 1)
    from scipy.special import stdtrit

    std = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stdtrit(n - 1, 0.5 + confidence / 2)) * std / math.sqrt(n)
    return Summary(mean, std, mean - half, mean + half, n)
