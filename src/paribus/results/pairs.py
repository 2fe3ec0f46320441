"""Who beats whom, for every pair of models, which ranks that leaves to each, and who is best for the cost.

What decides depends on how many seeds the poorer of two models has:

- 1 or 2: nothing can be told. Of two equal models with two seeds each, all of one lie beyond all of the other, and by
  more than they scatter, in one study of eight.
- 3 or more: the t-test of the difference, by seed where the seeds match, must reach 0.05 after Holm's correction for
  all pairs of models. It takes the seeds' values to be roughly normal, which so few cannot show. What the seeds share
  is in its error: another draw of test images would move all values of a model alike, which their scatter hides.
- As soon as there are seeds enough for the exact test to reach 0.05 after that correction, it must agree.

A failed run counts as its model's worst: the mean of those that ended flatters the model, so it beats no other, while
another may beat it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

from paribus.results.score import Fact
from paribus.results.statistics import (
    Difference,
    Shared,
    difference,
    exchange_p,
    holm,
    jackknife_error,
    least_p,
    sign_flip_p,
)

LEVEL = 0.05
LEAST_SEEDS = 3
"""Seeds of either model, below which no order is named."""
EQUAL_COST = 0.02
"""Costs that differ by less than this share count as equal: two runs of 20 s never take the same microseconds."""


@dataclass(frozen=True)
class Sample:
    """A model's runs in one metric.

    Attributes:
        values: By seed; the less, the better.
        left_out: By seed, the value with each block of test images left out in turn; the same blocks for all values
            of all models. Empty where that was not measured.
        error: How exactly one value is measured, one standard deviation: stands in for `left_out` where that is empty.
        failed: How many runs failed.
    """

    values: Mapping[int, float]
    left_out: Mapping[int, Sequence[float]] = field(default_factory=dict)
    error: float = 0.0
    failed: int = 0

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return math.fsum(self.values.values()) / len(self.values)


@dataclass(frozen=True)
class Pair:
    """Two models and whether the first, which has the better mean, beats the second.

    Attributes:
        better: The model with the better mean.
        worse: The other.
        told: Whether it is surely better; else that can't be told.
        why: What decided.
        by: How much better, the second's values less the first's.
        p: Of the t-test, corrected for all pairs; None below three seeds.
        exact_p: Of the exact test, corrected for all pairs; None below three seeds.
        least_p: The least that `exact_p` could have been before the correction; None below three seeds.
    """

    better: str
    worse: str
    told: bool
    why: Fact
    by: Difference
    p: float | None = None
    exact_p: float | None = None
    least_p: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Every pair of several models in one metric.

    Attributes:
        order: The models, the best mean first.
        pairs: Every pair, in that order.
        tested: How many of the pairs were tested, and corrected for.
    """

    order: tuple[str, ...]
    pairs: tuple[Pair, ...]
    tested: int

    @cached_property
    def _by_names(self) -> dict[tuple[str, str], Pair]:
        return {(pair.better, pair.worse): pair for pair in self.pairs}

    def pair(self, better: str, worse: str) -> Pair | None:
        """The pair, if its models stand in that order."""
        return self._by_names.get((better, worse))

    def beats(self, better: str, worse: str) -> bool:
        """Whether the first is told apart from the second as better."""
        pair = self.pair(better, worse)
        return pair is not None and pair.told

    def wins(self, model: str) -> list[str]:
        """The models that a model beats."""
        return [other for other in self.order if self.beats(model, other)]

    def losses(self, model: str) -> list[str]:
        """The models that beat a model."""
        return [other for other in self.order if self.beats(other, model)]

    def ranks(self, model: str) -> tuple[int, int]:
        """The best and the worst rank, from 1, that the pairs leave to a model."""
        return 1 + len(self.losses(model)), len(self.order) - len(self.wins(model))

    def can_reach(self, pair: Pair) -> bool:
        """Whether the exact test has seeds enough to reach 0.05 after the correction."""
        return pair.least_p is not None and self.tested * pair.least_p <= LEVEL


def compared(samples: Mapping[str, Sample]) -> Comparison:
    """Every pair of the models that have values.

    Args:
        samples: By model; in `Sample.values` the less is the better.
    """
    order = sorted((model for model, sample in samples.items() if sample.values), key=lambda m: samples[m].mean)
    couples = list(combinations(order, 2))
    by = {couple: _difference(*(samples[model] for model in couple)) for couple in couples}
    tested = [couple for couple, found in by.items() if min(found.counts) >= LEAST_SEEDS]
    exact = [_exact_p(samples[better], samples[worse]) for better, worse in tested]
    p = dict(zip(tested, holm([by[couple].p or 0.0 for couple in tested]), strict=True))
    exact_p = dict(zip(tested, holm([found for found, _ in exact]), strict=True))
    least = dict(zip(tested, [least for _, least in exact], strict=True))
    pairs = []
    for couple in couples:
        first = samples[couple[0]]
        numbers = (p.get(couple), exact_p.get(couple), least.get(couple))
        told, why = _told(by[couple], len(tested), *numbers)
        if first.failed and told:
            told, why = False, Fact(code="worst_failed", figures={"runs": first.failed})
        pairs.append(Pair(*couple, told, why, by[couple], *numbers))
    return Comparison(tuple(order), tuple(pairs), len(tested))


def _difference(better: Sample, worse: Sample) -> Difference:
    return difference(worse.values, better.values, _shared(better, worse))


def _shared(first: Sample, second: Sample) -> Shared:
    """What another draw of the test images would do to the difference of two models' means.

    By the jackknife over blocks of them, with each left out of all values at once: what it does to both models alike
    cancels. Where that was not measured, both models' own errors are added, which is too much rather than too little.
    """
    of_both = [[sample.left_out.get(seed, ()) for seed in sample.values] for sample in (first, second)]
    lengths = {len(values) for values in (*of_both[0], *of_both[1])}
    if len(lengths) != 1 or min(lengths) < 2:
        return Shared(math.hypot(first.error, second.error))
    means = [[math.fsum(block) / len(block) for block in zip(*values, strict=True)] for values in of_both]
    return Shared(jackknife_error([b - a for a, b in zip(*means, strict=True)]), lengths.pop() - 1)


def _told(
    by: Difference, tested: int, p: float | None, exact_p: float | None, least: float | None
) -> tuple[bool, Fact]:
    if by.mean <= 0:
        return False, Fact(code="equal_means")
    if p is None or exact_p is None or least is None:
        return False, Fact(code="few_seeds", figures={"seeds": min(by.counts), "least": LEAST_SEEDS})
    if p > LEVEL:
        if by.p is not None and by.p <= LEVEL:
            return False, Fact(code="not_after_correction", figures={"pairs": tested})
        return False, Fact(code="within_error" if _is_mostly_shared(by) else "within_spread")
    if tested * least <= LEVEL < exact_p:
        return False, Fact(code="exact_test_disagrees")
    return True, Fact(code="both_tests_agree" if exact_p <= LEVEL else "interval_excludes_0")


def _is_mostly_shared(by: Difference) -> bool:
    """Whether the test images, more than the seeds, leave a difference open."""
    return by.std is not None and by.shared > by.std / math.sqrt(by.counts[0])


def _exact_p(first: Sample, second: Sample) -> tuple[float, float]:
    """The exact test's p and the least that it could be: by signs where the seeds match, else by labels."""
    a, b = first.values, second.values
    if a.keys() == b.keys():
        return sign_flip_p([b[seed] - a[seed] for seed in a]), least_p(len(a))
    return exchange_p(list(b.values()), list(a.values())), least_p(len(a), len(b))


@dataclass(frozen=True)
class Front:
    """The models of a front, by rising cost, and what speaks against the others.

    Attributes:
        models: Those that no other model dominates by its means.
        dominated: Each other model, with one that costs no more and beats it: off the front for sure.
        unsure: Each other model, with one that costs no more and has a better mean, but is not told apart from it.
    """

    models: tuple[str, ...]
    dominated: dict[str, str]
    unsure: dict[str, str]


def pareto_front(
    points: Mapping[str, tuple[float, float]], beats: Callable[[str, str], bool] = lambda better, worse: True
) -> Front:
    """The front of (cost, shortfall) points; of both the less is the better.

    A model is dominated by one that costs no more (within 2 %) and is better, or is as good and costs less.

    Args:
        points: Each model's mean cost, above 0, and mean shortfall.
        beats: Whether the first model is told apart as better than the second.
    """
    models, dominated, unsure = [], {}, {}
    for model, (cost, shortfall) in sorted(points.items(), key=lambda item: item[1]):
        better = [
            other
            for other, (its_cost, its_shortfall) in points.items()
            if (its_shortfall < shortfall and its_cost <= cost * (1 + EQUAL_COST))
            or (its_shortfall == shortfall and its_cost * (1 + EQUAL_COST) < cost)
        ]
        surely = [other for other in better if beats(other, model)]
        if not better:
            models.append(model)
        elif surely:
            dominated[model] = min(surely, key=lambda other: points[other][::-1])
        else:
            unsure[model] = min(better, key=lambda other: points[other][::-1])
    return Front(tuple(models), dominated, unsure)
