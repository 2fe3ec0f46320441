"""Who beats whom, for every pair of models, and which ranks that leaves to each.

What decides depends on how many seeds the poorer of two models has:

- 1: nothing can be told.
- 2: the models' seeds must lie apart by more than they scatter and are measured to. That is a first impression: one
  pair of equal models in eight looks like it.
- 3 or more: the t-test of the difference, by seed where the seeds match, must reach 0.05 after Holm's correction for
  all pairs of models. It takes the seeds' values to be roughly normal, which so few cannot show.
- As soon as there are seeds enough for the exact test to reach 0.05 after that correction, it must agree.

A failed run counts as its model's worst: the mean of those that ended flatters the model, so it beats no other, while
another may beat it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

from paribus.results.statistics.intervals import Difference, difference
from paribus.results.statistics.permutation import exchange_p, holm, least_p, sign_flip_p

LEVEL = 0.05
Told = Literal["yes", "first impression", "can't tell"]


@dataclass(frozen=True)
class Sample:
    """A model's runs in one metric.

    Attributes:
        values: By seed; the less, the better.
        error: How exactly one value is measured, one standard deviation.
        failed: How many runs failed.
    """

    values: Mapping[int, float]
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
        told: Whether it is better: "yes", "first impression", "can't tell".
        why: What decided, in words.
        by: How much better, the second's values less the first's.
        p: Of the t-test, corrected for all pairs; None below three seeds.
        exact_p: Of the exact test, corrected for all pairs; None below three seeds.
        least_p: The least that `exact_p` could have been before the correction; None below three seeds.
    """

    better: str
    worse: str
    told: Told
    why: str
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
    _by_names: dict[tuple[str, str], Pair] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_names", {(pair.better, pair.worse): pair for pair in self.pairs})

    def pair(self, better: str, worse: str) -> Pair | None:
        """The pair, if its models stand in that order."""
        return self._by_names.get((better, worse))

    def beats(self, better: str, worse: str) -> bool:
        """Whether the first is told apart from the second as better, if only at first impression."""
        pair = self.pair(better, worse)
        return pair is not None and pair.told != "can't tell"

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

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        pairs = [{**vars(pair), "by": pair.by.as_dict()} for pair in self.pairs]
        ranks = {model: dict(zip(("best", "worst"), self.ranks(model), strict=True)) for model in self.order}
        return {"order": list(self.order), "ranks": ranks, "pairs": pairs, "tested": self.tested}


def compared(samples: Mapping[str, Sample]) -> Comparison:
    """Every pair of the models that have values.

    Args:
        samples: By model; in `Sample.values` the less is the better.
    """
    order = sorted((model for model, sample in samples.items() if sample.values), key=lambda m: samples[m].mean)
    couples = list(combinations(order, 2))
    by = {couple: difference(samples[couple[1]].values, samples[couple[0]].values) for couple in couples}
    tested = {couple: found.p for couple, found in by.items() if found.p is not None and min(found.counts) > 2}
    exact = [_exact_p(samples[a], samples[b]) for a, b in tested]
    p = dict(zip(tested, holm(list(tested.values())), strict=True))
    exact_p = dict(zip(tested, holm([found for found, _ in exact]), strict=True))
    least = dict(zip(tested, [least for _, least in exact], strict=True))
    pairs = []
    for couple in couples:
        first, second = (samples[model] for model in couple)
        numbers = (p.get(couple), exact_p.get(couple), least.get(couple))
        told, why = _told(first, second, by[couple], len(tested), *numbers)
        if first.failed and told != "can't tell":
            runs = f"{first.failed} of its runs failed" if first.failed > 1 else "one of its runs failed"
            told, why = "can't tell", f"{runs}, which counts as its worst"
        pairs.append(Pair(*couple, told, why, by[couple], *numbers))
    return Comparison(tuple(order), tuple(pairs), len(tested))


def _told(
    first: Sample, second: Sample, by: Difference, tested: int,
    p: float | None, exact_p: float | None, least: float | None,
) -> tuple[Told, str]:  # fmt: skip
    few = min(by.counts)
    if by.mean <= 0:
        return "can't tell", "their means are equal"
    if few < 2:
        return "can't tell", "one seed does not show how much seeds scatter"
    if p is None or exact_p is None or least is None:
        apart = by.mean > max(_scatter(first) + _scatter(second), 2 * math.hypot(first.error, second.error))
        if apart:
            return "first impression", "the seeds lie apart by more than they scatter, but are two"
        return "can't tell", "two seeds scatter, or are measured, too coarsely for this difference"
    if p > LEVEL:
        alone = by.p is not None and by.p <= LEVEL
        why = f"not after correction for {tested} pairs" if alone else "the difference is within the seeds' spread"
        return "can't tell", why
    if tested * least <= LEVEL < exact_p:
        return "can't tell", "the t-test tells them apart, but the exact test does not"
    return "yes", "the t-test and the exact test agree" if exact_p <= LEVEL else "the t-interval excludes 0"


def _scatter(sample: Sample) -> float:
    return max(sample.values.values()) - min(sample.values.values())


def _exact_p(first: Sample, second: Sample) -> tuple[float, float]:
    """The exact test's p and the least that it could be: by signs where the seeds match, else by labels."""
    a, b = first.values, second.values
    if a.keys() == b.keys():
        return sign_flip_p([b[seed] - a[seed] for seed in a]), least_p(len(a))
    return exchange_p(list(b.values()), list(a.values())), least_p(len(a), len(b))
