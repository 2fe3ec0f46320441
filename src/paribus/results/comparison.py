"""Which models of a study may be held against each other, which beat which, and what quality costs. Pure functions.

What tells two models apart is said in `results.pairs`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paribus.results.outlook import nothing_resembles
from paribus.results.pairs import EQUAL_COST, Comparison, Front, Sample, compared, pareto_front
from paribus.results.run import RunResult
from paribus.results.score import COMPARED, Fact, Score, differences
from paribus.results.statistics import Effect, main_effects
from paribus.results.study import StudyResult

COSTS = ("train_seconds", "parameters", "flops_per_image")
"""What quality is held against."""


@dataclass(frozen=True)
class Obstacle:
    """A field in which runs differ that may not differ where their scores are ranked.

    Attributes:
        metric: What they would be ranked by.
        field: "encoder", "n", "split", "size" (of the images), "data" (of runs of several studies), or a field of the
            protocol; "fitted" where the encoder was fitted to so few images that nothing can be ranked by it.
        groups: The runs of each of its values.
    """

    metric: str
    field: str
    groups: tuple[tuple[RunResult, ...], ...]


def obstacles(study: StudyResult, metric: str) -> list[Obstacle]:
    """Why the finished runs' values of a metric may not be ranked; empty where they may."""
    scored = [run for run in study.done if run.value(metric) is not None]
    found = dict.fromkeys(name for run in scored for name in differences(scored[0].scores[metric], run.scores[metric]))
    sizes = _groups(scored, lambda a, b: a.size == b.size)
    # what protocols say of other encoders, numbers, splits and sizes follows from these
    own = [name for name in found if name in COMPARED]
    fields = own if own or len(sizes) > 1 else list(found)
    against = [Obstacle(metric, name, _groups(scored, _agreeing(metric, name))) for name in fields]
    against += [Obstacle(metric, "size", sizes)] if len(sizes) > 1 else []
    sets = _groups(scored, lambda a, b: a.fingerprint == b.fingerprint)
    against = against or ([Obstacle(metric, "data", sets)] if len(sets) > 1 else [])
    seen = (run.scores[metric].encoder for run in scored)
    return (
        against
        or [Obstacle(metric, "fitted", (tuple(scored),)) for encoder in seen if encoder and not encoder.may_rank][:1]
    )


def _agreeing(metric: str, field: str) -> Callable[[RunResult, RunResult], bool]:
    return lambda a, b: field not in differences(a.scores[metric], b.scores[metric])


def _groups(
    runs: Sequence[RunResult], agree: Callable[[RunResult, RunResult], bool]
) -> tuple[tuple[RunResult, ...], ...]:
    groups: list[list[RunResult]] = []
    for run in runs:
        group = next((group for group in groups if agree(group[0], run)), None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    return tuple(map(tuple, groups))


def may_be_ranked(study: StudyResult, metric: str) -> bool:
    """Whether the finished runs' scores were measured alike."""
    return not obstacles(study, metric)


def comparison(study: StudyResult, metric: str) -> Comparison:
    """Every pair of the models that have a metric.

    Without those whose seeds were measured through different encoders.
    """
    if metric not in study.kept_comparisons:
        models = (model for model in study.models if study.summary(model, metric) is not None)
        study.kept_comparisons[metric] = compared({model: _sample(study, model, metric) for model in models})
    return study.kept_comparisons[metric]


def _sample(study: StudyResult, model: str, metric: str) -> Sample:
    done = {run.seed: run.scores[metric] for run in study.of(model) if run.status == "done" and metric in run.scores}
    return sample_of(study, model, metric, done)


def sample_of(study: StudyResult, model: str, metric: str, scores: Mapping[int, Score]) -> Sample:
    """A model's scores by a metric, by seed, as pairs are compared by; those without a value are left out."""
    shortfall = study.metric(metric).shortfall
    known = {seed: score for seed, score in scores.items() if score.value is not None}
    values = {seed: shortfall(score.value) for seed, score in known.items() if score.value is not None}
    left_out = {seed: [shortfall(value) for value in score.left_out] for seed, score in known.items()}
    errors = [score.error or 0.0 for score in known.values()]
    error = math.fsum(errors) / len(errors) if errors else 0.0
    return Sample(values, left_out, error, sum(run.status == "failed" for run in study.of(model)))


def primary_metric(study: StudyResult) -> str | None:
    """The metric to rank by: the first that every finished run has; failing that, the first that any has."""
    for metric in study.ranking_metrics:
        if study.done and all(run.value(metric) is not None for run in study.done):
            return metric
    return next((m for m in study.ranking_metrics if any(run.value(m) is not None for run in study.done)), None)


@dataclass(frozen=True)
class Lack:
    """A metric that would rank, the runs that have no value of it, and why, where one of them says so."""

    metric: str
    runs: tuple[RunResult, ...]
    why: Fact | None


def lacking(study: StudyResult) -> list[Lack]:
    """The metrics before the primary one, where some run was asked for them."""
    found = []
    for metric in study.ranking_metrics:
        without = tuple(run for run in study.done if run.value(metric) is None)
        if not without:
            break
        if any(metric in run.scores for run in study.done):
            reasons = (fact for run in without if metric in run.scores for fact in run.scores[metric].warnings)
            found.append(Lack(metric, without, next(reasons, None)))
    return found


def half_width(study: StudyResult, model: str, metric: str, *, best: bool = False) -> float | None:
    """The ± of a mean over seeds: half the 95 % interval from three seeds on, half the distance of two, None of one."""
    values = study.values(model, metric, best=best)
    summary = study.summary(model, metric, best=best)
    if summary is None or summary.low is None or summary.high is None or len(values) < 2:
        return None
    return (summary.high - summary.low) / 2 if summary.count > 2 else (max(values) - min(values)) / 2


def ordered(study: StudyResult, metric: str) -> list[str]:
    """The models that have a metric, the best first: by the mean over seeds of how far a value is from the best."""
    return list(comparison(study, metric).order)


def shown_order(study: StudyResult, metric: str | None) -> list[str]:
    """The models as a leaderboard lists them: by mean where they may be compared, else as the study names them."""
    if metric is None or not may_be_ranked(study, metric):
        return list(study.models)
    order = ordered(study, metric)
    return order + [model for model in study.models if model not in order]


def leaders(study: StudyResult, metric: str) -> set[str]:
    """The models that no other is told apart from as better by the metric that ranks; empty for every other metric.

    Among a dozen metrics some would name a leader by chance: one is named beforehand. Also empty where nothing
    resembles the data: no order means anything then.
    """
    if metric != primary_metric(study) or nothing_resembles(study) or not may_be_ranked(study, metric):
        return set()
    found = comparison(study, metric)
    return {model for model in found.order if not found.losses(model)} if len(found.order) > 1 else set()


def floor(study: StudyResult, metric: str) -> tuple[float | None, float | None]:
    """The least and the greatest score of real images against other real images, over the finished runs.

    None where they were measured through different encoders.
    """
    name = study.metric(metric).floor
    found = [score for run in study.done if name is not None and (score := run.scores.get(name)) is not None]
    values = [score.value for score in found if score.value is not None]
    if len({score.encoder for score in found}) > 1 or not values:
        return None, None
    return min(values), max(values)


def mean_cost(study: StudyResult, model: str, metric: str, cost: str) -> float | None:
    """A model's mean cost over the runs that gave its mean of a metric."""
    runs = (run for run in study.of(model) if run.status == "done" and run.value(metric) is not None)
    return mean([run.cost(cost) for run in runs])


def fronts(study: StudyResult, metric: str) -> dict[str, Front]:
    """The front by each cost in which the models differ by more than 2 %; none where they were not measured alike."""
    if study.metric(metric).direction == "none" or not may_be_ranked(study, metric):
        return {}
    found = comparison(study, metric)
    words, fronts = study.metric(metric), {}
    for cost in COSTS:
        points = {
            model: (known, shortfall)
            for model in found.order
            if (known := mean_cost(study, model, metric, cost)) is not None
            and (shortfall := mean([words.shortfall(v) for v in study.values(model, metric)])) is not None
        }
        costs = [point[0] for point in points.values()]
        if len(points) > 1 and min(costs) > 0 and max(costs) > min(costs) * (1 + EQUAL_COST):
            fronts[cost] = pareto_front(points, found.beats)
    return fronts


def effects(study: StudyResult, metric: str) -> list[Effect]:
    """The main effects of a metric; none with fewer than two axes of several values, where the means say it all."""
    found = main_effects(
        (run.axes, run.seed, run.value(metric) if run.status == "done" else None) for run in study.runs if run.axes
    )
    return found if len({effect.axis for effect in found}) > 1 else []


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that there are."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
