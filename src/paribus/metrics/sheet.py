"""The form of a score: what a comparison needs to know of a number, beside the number."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from paribus.metrics.estimates import Estimate


@dataclass
class Sheet:
    """The scores of one subject, as they are added."""

    wanted: tuple[str, ...]
    named: bool  # the user named them: say of each why it is missing
    weights: str
    reference: str = "test"  # the split whose images stand in the place of the test images
    entries: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        metric: str,
        score: Estimate | float | None,
        *,
        protocol: str,
        n: int | None = None,
        encoder: str | None = None,
        split: str | None = "test",
        warning: str | None = None,
    ) -> None:
        """Adds a score, if it is wanted."""
        if metric not in self.wanted:
            return
        value, error = score if isinstance(score, Estimate) else (score, None)
        if value is not None and not math.isfinite(value):
            value, error, warning = None, None, warning or "the value is not finite"
        entry: dict[str, Any] = {"metric": metric, "value": value, "error": _finite(error), "n": n, "encoder": encoder}
        entry |= {"split": self.reference if split == "test" else split, "protocol": protocol, "weights": self.weights}
        self.entries.append(entry | ({"warning": warning} if warning else {}))

    def finished(self) -> list[dict[str, Any]]:
        """All scores; metrics that the user named and that don't apply are there without a value."""
        missing = [name for name in self.wanted if name not in {entry["metric"] for entry in self.entries}]
        for name in missing if self.named else []:
            self.add(name, None, protocol="", split=None, warning=_why_missing(name))
        return self.entries


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _why_missing(metric: str) -> str:
    if metric in ("train_seconds", "sampler_seconds", "images_seen", "peak_memory_bytes", "flops_per_image"):
        return "counted during training: see the run's done.json"
    if metric == "inception_score":
        return "needs inception-2048 with its last layer; 'classifier_score' is by the data's own classifier"
    if metric == "class_agreement":
        return "the model is not conditional, or the encoder is not 'classifier'"
    if metric in ("frechet_within_classes", "floor_frechet_within_classes"):
        return "the model is not conditional"
    if metric in ("classifier_score", "mode_score", "class_divergence", "missing_classes", "modes_found"):
        return "needs the encoder 'classifier', which needs labelled data"
    if metric in ("elbo", "reconstruction_nats", "kl_nats", "active_units"):
        return "the model has no likelihood"
    if metric == "iwae":
        return "the model is not trained by a bound with a posterior of known density, as VAEs are"
    if metric == "smoothness":
        return "needs a model whose prior is a standard normal distribution"
    if metric.startswith("prior_"):
        return "the model's latents come from the prior already"
    if metric in ("mse", "psnr", "ssim", "feature_distance") or metric.startswith("reconstruction_"):
        return "the model reconstructs no images"
    if metric.startswith("inversion_"):
        return "needs a model: there is no decoder behind these images"
    if metric in ("seed_spread", "snapshot_spread", "failed_seeds"):
        return "measured over a study's runs: see its results.json"
    if metric in ("copying", "authenticity", "floor_copying", "floor_authenticity"):
        return "needs a data set with training images (and validation images, for what real ones score)"
    return "does not apply here"
