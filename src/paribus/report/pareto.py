"""What quality costs: the models that no other beats for the same cost, by each kind of cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paribus.report import figures
from paribus.report.comparison import comparison, protocols_agree
from paribus.report.contents import Study
from paribus.report.figures import Dot
from paribus.report.tables import cost_of, mean
from paribus.report.wording import compact, duration, listed, number
from paribus.results.statistics import Front, pareto_front
from paribus.results.statistics.pareto import EQUAL_COST

COSTS: dict[str, tuple[str, str, Callable[[float | None], str]]] = {
    "train_seconds": ("Quality against training time", "seconds of training", duration),
    "parameters": ("Quality against size", "parameters", compact),
    "flops_per_image": ("Quality against work", "FLOP per image", compact),
}


@dataclass(frozen=True)
class ParetoFigure:
    """A chart of mean quality against mean cost with its front, and what it says."""

    svg: str
    text: str


def fronts(study: Study, metric: str) -> dict[str, Front]:
    """The front by each cost in which the models differ by more than 2 %; none where they were not measured alike.

    A cost is a model's mean over the runs that gave its mean quality.
    """
    if study.metric(metric).direction == "none" or not protocols_agree(study, metric):
        return {}
    found = comparison(study, metric)
    words, fronts = study.metric(metric), {}
    for cost in COSTS:
        points = {
            model: (known, shortfall)
            for model in found.order
            if (known := _mean_cost(study, model, metric, cost)) is not None
            and (shortfall := mean([words.shortfall(v) for v in study.values(model, metric)])) is not None
        }
        costs = [point[0] for point in points.values()]
        if len(points) > 1 and min(costs) > 0 and max(costs) > min(costs) * (1 + EQUAL_COST):
            fronts[cost] = pareto_front(points, found.beats)
    return fronts


def pareto_figures(study: Study, metric: str) -> list[ParetoFigure]:
    """A figure for each front."""
    drawn = []
    for cost, front in fronts(study, metric).items():
        title, label, write = COSTS[cost]
        dots = []
        for model in (*front.models, *front.unsure, *front.dominated):
            x, y = _mean_cost(study, model, metric, cost), mean(study.values(model, metric))
            if x is not None and y is not None:
                said = f"{model}: {study.metric(metric).label} {number(y)} for {write(x)}"
                dots.append(Dot(model, study.models.index(model), x, y, said))
        line = [(dot.x, dot.y) for dot in dots if dot.name in front.models]
        dots.sort(key=lambda dot: dot.style)
        svg = figures.scatter(title, dots, label, study.metric(metric).label, front=line)
        drawn.append(ParetoFigure(svg, _said(front)))
    return drawn


def _said(front: Front) -> str:
    parts = [f"On the front: {listed(front.models)}."]
    if front.unsure:
        parts.append(f"Behind it by their means, but not told apart: {_named(front.unsure)}.")
    if front.dominated:
        parts.append(f"Beaten for no more cost: {_named(front.dominated)}.")
    return " ".join(parts)


def _named(behind: dict[str, str]) -> str:
    return listed([f"{model} (by {other})" for model, other in behind.items()])


def _mean_cost(study: Study, model: str, metric: str, cost: str) -> float | None:
    runs = (run for run in study.of(model) if run.status == "done" and run.value(metric) is not None)
    return mean([cost_of(run, cost) for run in runs])
