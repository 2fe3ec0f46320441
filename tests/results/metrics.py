"""Metrics in words, as measures declare them, for tests that need no measures."""

from __future__ import annotations

from typing import Any

from paribus.results.metric import Metric

SAME = "Comparable only when encoder, reference split, number of samples and resolution agree."


def _metric(name: str, label: str, direction: str = "none", **more: Any) -> Metric:
    fields = {"meaning": f"What {label} means.", "comparable": SAME} | more
    return Metric.model_validate({"name": name, "label": label, "direction": direction} | fields)


_LEADERBOARD = [
    ("frechet", "Fréchet distance", "lower"), ("kid", "KID", "lower"), ("precision", "Precision", "higher"),
    ("recall", "Recall", "higher"), ("coverage", "Coverage", "higher"), ("sharpness", "Sharpness", "towards"),
    ("class_agreement", "Class agreement", "higher"), ("classifier_score", "Classifier score", "higher"),
    ("inception_score", "Inception Score", "higher"), ("elbo", "−ELBO", "lower"),
    ("mse", "Reconstruction error", "lower"),
]  # fmt: skip
_COSTS = [
    ("parameters", "Parameters", "none"), ("train_seconds", "Training time", "lower"),
    ("samples_per_second", "Sampling speed", "higher"), ("peak_memory_bytes", "Peak memory", "lower"),
    ("flops_per_image", "Work per image", "lower"), ("sampler_seconds", "Sampler fit", "lower"),
]  # fmt: skip
_WITH_FLOOR = ("frechet", "kid", "precision", "recall", "coverage")


def _fields(name: str, place: int) -> dict[str, Any]:
    ranks = {"frechet": 1, "kid": 2}.get(name)
    floor = f"floor_{name}" if name in _WITH_FLOOR else None
    target = 1.0 if name == "sharpness" else None
    return {"section": "leaderboard", "place": place, "ranks": ranks, "floor": floor, "target": target}


_ALL = [
    *(_metric(name, label, better, **_fields(name, 1 + k)) for k, (name, label, better) in enumerate(_LEADERBOARD)),
    *(
        _metric(name, label, better, section="cost", place=k + 1 if k < 3 else 0)
        for k, (name, label, better) in enumerate(_COSTS)
    ),
    _metric("copying", "Copying", "towards", target=0.5),
    _metric("diversity", "Diversity", "towards", target=1.0),
    _metric("kl_nats", "KL"),
    _metric("active_units", "Active units"),
    _metric("missing_classes", "Missing classes", "lower"),
    _metric("floor_frechet", "Fréchet distance, real against real", section="floor"),
    _metric("floor_kid", "KID, real against real", section="floor"),
    _metric("prior_frechet", "Fréchet distance from the prior", "lower", section="latents"),
    _metric("prior_kid", "KID from the prior", "lower", section="latents"),
    _metric("reconstruction_frechet", "Fréchet distance of reconstructions", "lower", section="latents"),
    _metric("reconstruction_kid", "KID of reconstructions", "lower", section="latents"),
    _metric("seed_spread", "Spread over seeds", "lower", section="steadiness"),
    _metric("snapshot_spread", "Spread over snapshots", "lower", section="steadiness"),
    _metric("failed_seeds", "Failed seeds", "lower", section="steadiness"),
]
METRICS = {metric.name: metric for metric in _ALL}
