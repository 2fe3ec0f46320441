"""Permutation tests against scipy, published counts and a worked table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from paribus.results.statistics import exchange_p, holm, least_p, sign_flip_p

# crossed less self-fertilised plants' heights in eighths of an inch (Darwin 1876)
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def mean(values: np.ndarray, axis: int) -> np.ndarray:
    return np.mean(values, axis=axis)


def difference(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    return np.mean(a, axis=axis) - np.mean(b, axis=axis)


def test_fisher_s_count_of_darwin_s_plants() -> None:
    """863 of the 32,768 signs give a sum of 314 or more (Fisher, The Design of Experiments, section 21)."""
    assert sign_flip_p(DARWIN) == 2 * 863 / 32768


@pytest.mark.parametrize("n", [2, 5, 9])
def test_signs_against_scipy(n: int) -> None:
    values = np.random.default_rng(n).normal(0.5, 1.0, n)
    expected = stats.permutation_test((values,), mean, permutation_type="samples", n_resamples=np.inf, vectorized=True)
    assert sign_flip_p(values.tolist()) == pytest.approx(expected.pvalue)


@pytest.mark.parametrize(("n", "m"), [(2, 3), (4, 4), (3, 7)])
def test_labels_against_scipy(n: int, m: int) -> None:
    random = np.random.default_rng(10 * n + m)
    a, b = random.normal(1.0, 1.0, n), random.normal(0.0, 2.0, m)
    expected = stats.permutation_test((a, b), difference, n_resamples=np.inf, vectorized=True)
    assert exchange_p(a.tolist(), b.tolist()) == pytest.approx(expected.pvalue)


def test_what_is_drawn_is_near_what_is_counted_and_repeats() -> None:
    random = np.random.default_rng(4)
    signs = random.normal(0.5, 1.0, 20).tolist()
    normal = 2 * stats.norm.sf(abs(sum(signs)) / np.sqrt(np.square(signs).sum()))  # the flips' limit
    assert sign_flip_p(signs) == pytest.approx(normal, abs=0.01)
    assert sign_flip_p(signs) == sign_flip_p(signs)
    a, b = random.normal(0.6, 1.0, 15).tolist(), random.normal(0.0, 1.0, 15).tolist()
    assert exchange_p(a, b) == pytest.approx(stats.ttest_ind(a, b).pvalue, abs=0.01)
    assert 0 < exchange_p([v + 100 for v in a], b) < 1e-3


@pytest.mark.parametrize("n", range(1, 9))
def test_few_seeds_cannot_reach_five_percent(n: int) -> None:
    best = [1.0 + k for k in range(n)]
    assert sign_flip_p(best) == least_p(n) == min(1.0, 2 / 2**n)
    assert (least_p(n) <= 0.05) == (n >= 6)
    assert exchange_p(best, [-v for v in best]) == pytest.approx(least_p(n, n))


def test_rounding_does_not_break_ties() -> None:
    assert sign_flip_p([0.1, 0.2, -0.3]) == 1.0
    assert sign_flip_p([0.0, 0.0, 0.0]) == 1.0


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


def test_nothing_to_test_is_an_error() -> None:
    for empty in (lambda: sign_flip_p([]), lambda: exchange_p([], [1.0])):
        with pytest.raises(ValueError, match=r"to (test|compare)"):
            empty()
