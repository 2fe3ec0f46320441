"""A study's figures: which numbers of the runs become which chart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paribus.base.wording import compact, count, duration, listed, number
from paribus.report import figures
from paribus.report.figures import Curve, Dot, DotRow, Point
from paribus.results.comparison import floor, fronts, mean, mean_cost, shown_order
from paribus.results.pairs import Front
from paribus.results.run import RunResult
from paribus.results.study import StudyResult

FIRST_PANELS = 6
COST_AXES: dict[str, tuple[str, str, Callable[[float | None], str]]] = {
    "train_seconds": ("Quality against training time", "seconds of training", duration),
    "parameters": ("Quality against size", "parameters", compact),
    "flops_per_image": ("Quality against work", "FLOP per image", compact),
}
"""By cost: a figure's title, its axis, and how the cost is written."""


@dataclass(frozen=True)
class ModelCurves:
    """A model's training curves as SVG: the telling ones, and the rest."""

    model: str
    style: int
    panels: tuple[str, ...]
    more: tuple[str, ...]


def training_curves(study: StudyResult) -> list[ModelCurves]:
    """A panel per logged term, for each model that has a log."""
    blocks = []
    for style, model in enumerate(study.models):
        terms: dict[str, list[list[Point]]] = {}
        for run in study.of(model):
            for term, points in run.log.items():
                terms.setdefault(term, []).append(points)
        ranked = sorted(terms, key=_importance)
        panels = tuple(
            figures.line_chart(term.replace("/", " · "), [Curve(model, style, terms[term])], "images seen")
            for term in ranked
        )
        if panels:
            blocks.append(ModelCurves(model, style, panels[:FIRST_PANELS], panels[FIRST_PANELS:]))
    return blocks


def _importance(term: str) -> int:
    name = term.rsplit("/", 1)[-1]
    return next((k for k, word in enumerate(("loss", "accuracy", "elbo")) if word in name), 3)


def snapshot_chart(study: StudyResult) -> str:
    """What the snapshots score on the validation split; empty where there is none."""
    for metric in dict.fromkeys(score.metric for run in study.runs for score in run.snapshots):
        curves = [
            Curve(model, style, seeds)
            for style, model in enumerate(study.models)
            if (seeds := [points for run in study.of(model) if (points := run.course(metric))])
        ]
        if any(len(seed) > 1 for curve in curves for seed in curve.seeds):
            label = study.metric(metric).label
            title, y_label = f"{label} of snapshots", f"{label}, validation split"
            return figures.line_chart(title, curves, "images seen", y_label, markers=True, legend=True)
    return ""


def metric_plot(study: StudyResult, metric: str) -> str:
    """A metric by model: a dot per seed and the interval of the mean; empty where no run has it."""
    rows = [row for model in shown_order(study, metric) if (row := metric_row(study, model, metric))]
    if not rows:
        return ""
    words = study.metric(metric)
    hint = f", {words.better}" if words.better else ""
    return figures.dot_plot(words.label, rows, f"{words.label}{hint}", reference=_reference(study, metric))


def _reference(study: StudyResult, metric: str) -> tuple[str, float] | None:
    low, _ = floor(study, metric)
    return None if low is None else ("real images", low)


def metric_row(study: StudyResult, model: str, metric: str, *, best: bool = False) -> DotRow | None:
    """A model's seeds and mean; with the 95 % interval from three seeds on, else with the span of two."""
    values, summary = study.values(model, metric, best=best), study.summary(model, metric, best=best)
    if summary is None:
        return None
    interval = None
    if summary.low is not None and summary.high is not None:
        interval = (summary.low, summary.high) if len(values) > 2 else (min(values), max(values))
    return DotRow(model, study.models.index(model), values, summary.mean, interval)


def time_charts(study: StudyResult, metric: str) -> list[str]:
    """Quality against seconds of training, and against images seen."""
    sides: tuple[tuple[str, str, Callable[[RunResult], float | None]], ...] = (
        ("Quality against time", "seconds of training", lambda run: run.seconds),
        ("Quality against images", "images seen", lambda run: run.images),
    )
    charts = []
    for title, x_label, of in sides:
        dots = [dot for run in study.done if (dot := _dot(study, run, of(run), metric))]
        if dots:
            label, reference = study.metric(metric).label, _reference(study, metric)
            charts.append(figures.scatter(title, dots, x_label, label, reference=reference))
    return charts


def _dot(study: StudyResult, run: RunResult, x: float | None, metric: str) -> Dot | None:
    y = run.value(metric)
    if x is None or y is None:
        return None
    spent = f"{duration(run.seconds)}, {count(run.images)} images"
    label = f"{run.label}: {study.metric(metric).label} {number(y)} after {spent}"
    return Dot(run.model, study.models.index(run.model), x, y, label)


@dataclass(frozen=True)
class ParetoFigure:
    """A chart of mean quality against mean cost with its front, and what it says."""

    svg: str
    text: str


def pareto_figures(study: StudyResult, metric: str) -> list[ParetoFigure]:
    """A figure for each front."""
    drawn = []
    for cost, front in fronts(study, metric).items():
        title, label, write = COST_AXES[cost]
        dots = []
        for model in (*front.models, *front.unsure, *front.dominated):
            x, y = mean_cost(study, model, metric, cost), mean(study.values(model, metric))
            if x is not None and y is not None:
                said = f"{model}: {study.metric(metric).label} {number(y)} for {write(x)}"
                dots.append(Dot(model, study.models.index(model), x, y, said))
        line = [(dot.x, dot.y) for dot in dots if dot.name in front.models]
        dots.sort(key=lambda dot: dot.style)
        svg = figures.scatter(title, dots, label, study.metric(metric).label, front=line)
        drawn.append(ParetoFigure(svg, _front_words(front)))
    return drawn


def _front_words(front: Front) -> str:
    parts = [f"On the front: {listed(front.models)}."]
    if front.unsure:
        parts.append(f"Behind it by their means, but not told apart: {_named(front.unsure)}.")
    if front.dominated:
        parts.append(f"Beaten for no more cost: {_named(front.dominated)}.")
    return " ".join(parts)


def _named(behind: dict[str, str]) -> str:
    return listed([f"{model} (by {other})" for model, other in behind.items()])
