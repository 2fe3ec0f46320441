"""The scores of one subject, as they are added."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from paribus.metrics.estimates import Estimate
from paribus.results.protocol import Protocol
from paribus.results.score import EncoderRecord, Fact, Score


@dataclass
class Sheet:
    """The scores of one subject, as they are added."""

    wanted: tuple[str, ...]
    named: bool  # the user named them: say of each why it is missing
    weights: Literal["last", "best", "snapshot"]
    reference: str = "test"  # the split whose images stand in the place of the test images
    entries: list[Score] = field(default_factory=list)

    def add(
        self,
        metric: str,
        score: Estimate | float | None,
        *,
        protocol: Protocol,
        n: int | None = None,
        encoder: EncoderRecord | None = None,
        split: str | None = "test",
        warning: Fact | None = None,
    ) -> None:
        """Adds a score, if it is wanted."""
        if metric not in self.wanted:
            return
        value, error = score if isinstance(score, Estimate) else (score, None)
        added = Score.of(
            metric,
            value,
            error,
            n=n,
            encoder=encoder,
            split=self.reference if split == "test" else split,
            weights=self.weights,
            protocol=protocol,
            warnings=(warning,) if warning else (),
        )
        self.entries.append(added)

    def finished(self) -> list[Score]:
        """All scores; metrics that the user named and that don't apply are there without a value."""
        missing = [name for name in self.wanted if name not in {entry.metric for entry in self.entries}]
        for name in missing if self.named else []:
            self.add(name, None, protocol=Protocol(), split=None, warning=Fact(code=_why_missing(name)))
        return self.entries


def _why_missing(metric: str) -> str:
    if metric in ("train_seconds", "sampler_seconds", "images_seen", "peak_memory_bytes", "flops_per_image"):
        return "counted_in_training"
    if metric == "inception_score":
        return "needs_inception_classes"
    if metric == "class_agreement":
        return "not_conditional"
    if metric in ("frechet_within_classes", "floor_frechet_within_classes"):
        return "not_conditional"
    if metric in ("classifier_score", "mode_score", "class_divergence", "missing_classes", "modes_found"):
        return "needs_classifier"
    if metric in ("elbo", "reconstruction_nats", "kl_nats", "active_units"):
        return "no_likelihood"
    if metric == "iwae":
        return "no_known_density"
    if metric == "smoothness":
        return "prior_not_normal"
    if metric.startswith("prior_"):
        return "draws_from_prior_already"
    if metric in ("mse", "psnr", "ssim", "feature_distance") or metric.startswith("reconstruction_"):
        return "no_encoder"
    if metric.startswith("inversion_"):
        return "no_decoder"
    if metric in ("seed_spread", "snapshot_spread", "failed_seeds"):
        return "measured_over_a_study"
    if metric in ("copying", "authenticity", "floor_copying", "floor_authenticity"):
        return "needs_training_images"
    return "does_not_apply"
