"""results.json: a row a run, a mean with its interval a label and metric, and which labels are told apart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from paribus.evaluation.measures.costs import training_costs
from paribus.report.comparisons import comparisons
from paribus.report.reading import label_of
from paribus.results.statistics import summary
from paribus.studies.planning import PlannedRun
from paribus.studies.steadiness import steadiness


def run_row(planned: PlannedRun, root: Path) -> dict[str, Any]:
    """Everything about one run that tables and pictures need."""
    run = planned.folder
    done = run.done
    row: dict[str, Any] = {
        "model": planned.config.model,
        "label": planned.label,
        "axes": planned.axes,
        "seed": planned.seed,
        "identity": planned.identity,
        "folder": str(run.path.relative_to(root)),
        "expected_images": planned.expected_images,
        "status": done["status"] if done else "unfinished",
        "reason": (done or {}).get("reason"),
        "scores": {},
        "best": None,
        "other_encoders": {},
    }
    if run.exists:
        row["parameters"] = run.record["parameters"]
    if done is None or done["status"] != "done":
        return row
    row |= {key: done[key] for key in ("images", "seconds", "updates", "flops_per_image", "peak_memory_bytes")}
    row |= run.tables
    row["snapshots"] = [score.as_json() for score in run.snapshot_scores]
    row["scores"] |= {cost.metric: cost.as_json() for cost in training_costs(done)}
    return row


def results(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The rows, and a summary for each label and metric over its seeds; what other encoders say stands apart."""
    encoders = dict.fromkeys(encoder for row in rows for encoder in row["other_encoders"])
    others = {
        encoder: _summaries((label_of(row), row["other_encoders"].get(encoder, {"scores": {}})) for row in rows)
        for encoder in encoders
    }
    models = _summaries((label_of(row), row) for row in rows)
    told = {"comparisons": comparisons(rows), "steadiness": steadiness(rows)}
    return {"runs": rows, "models": models, "other_encoders": others} | told


def _summaries(tables: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """By label and metric, over the "scores" of its runs."""
    values: dict[str, dict[str, list[float]]] = {}
    for model, table in tables:
        of_model = values.setdefault(model, {})
        for metric, score in table["scores"].items():
            if score["value"] is not None and math.isfinite(score["value"]):
                of_model.setdefault(metric, []).append(score["value"])
    return {m: {metric: summary(v).as_dict() for metric, v in of_model.items()} for m, of_model in values.items()}
