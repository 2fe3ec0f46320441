"""The part of results.json that says which models are told apart: the same that the report says."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from paribus.report.comparison import comparison, leaders, protocols_agree
from paribus.report.contents import Study
from paribus.report.effects import effects
from paribus.report.pareto import fronts
from paribus.report.reading import study_of
from paribus.report.tables import QUALITY
from paribus.report.verdict import obstacles, primary_metric


def comparisons(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Pairs, ranks and fronts of a study's models, by metric.

    Args:
        rows: The rows of results.json.

    Returns:
        The metric that ranks; how many runs of each model failed; and for each metric that tables show either why its
        values may not be compared, or every pair, each model's best and worst rank, the models that none beats, the
        Pareto fronts by cost, and the effect of each value of each axis.
    """
    study = study_of(rows)
    measured = [name for name in QUALITY if any(run.value(name) is not None for run in study.done)]
    return {
        "primary": primary_metric(study)[0],
        "failed": {model: sum(run.status == "failed" for run in study.of(model)) for model in study.models},
        "metrics": {name: _compared(study, name) for name in measured if study.metric(name).direction != "none"},
    }


def _compared(study: Study, metric: str) -> dict[str, Any]:
    if not protocols_agree(study, metric):
        return {"not_comparable": obstacles(study, metric) or ["the protocols differ"]}
    leading = leaders(study, metric)
    found = comparison(study, metric)
    return {
        **found.as_dict(),
        "leaders": [model for model in found.order if model in leading],
        "pareto": {cost: asdict(front) for cost, front in fronts(study, metric).items()},
        "effects": [effect.as_dict() for effect in effects(study, metric)],
    }
