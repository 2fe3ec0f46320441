"""Which models of a study may be held against each other, and which of them are told apart. Pure functions of a study.

What tells two models apart is said in `paribus.results.statistics.pairs`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from paribus.report.contents import Run, Study
from paribus.report.wording import count, listed
from paribus.results.statistics import Comparison, Sample, compared


def comparison(study: Study, metric: str) -> Comparison:
    """Every pair of the models that have a metric.

    Without those whose seeds were measured through different encoders.
    """
    if metric not in study.comparisons:
        models = (model for model in study.models if study.summary(model, metric) is not None)
        study.comparisons[metric] = compared({model: _sample(study, model, metric) for model in models})
    return study.comparisons[metric]


def _sample(study: Study, model: str, metric: str) -> Sample:
    shortfall, runs = study.metric(metric).shortfall, study.of(model)
    values = {run.seed: shortfall(v) for run in runs if run.status == "done" and (v := run.value(metric)) is not None}
    errors = [run.scores[metric].error or 0.0 for run in runs if run.seed in values]
    error = math.fsum(errors) / len(errors) if errors else 0.0
    return Sample(values, error, sum(run.status == "failed" for run in runs))


def obstacles(study: Study, metric: str) -> list[str]:
    """Why the runs' values of a metric may not be held against each other; empty where they may."""
    found = []
    for what, of in (
        ("the encoders differ", lambda s: s.encoder),
        ("the numbers of images compared differ", lambda s: None if s.n is None else count(s.n)),
        ("the reference splits differ", lambda s: s.split),
    ):
        found += _differing(what, ((r, of(r.scores[metric])) for r in study.done if r.value(metric) is not None))
    sizes = ((r, f"{r.size} × {r.size} pixels" if r.size else None) for r in study.done)
    return found + _differing("the resolutions differ", sizes)


def protocols_agree(study: Study, metric: str) -> bool:
    """Whether the finished runs' scores were taken by one protocol, under the same conditions."""
    # what latents are drawn from is a part of the model, and stands last in a protocol
    protocols = {
        run.scores[metric].protocol.partition("; latents from ")[0] for run in study.done if metric in run.scores
    }
    return len(protocols) <= 1 and not obstacles(study, metric)


def half_width(study: Study, model: str, metric: str, *, best: bool = False) -> float | None:
    """The ± of a mean over seeds: half the 95 % interval from three seeds on, half the distance of two, None of one."""
    values = study.values(model, metric, best=best)
    summary = study.summary(model, metric, best=best)
    if summary is None or summary.low is None or summary.high is None or len(values) < 2:
        return None
    return (summary.high - summary.low) / 2 if summary.count > 2 else (max(values) - min(values)) / 2


def separated(study: Study, metric: str, better: str, worse: str) -> bool:
    """Whether a model is told apart from another as better, if only at first impression."""
    return comparison(study, metric).beats(better, worse)


def ordered(study: Study, metric: str) -> list[str]:
    """The models that have a metric, the best first: by the mean over seeds of how far a value is from the best."""
    return list(comparison(study, metric).order)


def shown_order(study: Study, metric: str | None) -> list[str]:
    """The models as a leaderboard lists them: by mean where they may be compared, else as the study names them."""
    if metric is None or not protocols_agree(study, metric):
        return list(study.models)
    order = ordered(study, metric)
    return order + [model for model in study.models if model not in order]


def leaders(study: Study, metric: str) -> set[str]:
    """The models that no other is told apart from as better; empty where the metric has no better side."""
    if study.metric(metric).direction == "none" or not protocols_agree(study, metric):
        return set()
    found = comparison(study, metric)
    return {model for model in found.order if not found.losses(model)} if len(found.order) > 1 else set()


def named(runs: Sequence[Run]) -> str:
    """Runs by model, with the seeds: "vae (seeds 0 and 1) and gan (seed 0)"."""
    seeds: dict[str, list[int]] = {}
    for run in runs:
        seeds.setdefault(run.model, []).append(run.seed)
    return listed(
        [f"{m} ({'seed' if len(s) == 1 else 'seeds'} {listed([str(k) for k in s])})" for m, s in seeds.items()]
    )


def _differing(what: str, values: Iterable[tuple[Run, str | None]]) -> list[str]:
    by_value: dict[str, list[Run]] = {}
    for run, value in values:
        by_value.setdefault("not recorded" if value is None else value, []).append(run)
    if len(by_value) < 2:
        return []
    return [f"{what} ({'; '.join(f'{value} for {named(runs)}' for value, runs in by_value.items())})"]
