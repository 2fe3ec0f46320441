"""The report's tables as plain values: leaderboard, cost, and every run's scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paribus.base.wording import NONE, compact, count, duration, estimate, listed, number, plural, plus_minus, size
from paribus.report import figures
from paribus.report.curves import metric_row
from paribus.results.comparison import floor, half_width, leaders, may_be_ranked, mean, shown_order
from paribus.results.metric import Metric
from paribus.results.run import RunResult, Scores
from paribus.results.score import Score
from paribus.results.statistics import Summary
from paribus.results.study import StudyResult
from paribus.results.words import fact_words


@dataclass(frozen=True)
class Cell:
    """A cell: text, a smaller second text, the number that it sorts by, a remark, and perhaps a figure."""

    text: str = NONE
    minor: str = ""
    value: float | None = None
    title: str = ""
    svg: str = ""
    leads: bool = False


@dataclass(frozen=True)
class Line:
    """One line of a table: its label, a smaller second text, the cells, and its model's style."""

    label: str
    minor: str
    cells: tuple[Cell, ...]
    style: int = 0


@dataclass(frozen=True)
class Entry:
    """A model's lines in the leaderboard: the last weights and, where one was chosen, the best snapshot."""

    model: str
    style: int
    lines: tuple[Line, ...]
    state: str = ""


@dataclass(frozen=True)
class Leaderboard:
    """Columns by metric, entries by model, and the floor: what real images score."""

    columns: tuple[Metric, ...]
    primary: str | None
    entries: tuple[Entry, ...]
    floor: tuple[Cell, ...]
    has_best: bool
    is_sorted: bool = False

    @property
    def has_floor(self) -> bool:
        """Whether a floor was measured for any column."""
        return any(cell.value is not None for cell in self.floor)


def leaderboard(study: StudyResult, primary: str | None) -> Leaderboard:
    """The leaderboard of a study, ordered as the study names its models."""
    quality = dict.fromkeys([*([primary] if primary else []), *study.quality_metrics])
    names = [name for name in quality if name in study.measured]
    marks = {name: leaders(study, name) for name in names}
    names += [name for name in study.cost_metrics if any(run.cost(name) is not None for run in study.done)]
    scales = {primary: _scale(study, primary)} if primary else {}
    entries = []
    for model in shown_order(study, primary):
        cells = [_cell(study, model, name, scales.get(name), marks.get(name, set())) for name in names]
        runs = [run for run in study.of(model) if run.status == "done" and run.chosen]
        lines = [Line("last", "also best" if runs and all(run.best_is_last for run in runs) else "", tuple(cells))]
        if any(run.best for run in runs):
            chosen = [_cell(study, model, name, scales.get(name), set(), best=True) for name in names]
            lines.append(Line("best", _chosen(runs), tuple(chosen)))
        entries.append(Entry(model, study.models.index(model), tuple(lines), _state(study.of(model))))
    return Leaderboard(
        columns=tuple(study.metric(name) for name in names),
        primary=primary,
        entries=tuple(entries),
        floor=tuple(_floor_cell(study, name) for name in names),
        has_best=any(run.chosen for run in study.done),
        is_sorted=primary is not None and not study.single and may_be_ranked(study, primary),
    )


def _state(runs: Sequence[RunResult]) -> str:
    done = sum(run.status == "done" for run in runs)
    failed, open_runs = (sum(run.status == status for run in runs) for status in ("failed", "unfinished"))
    if done == len(runs):
        return plural(done, "seed")
    parts = [f"{done} of {len(runs)} seeds"]
    parts += [f"{failed} failed"] if failed else []
    return ", ".join([*parts, *([f"{open_runs} unfinished"] if open_runs else [])])


def _chosen(runs: Sequence[RunResult]) -> str:
    counts = (run.images if run.best_is_last else run.best_images for run in runs)
    places = list(dict.fromkeys(images for images in counts if images is not None))
    return f"after {listed([compact(place) for place in places], 'or')} images" if places else ""


def _scale(study: StudyResult, metric: str) -> tuple[float, float, bool]:
    """The least and the greatest value that a column of figures shows, and whether its axis is logarithmic."""
    values = [v for model in study.models for best in (False, True) for v in study.values(model, metric, best=best)]
    values += [v for v in floor(study, metric) if v is not None]
    rows = (metric_row(study, model, metric) for model in study.models)
    values += [end for row in rows if row for end in row.interval or ()]
    if not values:
        return 0.0, 1.0, False
    log = min(values) > 0 and max(values) / min(values) > 20
    return (min(values), max(values), True) if log else (min(0.0, *values), max(values), False)


def _cell(
    study: StudyResult, model: str, name: str, scale: tuple[float, float, bool] | None, marked: set[str],
    *, best: bool = False,
) -> Cell:  # fmt: skip
    """A model's mean, drawn as dots where a scale is given, bold where the model is marked."""
    if study.metric(name).section == "cost":
        return Cell("") if best else _cost_cell(study, model, name)
    summary = study.summary(model, name, best=best)
    if study.has_several_encoders(model, name, best=best):
        return Cell(title="its seeds were measured through different encoders")
    if summary is None:
        tables = (run.chosen if best else run.scores for run in study.of(model))
        return Cell(title=next((words for t in tables if name in t and (words := warnings_words(t[name]))), ""))
    table = study.runs[0].chosen if best else study.runs[0].scores
    half = table[name].error if study.single else half_width(study, model, name, best=best)
    text, width = estimate(summary.mean, half)
    drawn = ""
    if scale and (row := metric_row(study, model, name, best=best)):
        low, high, log = scale
        drawn = figures.tiny_dots(row, low, high, log=log, reference=floor(study, name)[0])
    title = _spoken(study.values(model, name, best=best), summary)
    return Cell(text, f"± {width}" if width else "", summary.mean, title, drawn, model in marked)


def score_cell(study: StudyResult, model: str, name: str) -> Cell:
    """A model's mean of a metric over its seeds, of the last weights, without a figure."""
    return _cell(study, model, name, None, set())


def _spoken(values: Sequence[float], summary: Summary) -> str:
    if len(values) < 2:
        return "one seed"
    seeds = "seeds: " + ", ".join(number(v) for v in values)
    return f"{seeds}; 95 % interval of the mean {number(summary.low)} to {number(summary.high)}"


_WRITTEN: dict[str, Callable[[float | None], str]] = {
    "parameters": compact,
    "train_seconds": duration,
    "peak_memory_bytes": size,
}


def written(metric: str, value: float | None) -> str:
    """A metric's value in its own unit."""
    return _WRITTEN.get(metric, number)(value)


def _cost_cell(study: StudyResult, model: str, name: str) -> Cell:
    value = mean([run.cost(name) for run in study.of(model) if run.status == "done"])
    title = f"{value:,.6g}" if name == "parameters" and value is not None else ""
    return Cell(written(name, value), "", value, title)


def _floor_cell(study: StudyResult, name: str) -> Cell:
    low, high = floor(study, name)
    if low is None or high is None:
        return Cell("")
    return Cell(number(low) if number(low) == number(high) else f"{number(low)} to {number(high)}", "", low)


def cost_table(study: StudyResult) -> tuple[tuple[str, ...], list[Line]]:
    """What each model cost, as means over its finished seeds: the columns' heads, and a line for each model.

    A column that no model has is left out.
    """
    writers: tuple[tuple[str, Callable[[Sequence[RunResult]], Cell]], ...] = (
        ("Training time", lambda runs: _mean_cell(runs, lambda r: r.cost("train_seconds"), duration)),
        ("Images seen", lambda runs: _mean_cell(runs, lambda r: r.images, count)),
        ("Images per second", lambda runs: _mean_cell(runs, _speed, number)),
        ("Updates", lambda runs: _by_role([r.updates for r in runs], total=False)),
        ("Parameters", lambda runs: _by_role([r.parameters for r in runs])),
        ("FLOPs per image", lambda runs: _mean_cell(runs, lambda r: r.cost("flops_per_image"), compact)),
        ("Peak memory", lambda runs: _mean_cell(runs, lambda r: r.cost("peak_memory_bytes"), size)),
        ("Samples per second", lambda runs: _mean_cell(runs, lambda r: r.cost("samples_per_second"), number)),
        ("Sampler fit", lambda runs: _mean_cell(runs, lambda r: r.cost("sampler_seconds"), duration)),
    )
    done = {model: [run for run in study.of(model) if run.status == "done"] for model in study.models}
    rows = {m: [cell(runs) for _, cell in writers] for m, runs in done.items() if runs}
    kept = [k for k in range(len(writers)) if any(cells[k].text != NONE for cells in rows.values())]
    heads = tuple(writers[k][0] for k in kept)
    return heads, [Line(m, "", tuple(cells[k] for k in kept), study.models.index(m)) for m, cells in rows.items()]


def _mean_cell(
    runs: Sequence[RunResult], of: Callable[[RunResult], float | None], write: Callable[[float | None], str]
) -> Cell:
    value = mean([of(run) for run in runs])
    return Cell(write(value), "", value)


def _speed(run: RunResult) -> float | None:
    return run.images / run.seconds if run.images and run.seconds else None


def _by_role(tables: Sequence[dict[str, int]], *, total: bool = True) -> Cell:
    """A number per role or phase of runs that agree or nearly so."""
    named = [table for table in tables if table]
    if not named:
        return Cell()
    means = {role: mean([table.get(role) for table in named]) for role in named[0]}
    both = math.fsum(v for v in means.values() if v is not None)
    parts = " · ".join(f"{role} {compact(value)}" for role, value in means.items())
    return Cell(compact(both), parts, both) if total and len(means) > 1 else Cell(parts, "", both)


def all_scores(study: StudyResult) -> tuple[tuple[Metric, ...], list[Line]]:
    """Every score of every run: columns by metric, a line for the last weights and one for the best snapshot.

    What the last weights score through another encoder has a line of its own.
    """
    names, lines = study.measured, []
    for run in study.runs:
        others = [(f"last, through {encoder}", table) for encoder, table in run.others.items()]
        for label, table in (("last", run.scores), ("best", run.best), *others):
            if table or label == "last":
                cells = tuple(_score_cell(table, name) for name in names)
                state = label if run.status == "done" else run.status
                lines.append(Line(run.label, state, cells))
    return tuple(study.metric(name) for name in names), lines


def _score_cell(table: Scores, name: str) -> Cell:
    score = table.get(name)
    if score is None:
        return Cell()
    minor = f"± {number(score.error, 2)}" if score.error else ""
    return Cell(number(score.value, 4), minor, score.value, warnings_words(score))


def warnings_words(score: Score) -> str:
    """What is to be said of a score, as a clause; empty for none."""
    return "; ".join(map(fact_words, score.warnings))


SMALL_COLUMNS = 4
"""Metrics of a leaderboard on a terminal."""


def small_leaderboard(study: StudyResult, primary: str | None) -> list[dict[str, str]]:
    """The models, as the report orders them, with the metric that ranks and the first others, for a terminal."""
    metrics = dict.fromkeys([*([primary] if primary else []), *study.quality_metrics])
    columns = [m for m in metrics if any(study.values(model, m) for model in study.models)][:SMALL_COLUMNS]
    rows = []
    for model in shown_order(study, primary):
        row = {"model": model}
        for metric in columns:
            found = study.summary(model, metric)
            text = "" if found is None else plus_minus(found.mean, half_width(study, model, metric))
            row[f"{study.metric(metric).label} {study.metric(metric).arrow}".strip()] = text
        rows.append(row)
    return rows if columns else []
