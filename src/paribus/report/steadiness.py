"""How steady the models are: over seeds, over the last snapshots, and in how many seeds training failed."""

from __future__ import annotations

from paribus.report.contents import Metric, Score, Study
from paribus.report.tables import Cell
from paribus.report.wording import number


def steadiness_table(study: Study) -> tuple[tuple[Metric, ...], list[tuple[str, int, tuple[Cell, ...]]]]:
    """Columns by metric, and (model, style, cells) rows; a column that no model has is left out."""
    tables = [study.steadiness[model] for model in study.models if model in study.steadiness]
    names = list(dict.fromkeys(name for table in tables for name in table if table[name].value is not None))
    rows = [
        (model, study.models.index(model), tuple(_cell(name, study.steadiness[model].get(name)) for name in names))
        for model in study.models
        if model in study.steadiness
    ]
    return tuple(study.metric(name) for name in names), rows


def _cell(name: str, score: Score | None) -> Cell:
    if score is None or score.value is None:
        return Cell(title=score.warning if score else "")
    if name == "failed_seeds" and score.n:
        return Cell(f"{round(score.value * score.n)} of {score.n}", "", score.value)
    return Cell(number(score.value, 2), "", score.value, score.protocol)
