"""What follows from the scores beside the leaderboard, as plain texts: who beats whom, axis by axis, how steady."""

from __future__ import annotations

from dataclasses import dataclass

from paribus.base.wording import NONE, fixed, listed, number, plural
from paribus.report.tables import Cell, Line, score_cell, warnings_words
from paribus.results.budgets import EqualAmounts, by_equal_amounts, is_equal, spreads
from paribus.results.comparison import comparison, effects, floor, may_be_ranked
from paribus.results.metric import Metric
from paribus.results.outlook import nothing_resembles
from paribus.results.pairs import Comparison
from paribus.results.score import Score
from paribus.results.statistics import Difference, Effect
from paribus.results.steadiness import steadiness
from paribus.results.study import StudyResult
from paribus.results.words import amount_words, protocol_words, seeds_words, words_of


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
class Standings:
    """Each model's standing, the better first, and every pair."""

    metric: Metric
    models: tuple[Standing, ...]
    comparison: Comparison


def standings(study: StudyResult, metric: str | None) -> Standings | None:
    """Who beats whom by a metric; None with fewer than two models, measured unlike, or unlike the images."""
    if study.single or metric is None or not may_be_ranked(study, metric) or nothing_resembles(study):
        return None
    found = comparison(study, metric)
    if len(found.order) < 2 or study.metric(metric).direction == "none":
        return None
    models = [*found.order, *(model for model in study.models if model not in found.order)]
    standing = tuple(_standing(study, model, metric, found) for model in models)
    return Standings(study.metric(metric), standing, found)


@dataclass(frozen=True)
class BudgetLine:
    """How models stand under an equal amount of something: the amount, the order, who is told apart, and a remark."""

    amount: str
    order: str
    told: str
    minor: str


@dataclass(frozen=True)
class BudgetTable:
    """The order of the models under equal images, updates, seconds and FLOPs, by their snapshots."""

    metric: Metric
    protocol: str
    lines: tuple[BudgetLine, ...]


def budget_table(study: StudyResult) -> BudgetTable | None:
    """The models under other budgets; None where no two units give other snapshots, or nothing may be ranked."""
    found = by_equal_amounts(study)
    if all(is_equal(spread) for spread in spreads(study)) or not found or nothing_resembles(study):
        return None
    protocols = (score.protocol for run in study.done for score in run.snapshots)
    return BudgetTable(study.metric(found[0].metric), protocol_words(*protocols), tuple(map(_budget_line, found)))


def _budget_line(found: EqualAmounts) -> BudgetLine:
    amount = amount_words(found.unit, found.amount)
    if found.comparison is None:
        return BudgetLine(amount, NONE, NONE, "some run has no snapshot near this")
    order = found.comparison.order
    surely = [f"{model} beats {listed(wins)}" for model in order if (wins := found.comparison.wins(model))]
    minor = "" if found.reached > 0.99 else f"snapshots at {round(100 * found.reached)} to 100\u202f% of it"
    return BudgetLine(amount, ", ".join(order), "; ".join(surely) or "none", minor)


def _standing(study: StudyResult, model: str, metric: str, found: Comparison) -> Standing:
    style, runs = study.models.index(model), _runs(study, model, metric)
    if model not in found.order:
        return Standing(model, style, NONE, runs, NONE, NONE, NONE)
    wins, losses = found.wins(model), found.losses(model)
    level = [other for other in found.order if other not in (model, *wins, *losses)]
    best, worst = found.ranks(model)
    rank = str(best) if best == worst else f"{best} to {worst}"
    return Standing(model, style, rank, runs, *(listed(names) or NONE for names in (wins, level, losses)))


def _runs(study: StudyResult, model: str, metric: str) -> str:
    runs = study.of(model)
    failed, open_runs = (sum(run.status == status for run in runs) for status in ("failed", "unfinished"))
    values = len(study.values(model, metric))
    lacking = len(runs) - failed - open_runs - values
    parts = [(failed, "failed"), (open_runs, "unfinished"), (lacking, "without a value")]
    return ", ".join([plural(values, "seed"), *(f"{n} {what}" for n, what in parts if n)])


def method_words(by: Difference) -> str:
    """How two models were compared, and over how many seeds."""
    seeds = plural(by.counts[0], "seed")
    return f"by seed, {seeds}" if by.method == "paired" else f"Welch, {by.counts[1]} and {seeds}"


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


@dataclass(frozen=True)
class EffectTable:
    """Lines of (axis, value, effect, interval), and the seeds that had to be left out, in words."""

    metric: Metric
    lines: tuple[tuple[str, str, str, str], ...]
    left_out: str


def effect_table(study: StudyResult, metric: str | None) -> EffectTable | None:
    """The main effects in words; None where there are none, or the runs were not measured alike."""
    if metric is None or not may_be_ranked(study, metric):
        return None
    found = effects(study, metric)
    if not found:
        return None
    lines = tuple((effect.axis, str(effect.level), _signed(effect.effect.mean), _interval(effect)) for effect in found)
    seeds = found[0].left_out
    left_out = f"Left out, since some combination has no value there: {seeds_words(seeds)}." if seeds else ""
    return EffectTable(study.metric(metric), lines, left_out)


def _signed(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)


def _interval(effect: Effect) -> str:
    low, high = effect.effect.low, effect.effect.high
    return "one seed" if low is None or high is None else f"{_signed(low)} to {_signed(high)}"


@dataclass(frozen=True)
class CrossTable:
    """A metric's means for every combination of the values of a study's axes.

    The values of one axis stand side by side, those of the others below each other.

    Attributes:
        rows: Label and cells; a cell of a combination that was not run is empty.
    """

    metric: Metric
    row_head: str
    column_head: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def cross_tables(study: StudyResult, primary: str | None) -> list[CrossTable]:
    """A table for each metric of quality, the primary one first; none with fewer than two axes of several values."""
    values = axis_values(study)
    varied = [axis for axis in values if len(values[axis]) > 1]
    if study.single or len(varied) < 2:
        return []
    *down, across = varied
    axes = {run.model: run.axes for run in study.runs if run.axes}
    model_at = {tuple(str(of_model.get(axis)) for axis in varied): model for model, of_model in axes.items()}
    places = list(dict.fromkeys(place[:-1] for place in model_at))
    wanted = dict.fromkeys((primary, *study.quality_metrics))
    names = [name for name in wanted if name and any(run.value(name) for run in study.done)]

    def row(place: tuple[str, ...], name: str) -> tuple[str, tuple[Cell, ...]]:
        models = (model_at.get((*place, value)) for value in values[across])
        return ", ".join(place), tuple(score_cell(study, model, name) if model else Cell("") for model in models)

    heads = ", ".join(map(words_of, down)), words_of(across), tuple(values[across])
    return [CrossTable(study.metric(name), *heads, tuple(row(place, name) for place in places)) for name in names]


def axis_values(study: StudyResult) -> dict[str, list[str]]:
    """The values of each axis of a study, in their order; empty where its runs name none."""
    values: dict[str, list[str]] = {}
    for run in study.runs:
        for axis, value in run.axes.items():
            if str(value) not in values.setdefault(axis, []):
                values[axis].append(str(value))
    return values


def steadiness_table(study: StudyResult) -> tuple[tuple[Metric, ...], list[Line]]:
    """How steady each model is: over seeds, over the last snapshots, and in how many seeds training failed.

    Returns:
        Columns by metric, without those that no model has, and a line for each model.
    """
    found = {} if study.single else steadiness(study)
    names = dict.fromkeys(name for table in found.values() for name, score in table.items() if score.value is not None)
    lines = [
        Line(model, "", tuple(_steadiness_cell(table.get(name)) for name in names), study.models.index(model))
        for model, table in found.items()
    ]
    return tuple(study.metric(name) for name in names), lines


def _steadiness_cell(score: Score | None) -> Cell:
    if score is None or score.value is None:
        return Cell(title=warnings_words(score) if score else "")
    if score.protocol.ended is not None:
        ended = score.protocol.ended
        return Cell(f"{round(score.value * ended)} of {ended}", "", score.value)
    return Cell(number(score.value, 2), "", score.value, protocol_words(score.protocol))


@dataclass(frozen=True)
class LatentsTable:
    """What samples score from the prior and from a fitted sampler, beside reconstructions, by one metric.

    Attributes:
        label: The metric in words.
        columns: Where latents come from, and the metric that explains it.
        lines: A line for each model, with the sampler that was fitted.
        meaning: What the gaps mean.
    """

    label: str
    columns: tuple[tuple[str, Metric], ...]
    lines: tuple[Line, ...]
    meaning: str


def latents_table(study: StudyResult) -> LatentsTable | None:
    """The distances of models that have one beside that of their samples; by the first ranking metric that has a value.

    A column that no model has is left out.
    """
    for base in study.ranking_metrics:
        beside = (f"prior_{base}", f"reconstruction_{base}")
        models = [m for m in study.models if any(study.values(m, name) for name in beside)]
        if models:
            return _table(study, base, models)
    return None


def _table(study: StudyResult, base: str, models: list[str]) -> LatentsTable:
    names = {"prior": f"prior_{base}", "fitted": base, "reconstruction": f"reconstruction_{base}"}
    heads = {"prior": "N(0,\u00a0I)", "fitted": "Fitted sampler", "reconstruction": "Reconstructions"}
    fitted = {m: next((run.sampler for run in study.of(m) if run.sampler != "prior"), "") for m in models}
    # where the prior is the only source of latents, its column holds the samples' own scores
    prior_only = names | {"prior": base, "fitted": ""}
    cells = {
        model: {
            source: score_cell(study, model, name) if name else Cell()
            for source, name in (names if fitted[model] else prior_only).items()
        }
        for model in models
    }
    kept = [source for source in names if any(of_model[source].value is not None for of_model in cells.values())]
    metrics = names if any(fitted.values()) else prior_only
    return LatentsTable(
        label=study.metric(base).label,
        columns=tuple((heads[source], study.metric(metrics[source])) for source in kept),
        lines=tuple(
            Line(
                model,
                f"sampler: {fitted[model]}" if fitted[model] else "",
                tuple(of_model[source] for source in kept),
                study.models.index(model),
            )
            for model, of_model in cells.items()
        ),
        meaning=_meaning(study, base, fitted="fitted" in kept, reconstructed="reconstruction" in kept),
    )


def _meaning(study: StudyResult, base: str, *, fitted: bool, reconstructed: bool) -> str:
    low, high = floor(study, base)
    real = f", {number(low)} here" if low is not None and low == high else ""
    text = ""
    if reconstructed:
        text = (
            "One decoder made all images of a row; its columns differ by the latents that it was given. "
            "Reconstructions are decoded from latents of test images, samples from latents that were drawn. "
            "What samples score above reconstructions, beyond what real images score against other real "
            f"images{real}, is the prior hole: N(0, I) yields latents that the decoder did not meet in training. "
        )
    if fitted:
        text += "A sampler fitted to the training images' latents narrows that gap as far as it finds where they lie."
    return text.strip()
