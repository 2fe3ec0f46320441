"""A study's axes against each other: the mean of a metric for every combination of their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paribus.report.contents import Metric, Study
from paribus.report.settings import words_of
from paribus.report.tables import QUALITY, Cell, score_cell


@dataclass(frozen=True)
class CrossTable:
    """The values of one axis side by side, those of the others below each other.

    Attributes:
        rows: Label and cells; a cell of a combination that was not run is empty.
    """

    metric: Metric
    row_head: str
    column_head: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def cross_tables(study: Study, primary: str | None) -> list[CrossTable]:
    """A table for each metric of quality, the primary one first; none with fewer than two axes of several values."""
    values = axis_values(study)
    varied = [axis for axis in values if len(values[axis]) > 1]
    if study.single or len(varied) < 2:
        return []
    *down, across = varied
    axes: dict[str, dict[str, Any]] = {run.model: run.extra["axes"] for run in study.runs if run.extra.get("axes")}
    model_at = {tuple(str(of_model.get(axis)) for axis in varied): model for model, of_model in axes.items()}
    places = list(dict.fromkeys(place[:-1] for place in model_at))
    names = [name for name in dict.fromkeys((primary, *QUALITY)) if name and any(r.value(name) for r in study.done)]

    def row(place: tuple[str, ...], name: str) -> tuple[str, tuple[Cell, ...]]:
        models = (model_at.get((*place, value)) for value in values[across])
        return ", ".join(place), tuple(score_cell(study, model, name) if model else Cell("") for model in models)

    heads = ", ".join(map(words_of, down)), words_of(across), tuple(values[across])
    return [CrossTable(study.metric(name), *heads, tuple(row(place, name) for place in places)) for name in names]


def axis_values(study: Study) -> dict[str, list[str]]:
    """The values of each axis of a study, in their order; empty where its runs name none."""
    values: dict[str, list[str]] = {}
    for run in study.runs:
        for axis, value in (run.extra.get("axes") or {}).items():
            if str(value) not in values.setdefault(axis, []):
                values[axis].append(str(value))
    return values
