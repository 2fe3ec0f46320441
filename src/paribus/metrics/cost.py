"""What a model costs to use."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from paribus.metrics.estimates import Estimate


def samples_per_second(sample: Callable[[int], object], batch: int = 64, repeats: int = 5) -> Estimate:
    """Images generated in a second: the median over `repeats` timed batches, after one that warms up.

    Higher is better. The error is the standard error of the median for nearly normal times (1.25 std / sqrt(repeats)).

    Comparable only when machine, its load, the number of threads, precision and batch size agree.

    Args:
        sample: Generates n images, and returns when they are done (uint8 on the CPU: a device has been waited for).
        batch: Images in one call.
        repeats: Number of timed calls.
    """
    sample(batch)
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        sample(batch)
        rates.append(batch / (time.perf_counter() - start))
    error = 1.2533 * statistics.stdev(rates) / repeats**0.5 if repeats > 1 else float("nan")
    return Estimate(statistics.median(rates), error)
