"""Summaries against scipy and hand-worked tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from paribus.studies.statistics import summary


def test_interval_against_scipy() -> None:
    values = [3.1, 2.7, 3.9, 3.3]
    found = summary(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (found.mean, found.std, found.count) == (pytest.approx(3.25), pytest.approx(np.std(values, ddof=1)), 4)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_two_values_by_hand() -> None:
    """t(1) at 97.5 % is 12.706; the half-width of {0, 2} is 12.706 * sqrt(2) / sqrt(2)."""
    assert summary([0.0, 2.0]).high == pytest.approx(1 + 12.7062047)


def test_one_value_has_no_interval() -> None:
    found = summary([4.0])
    assert (found.mean, found.std, found.low, found.high, found.count) == (4.0, None, None, None, 1)


def test_no_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        summary([])


def test_intervals_cover_the_truth() -> None:
    seed = 20261120
    print(f"seed {seed}")
    draws = np.random.default_rng(seed).normal(7.0, 2.0, size=(4000, 3))
    covered = [s.low <= 7.0 <= s.high for s in map(summary, draws.tolist())]
    assert 0.94 < np.mean(covered) < 0.96
