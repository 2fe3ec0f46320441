"""How steady each model's result is: over seeds, over its last snapshots, and in how many seeds training failed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from paribus.results.comparison import primary_metric
from paribus.results.protocol import Protocol, Spread
from paribus.results.run import RunResult, Scores
from paribus.results.score import Fact, Score
from paribus.results.statistics import summary
from paribus.results.study import StudyResult

_FROM = 0.375  # of the last snapshot's images: nearer to half of the budget than to a quarter, as of seconds it may be


def steadiness(study: StudyResult) -> dict[str, Scores]:
    """A score for each model and metric of steadiness; n is the number of seeds.

    A model without a run that came to an end is left out.
    """
    metric, found = primary_metric(study), {}
    for model in study.models:
        ended = [run for run in study.of(model) if run.status in ("done", "failed")]
        done = [run for run in ended if run.status == "done"]
        if ended:
            failed, n = len(ended) - len(done), len(ended)
            failures = Score(metric="failed_seeds", value=failed / n, n=n, protocol=Protocol(ended=n))
            scores = (_seed_spread(done, metric), _snapshot_spread(done), failures)
            found[model] = {score.metric: score for score in scores}
    return found


def _seed_spread(done: Sequence[RunResult], metric: str | None) -> Score:
    name = "seed_spread"
    scores = [run.scores[metric] for run in done if metric is not None and run.value(metric) is not None]
    if len(scores) < 2:
        return _unknown(name, "one_seed" if scores else "no_seed_scored", len(scores))
    first = scores[0]
    if len({score.encoder for score in scores}) > 1:
        return _unknown(name, "encoders_differ", len(scores))
    of = Spread(metric=first.metric, over="seeds", counts=(len(scores),), spreads=1, seeds=len(done))
    return _spread(name, _relative_spread(scores), len(scores), first, of)


def _snapshot_spread(done: Sequence[RunResult]) -> Score:
    """The mean over seeds of each one's own spread."""
    name = "snapshot_spread"
    late = [scores for run in done if len(scores := _late(run.snapshots)) > 1]
    spreads = [_relative_spread(scores) for scores in late]
    known = [value for value in spreads if value is not None]
    if not known:
        return _unknown(name, "mean_near_zero" if late else "few_snapshots", 0)
    first, counts = late[0][0], tuple(sorted({len(scores) for scores in late}))
    of = Spread(metric=first.metric, over="snapshots", counts=counts, spreads=len(known), seeds=len(done))
    return _spread(name, math.fsum(known) / len(known), len(known), first, of)


def _unknown(name: str, code: str, n: int) -> Score:
    return Score(metric=name, value=None, n=n, warnings=(Fact(code=code),))


def _spread(name: str, value: float | None, n: int, first: Score, of: Spread) -> Score:
    why = () if value is not None else (Fact(code="mean_near_zero"),)
    return Score(
        metric=name,
        value=value,
        n=n,
        encoder=first.encoder,
        split=first.split,
        protocol=Protocol(spread=of),
        warnings=why,
    )


def _late(snapshots: Sequence[Score]) -> list[Score]:
    """Those from about half the budget on that have a value."""
    last = max((score.snapshot or 0 for score in snapshots), default=0)
    return [score for score in snapshots if (score.snapshot or 0) >= _FROM * last and score.value is not None]


def _relative_spread(scores: Sequence[Score]) -> float | None:
    """Standard deviation (n - 1) over mean; None where the mean is near 0, given the error of measuring."""
    found = summary([score.value for score in scores if score.value is not None])
    assert found.std is not None
    if found.mean <= 2 * max(score.error or 0.0 for score in scores):
        return None
    return found.std / found.mean
