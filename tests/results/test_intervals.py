"""Intervals and differences against scipy, published tables and simulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from paribus.results.statistics import difference, paired_difference, summary, welch_difference

# hours of sleep gained by ten patients with each of two drugs (Student 1908, as R's data set `sleep`)
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


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
    for alone in (difference({0: 3.0}, {0: 1.0}), difference({0: 3.0}, {1: 1.0, 2: 1.0})):
        assert (alone.mean, alone.low, alone.high, alone.p) == (2.0, None, None, None)


def test_no_value_is_an_error() -> None:
    for empty in (lambda: summary([]), lambda: paired_difference([]), lambda: welch_difference([], [1.0])):
        with pytest.raises(ValueError, match="no values"):
            empty()


def test_student_s_sleep_data() -> None:
    """Published by R's t.test: paired, and by Welch."""
    paired = paired_difference(list(zip(FIRST, SECOND, strict=True)))
    assert (paired.mean, paired.p) == (pytest.approx(-1.58), pytest.approx(0.002833, abs=5e-7))
    assert (paired.low, paired.high) == (pytest.approx(-2.4598858), pytest.approx(-0.7001142))
    welch = welch_difference(FIRST, SECOND)
    assert (welch.mean, welch.p) == (pytest.approx(-1.58), pytest.approx(0.07939, abs=5e-6))
    assert (welch.low, welch.high) == (pytest.approx(-3.3654832), pytest.approx(0.2054832))


def test_welch_against_scipy() -> None:
    a, b = [1.0, 2.5, 2.0], [9.0, 3.0, 4.0, 8.5, 2.0]
    found, expected = welch_difference(a, b), stats.ttest_ind(a, b, equal_var=False)
    interval = expected.confidence_interval()
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_pairs_where_the_seeds_match_and_welch_where_they_do_not() -> None:
    matched = difference({0: 1.0, 1: 2.0, 2: 4.0}, {2: 1.0, 0: 0.0, 1: 0.0})
    assert (matched.method, matched.mean, matched.counts) == ("paired", 2.0, (3, 3))
    assert matched.std == pytest.approx(1.0)
    other = difference({0: 1.0, 1: 2.0, 2: 4.0}, {0: 0.0, 1: 1.0})
    assert (other.method, other.counts, other.std) == ("Welch", (3, 2), None)


def test_values_without_scatter() -> None:
    assert difference({0: 2.0, 1: 2.0}, {0: 1.0, 1: 1.0}).p == 0.0
    assert difference({0: 1.0, 1: 1.0}, {0: 1.0, 1: 1.0}).p == 1.0
    assert welch_difference([1.0, 1.0], [1.0, 1.0]).p == 1.0


def _means(random: np.random.Generator) -> list[bool]:
    draws = random.normal(7.0, 2.0, size=(20_000, 3))
    return [s.low <= 7.0 <= s.high for s in map(summary, draws.tolist())]  # type: ignore[operator]


def _paired(random: np.random.Generator) -> list[bool]:
    shared = random.normal(0.0, 5.0, size=(20_000, 3, 1))  # what both models share of a seed
    draws = shared + random.normal([7.0, 4.0], [2.0, 1.0], size=(20_000, 3, 2))
    return [s.low <= 3.0 <= s.high for s in map(paired_difference, draws.tolist())]  # type: ignore[operator]


def _welch(random: np.random.Generator) -> list[bool]:
    first, second = random.normal(7.0, 2.0, size=(20_000, 5)), random.normal(4.0, 1.0, size=(20_000, 8))
    found = map(welch_difference, first.tolist(), second.tolist())
    return [s.low <= 3.0 <= s.high for s in found]  # type: ignore[operator]


@pytest.mark.parametrize("covered", [_means, _paired, _welch])
def test_intervals_cover_the_truth(covered: Callable[[np.random.Generator], list[bool]]) -> None:
    """94 to 96 % of 20,000 intervals for a nominal 95 %."""
    seed = 20261120
    share = np.mean(covered(np.random.default_rng(seed)))
    print(f"seed {seed}, covered {share:.4f}")
    assert 0.94 < share < 0.96
