"""What models were given alike and what not: images, updates, seconds, FLOPs; how they stand under equal amounts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from paribus.results.comparison import sample_of
from paribus.results.pairs import Comparison, compared
from paribus.results.run import RunResult
from paribus.results.score import Score, differences
from paribus.results.study import StudyResult

UNITS = ("images", "updates", "seconds", "flop")
"""Units of a budget that a comparison may hold equal; epochs are images."""
UNEQUAL = 0.1
"""Share by which the models' amounts differ where that is said: seconds of equal work differ by less."""
NEAR = 0.5
"""Least share of the common amount that a snapshot must have seen to stand for it."""
SLACK = 1.02
"""A snapshot is taken at the end of a step, and may have seen a little more than its share."""


@dataclass(frozen=True)
class Spread:
    """The least and the most that a model's runs took of a unit, in the mean over their seeds."""

    unit: str
    least: float
    most: float


@dataclass(frozen=True)
class EqualAmounts:
    """How models stand where each was given the same amount of a unit.

    Attributes:
        unit: One of the `UNITS`.
        amount: What every run was given, or nearly.
        reached: The least share of it that the snapshot of a run had seen, which stands for it.
        metric: Of the snapshots, on validation images.
        comparison: Of the models, by that; None where some run has no snapshot near the amount.
    """

    unit: str
    amount: float
    reached: float
    metric: str
    comparison: Comparison | None


def spreads(study: StudyResult) -> list[Spread]:
    """Every unit in which the finished runs' amounts are known, in the order of the units."""
    found = []
    for unit in UNITS:
        by_model = [[run.spent.get(unit) for run in study.of(model) if run.status == "done"] for model in study.models]
        known = [[value for value in values if value] for values in by_model if values]
        if known and all(known):
            means = [math.fsum(values) / len(values) for values in known]
            found.append(Spread(unit, min(means), max(means)))
    return found


def is_equal(spread: Spread) -> bool:
    """Whether the models had nearly the same."""
    return spread.most <= (1 + UNEQUAL) * spread.least


def by_equal_amounts(study: StudyResult) -> list[EqualAmounts]:
    """The models under an equal amount of each unit: the most that every finished run reached.

    By their snapshots, each run's last one that had not taken more. Empty for one model, where a run has no scored
    snapshots, and where snapshots were not measured alike.
    """
    runs = study.done
    scored = [[score for score in run.snapshots if score.value is not None and score.snapshot] for run in runs]
    if len({run.model for run in runs}) < 2 or not all(scored):
        return []
    first = scored[0][0]
    alike = all(not differences(first, score) for of_run in scored for score in of_run)
    if not alike or len({run.size for run in runs}) > 1 or (first.encoder and not first.encoder.may_rank):
        return []
    found = []
    for unit in UNITS:
        amounts = [run.spent.get(unit) or 0.0 for run in runs]
        if min(amounts) <= 0:
            continue
        amount = min(amounts)
        nearest = [_nearest(run, of_run, unit, amount) for run, of_run in zip(runs, scored, strict=True)]
        reached = min(share for _, share in nearest)
        chosen = {id(run): score for run, (score, _) in zip(runs, nearest, strict=True) if score}
        stands = _compared(study, first.metric, chosen) if reached >= NEAR else None
        found.append(EqualAmounts(unit, amount, min(1.0, reached), first.metric, stands))
    return found


def _nearest(run: RunResult, scores: list[Score], unit: str, amount: float) -> tuple[Score | None, float]:
    """The last snapshot that took no more, and its share of the amount: all units grow with the images."""
    images = run.images or 1
    shares = [(score, (score.snapshot or 0) / images * run.spent[unit] / amount) for score in scores]
    return max((found for found in shares if found[1] <= SLACK), key=lambda found: found[1], default=(None, 0.0))


def _compared(study: StudyResult, metric: str, chosen: dict[int, Score]) -> Comparison:
    by_model = {
        model: {run.seed: chosen[id(run)] for run in study.of(model) if id(run) in chosen} for model in study.models
    }
    return compared({model: sample_of(study, model, metric, scores) for model, scores in by_model.items()})
