"""results.json: a row a run, a mean with its interval a model and metric, and which models are told apart."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from paribus.evaluation import cost_entries
from paribus.report.comparisons import comparisons
from paribus.runs import RunFolder
from paribus.statistics import summary
from paribus.studies.steadiness import steadiness


def run_row(model: str, seed: int, run: RunFolder, root: Path) -> dict[str, Any]:
    """Everything about one run that tables and pictures need."""
    done = run.done
    row: dict[str, Any] = {
        "model": model,
        "seed": seed,
        "folder": str(run.path.relative_to(root)),
        "status": done["status"] if done else "unfinished",
        "reason": (done or {}).get("reason"),
        "scores": {},
        "best": None,
    }
    if run.exists:
        row["parameters"] = run.record["parameters"]
    if done is None or done["status"] != "done":
        return row
    row |= {key: done[key] for key in ("images", "seconds", "updates", "flops_per_image", "peak_memory_bytes")}
    scores = run.evaluation
    # with several encoders the first one speaks for the run; all of them stand in evaluation.json
    row["scores"] = _by_metric([s for s in scores if s.get("weights", "last") == "last"])
    best = [s for s in scores if s.get("weights") == "best"]
    if best:
        row["best"] = _by_metric(best)
    row["scores"] |= _by_metric(cost_entries(done))
    row["snapshots"] = run.snapshot_scores
    return row


def results(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The rows, and a summary for each model and metric over its seeds."""
    models: dict[str, dict[str, Any]] = {}
    for model in dict.fromkeys(row["model"] for row in rows):
        values: dict[str, list[float]] = {}
        for row in rows:
            if row["model"] != model:
                continue
            for metric, score in row["scores"].items():
                if score["value"] is not None and math.isfinite(score["value"]):
                    values.setdefault(metric, []).append(score["value"])
        models[model] = {metric: summary(found).as_dict() for metric, found in values.items()}
    return {"runs": rows, "models": models, "comparisons": comparisons(rows), "steadiness": steadiness(rows)}


def _by_metric(scores: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for score in scores:
        found.setdefault(score["metric"], score)
    return found
