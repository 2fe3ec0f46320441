"""How steady each model's result is: over seeds, over its last snapshots, and in how many seeds training failed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from paribus.report.reading import label_of, study_of
from paribus.report.verdict import primary_metric
from paribus.results.statistics import summary

_FROM = 0.375  # of the last snapshot's images: nearer to half of the budget than to a quarter, as of seconds it may be


def steadiness(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """A score for each model and metric of steadiness, from a study's rows; the metrics' words are in the catalogue.

    A model without a run that came to an end is left out.
    """
    metric, _ = primary_metric(study_of(rows))
    found = {}
    for model in dict.fromkeys(map(label_of, rows)):
        ended = [row for row in rows if label_of(row) == model and row["status"] in ("done", "failed")]
        done = [row for row in ended if row["status"] == "done"]
        if ended:
            found[model] = {
                "seed_spread": _seed_spread(done, metric),
                "snapshot_spread": _snapshot_spread(done),
                "failed_seeds": _failed_seeds(len(ended) - len(done), len(ended)),
            }
    return found


def _seed_spread(done: Sequence[dict[str, Any]], metric: str | None) -> dict[str, Any]:
    scores = [row["scores"][metric] for row in done if row["scores"].get(metric, {}).get("value") is not None]
    if len(scores) < 2:
        return _score(None, len(scores), warning="one seed has no spread" if scores else "no seed was scored")
    if len({score["encoder"] for score in scores}) > 1:
        return _score(None, len(scores), warning="the seeds were measured through different encoders")
    value, words, warning = _relative_spread(scores)
    of = {key: scores[0][key] for key in ("encoder", "split")}
    return _score(value, len(scores), f"{metric} of {len(scores)} seeds, last weights: {words}", warning) | of


def _snapshot_spread(done: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean over seeds of each one's own spread."""
    late = [entries for row in done if len(entries := _late(row["snapshots"])) > 1]
    spreads = [_relative_spread(entries) for entries in late]
    known = [value for value, _, _ in spreads if value is not None]
    if not known:
        warning = next((warning for _, _, warning in spreads), "fewer than two snapshots were scored")
        return _score(None, 0, warning=warning)
    counts = " or ".join(str(count) for count in sorted({len(entries) for entries in late}))
    first = late[0][0]
    protocol = f"{first['metric']} of the last {counts} snapshots; mean over {len(known)} of {len(done)} seeds"
    of = {key: first[key] for key in ("encoder", "split")}
    return _score(math.fsum(known) / len(known), len(known), protocol) | of


def _late(snapshots: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those from about half the budget on that have a value."""
    last = max((entry["snapshot"] for entry in snapshots), default=0)
    late = (entry for entry in snapshots if entry["snapshot"] >= _FROM * last)
    return [entry for entry in late if entry["value"] is not None and math.isfinite(entry["value"])]


def _relative_spread(scores: Sequence[dict[str, Any]]) -> tuple[float | None, str, str]:
    """Standard deviation (n - 1) over mean, both in words, and why there is no ratio if there is none."""
    found = summary([score["value"] for score in scores])
    assert found.std is not None
    words = f"deviation {found.std:.3g} over a mean of {found.mean:.3g}"
    if found.mean <= 2 * max(score["error"] or 0.0 for score in scores):
        return (
            None,
            words,
            "the mean is not told apart from 0, given the error of measuring: a ratio to it says nothing",
        )
    return found.std / found.mean, words, ""


def _failed_seeds(failed: int, ended: int) -> dict[str, Any]:
    return _score(failed / ended, ended, f"{failed} of {ended} seeds that came to an end")


def _score(value: float | None, n: int, protocol: str = "", warning: str = "") -> dict[str, Any]:
    """As a score of one run, with n the number of seeds."""
    score = {"value": value, "error": None, "n": n, "encoder": None, "split": None, "protocol": protocol}
    return score | ({"warning": warning} if warning else {})
