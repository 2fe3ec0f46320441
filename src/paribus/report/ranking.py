"""Who beats whom: each model's ranks, and every pair with its difference, as plain texts."""

from __future__ import annotations

from dataclasses import dataclass

from paribus.report.comparison import comparison, protocols_agree
from paribus.report.contents import Metric, Study
from paribus.report.wording import NONE, fixed, listed, number, plural
from paribus.results.statistics import Comparison, Difference, Pair


@dataclass(frozen=True)
class Standing:
    """A model: the ranks that it may have, and what is said of it and every other."""

    model: str
    style: int
    rank: str
    runs: str
    beats: str
    level: str
    beaten_by: str


@dataclass(frozen=True)
class PairLine:
    """Two models, whether the first beats the second, by how much, and how that was decided."""

    pair: str
    told: str
    why: str
    by: str
    interval: str
    method: str
    p: str
    exact_p: str


@dataclass(frozen=True)
class Ranking:
    """The standings, the better first, and every pair."""

    metric: Metric
    standings: tuple[Standing, ...]
    pairs: tuple[PairLine, ...]
    tested: int


def ranking(study: Study, metric: str | None) -> Ranking | None:
    """Who beats whom by a metric; None where fewer than two models have it, or were not measured alike."""
    if study.single or metric is None or not protocols_agree(study, metric):
        return None
    found = comparison(study, metric)
    if len(found.order) < 2 or study.metric(metric).direction == "none":
        return None
    models = [*found.order, *(model for model in study.models if model not in found.order)]
    return Ranking(
        study.metric(metric),
        tuple(_standing(study, model, metric, found) for model in models),
        tuple(_line(pair) for pair in found.pairs),
        found.tested,
    )


def _standing(study: Study, model: str, metric: str, found: Comparison) -> Standing:
    style, runs = study.models.index(model), _runs(study, model, metric)
    if model not in found.order:
        return Standing(model, style, NONE, runs, NONE, NONE, NONE)
    wins, losses = found.wins(model), found.losses(model)
    level = [other for other in found.order if other not in (model, *wins, *losses)]
    best, worst = found.ranks(model)
    rank = str(best) if best == worst else f"{best} to {worst}"
    return Standing(model, style, rank, runs, *(listed(names) or NONE for names in (wins, level, losses)))


def _runs(study: Study, model: str, metric: str) -> str:
    runs = study.of(model)
    failed, open_runs = (sum(run.status == status for run in runs) for status in ("failed", "unfinished"))
    values = len(study.values(model, metric))
    lacking = len(runs) - failed - open_runs - values
    parts = [(failed, "failed"), (open_runs, "unfinished"), (lacking, "without a value")]
    return ", ".join([plural(values, "seed"), *(f"{n} {what}" for n, what in parts if n)])


def _line(pair: Pair) -> PairLine:
    by = pair.by
    same = f"by seed, {plural(by.counts[0], 'seed')}"
    return PairLine(
        f"{pair.better} and {pair.worse}",
        f"{pair.better}: {pair.told}" if pair.told != "can't tell" else pair.told,
        pair.why,
        number(by.mean),
        interval_words(by),
        same if by.method == "paired" else f"Welch, {by.counts[1]} and {plural(by.counts[0], 'seed')}",
        probability(pair.p),
        probability(pair.exact_p),
    )


def interval_words(by: Difference) -> str:
    """The 95 % interval of a difference: "1.2 to 3.4"."""
    if by.low is None or by.high is None:
        return NONE
    return f"{number(by.low)} to {number(by.high)}"


def probability(p: float | None) -> str:
    """A p value to three places: "0.031", "< 0.001"."""
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else fixed(p, 3) if p < 0.1 else fixed(p, 2)
