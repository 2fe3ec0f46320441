"""A study's figures: which numbers of the runs become which chart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paribus.report import figures
from paribus.report.comparison import shown_order
from paribus.report.contents import Run, Study
from paribus.report.figures import Curve, Dot, Point, Row
from paribus.report.verdict import floor
from paribus.report.wording import count, duration, number

FIRST_PANELS = 6


@dataclass(frozen=True)
class ModelCurves:
    """A model's training curves as SVG: the telling ones, and the rest."""

    model: str
    style: int
    panels: tuple[str, ...]
    more: tuple[str, ...]


def training_curves(study: Study) -> list[ModelCurves]:
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


def snapshot_chart(study: Study) -> str:
    """KID (failing that, the Fréchet distance) of the snapshots on the validation split; empty where there is none."""
    for metric in ("kid", "frechet"):
        curves = [
            Curve(model, style, seeds)
            for style, model in enumerate(study.models)
            if (seeds := [points for run in study.of(model) if (points := snapshots(run, metric))])
        ]
        if any(len(seed) > 1 for curve in curves for seed in curve.seeds):
            label = study.metric(metric).label
            return figures.line_chart(
                f"{label} of snapshots", curves, "images seen", f"{label}, validation split", width=440, height=290,
                markers=True, legend=True,
            )  # fmt: skip
    return ""


def snapshots(run: Run, metric: str) -> list[Point]:
    """A metric of a run's snapshots on the validation split, against the images seen."""
    entries = run.folder.snapshot_scores if run.folder else []
    points = [(score.snapshot, score.value) for score in entries if score.metric == metric]
    return sorted((float(x), float(y)) for x, y in points if x is not None and y is not None)


def metric_plot(study: Study, metric: str) -> str:
    """A metric by model: a dot per seed and the interval of the mean; empty where no run has it."""
    order = [(study.models.index(model), model) for model in shown_order(study, metric)]
    rows = [row for style, model in order if (row := metric_row(study, model, style, metric))]
    if not rows:
        return ""
    words = study.metric(metric)
    hint = f", {words.better}" if words.better else ""
    low, _ = floor(study, metric)
    reference = None if low is None else ("real images", low)
    return figures.dot_plot(words.label, rows, f"{words.label}{hint}", reference=reference)


def metric_row(study: Study, model: str, style: int, metric: str, *, best: bool = False) -> Row | None:
    """A model's seeds and mean; with the 95 % interval from three seeds on, else with the span of two."""
    values, summary = study.values(model, metric, best=best), study.summary(model, metric, best=best)
    if not values or summary is None:
        return None
    if summary.low is None or summary.high is None:
        return Row(model, style, values, summary.mean)
    interval = (summary.low, summary.high) if len(values) > 2 else (min(values), max(values))
    return Row(model, style, values, summary.mean, interval)


def time_charts(study: Study, metric: str) -> list[str]:
    """Quality against seconds of training, and against images seen."""
    low, _ = floor(study, metric)
    reference = None if low is None else ("real images", low)
    words = study.metric(metric)
    sides: tuple[tuple[str, str, Callable[[Run], float | None]], ...] = (
        ("Quality against time", "seconds of training", lambda run: run.seconds),
        ("Quality against images", "images seen", lambda run: run.images),
    )
    charts = []
    for title, x_label, of in sides:
        dots = [dot for run in study.done if (dot := _dot(study, run, of(run), metric))]
        if dots:
            charts.append(figures.scatter(title, dots, x_label, words.label, reference=reference))
    return charts


def _dot(study: Study, run: Run, x: float | None, metric: str) -> Dot | None:
    y = run.value(metric)
    if x is None or y is None:
        return None
    spent = f"{duration(run.seconds)}, {count(run.images)} images"
    label = f"{run.label}: {study.metric(metric).label} {number(y)} after {spent}"
    return Dot(run.model, study.models.index(run.model), x, y, label)
