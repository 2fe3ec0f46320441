"""The words of every metric, with where a report shows it."""

from __future__ import annotations

from typing import Any

from paribus.metrics.catalogue import FLOORED, METRICS
from paribus.results.metric import Metric

_LEADERBOARD = (
    "frechet", "kid", "precision", "recall", "coverage", "sharpness", "class_agreement", "classifier_score",
    "inception_score", "elbo", "mse", "inversion_mse",
)  # fmt: skip
_COSTS = ("parameters", "train_seconds", "samples_per_second")
_WITH_FLOOR = (*FLOORED, "frechet_within_classes", "copying", "authenticity")


def _shown(name: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"floor": f"floor_{name}"} if name in _WITH_FLOOR else {}
    if name in _LEADERBOARD:
        fields |= {"section": "leaderboard", "place": 1 + _LEADERBOARD.index(name)}
    if name in _COSTS:
        fields |= {"section": "cost", "place": 1 + _COSTS.index(name)}
    if name in ("frechet", "kid"):
        fields |= {"ranks": 1 + ("frechet", "kid").index(name)}
    if name.removeprefix("floor_") in _WITH_FLOOR and name not in _WITH_FLOOR:
        fields |= {"section": "floor"}
    return fields


METRIC_WORDS = {name: Metric(name=name, **words, **_shown(name)) for name, words in METRICS.items()}
"""By name."""
