"""What a model trades when its latents are drawn from the middle of the prior: fidelity for variety."""

from __future__ import annotations

import math

import torch

from paribus.base.errors import ParibusError
from paribus.base.randomness import generator
from paribus.evaluation.encoders import main_encoder
from paribus.evaluation.encoding import counted, encoded, reference
from paribus.evaluation.protocols import asked_labels
from paribus.latent.geometry import truncated_normal
from paribus.metrics.distances import frechet_distance
from paribus.metrics.neighbours import precision_recall_density_coverage
from paribus.views.drawing import above, beside, line_panel, tile_sheet
from paribus.views.subject import Subject
from paribus.views.view import Still, View

BOUNDS = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, math.inf)
"""Deviations beyond which nothing is drawn; the last one is the prior itself."""
METRICS = ("frechet", "precision", "recall")
SHOWN = 10


def truncation(subject: Subject, *, count: int = 2000) -> View:
    """Scores and samples by where the prior is cut off.

    Args:
        subject: The model.
        count: Samples for each bound, at most as many as there are test images.

    Raises:
        ParibusError: The prior is not normal.
    """
    model, settings = subject.model, subject.model.config.evaluation
    if not model.prior_is_normal:
        raise ParibusError(
            "Only a normal prior is truncated.",
            where="paribus latent RUN truncation",
            got=f"objective '{model.objective.name}' with another prior",
        )
    encoder = main_encoder(subject.data, settings, subject.progress)
    n = min(count, len(subject.data.test))
    real = reference(encoder, subject.data, "test", n, subject.progress).features
    labels, rows = asked_labels(model.classes, subject.data, n)[1], []
    found: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for bound in BOUNDS:
        z = truncated_normal(n, model.objective.latent_dim, bound, generator("truncation", subject.seed))
        images = subject.decode(z, labels)
        stage = f"encoding samples within {_words(bound)}"
        fake = encoded(encoder, counted(images.split(500), n, stage, subject.progress), n).features
        scores = precision_recall_density_coverage(real, fake) | {"frechet": frechet_distance(real, fake)}
        for metric, values in found.items():
            values.append(scores[metric])
        rows.append(images[:SHOWN])
    names = [_words(bound) for bound in BOUNDS]
    charts = [
        # Pillow's own font has no accents
        line_panel(names, {"Frechet distance": found["frechet"]}, "how far samples are from real images"),
        line_panel(names, {metric: found[metric] for metric in METRICS[1:]}, "how real, and how varied"),
    ]
    lines = (
        f"Truncation: latents from the prior without what lies beyond so many deviations (a row each; the last has all "
        f"of it). {n:,} samples for each against as many test images, encoder {encoder.id}.",
        "In a column the latents are at the same places of their distributions.",
    )
    picture = above([tile_sheet(torch.stack(rows), names), beside(charts, 2)])
    bounds = [bound if math.isfinite(bound) else None for bound in BOUNDS]
    numbers = {"encoder": encoder.id, "n": n, "bounds": bounds} | found
    return View(Still(picture), subject.title, lines, numbers)


def _words(bound: float) -> str:
    return f"{bound:g}" if math.isfinite(bound) else "all"
