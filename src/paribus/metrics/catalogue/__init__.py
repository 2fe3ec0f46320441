"""What each metric means: one table for `paribus list metrics`, the report's tooltips and the evaluation's checks.

Imports nothing heavy.
"""

from __future__ import annotations

from paribus.metrics.catalogue.classes import CLASSES
from paribus.metrics.catalogue.entry import Metric
from paribus.metrics.catalogue.images import IMAGES, INVERSION, SHARPNESS, SHARPNESS_OF
from paribus.metrics.catalogue.runs import COST, STEADINESS
from paribus.metrics.catalogue.samples import FLOORED, FLOORS, LATENT_SOURCES, MEMORIZATION, RARITY, SAMPLES

__all__ = [
    "ALIASES",
    "DEFAULT",
    "FLOORED",
    "INVERSION",
    "MEMORIZATION",
    "METRICS",
    "RARITY",
    "SHARPNESS",
    "UNASKED",
    "Metric",
]

METRICS: dict[str, Metric] = (
    SAMPLES | RARITY | CLASSES | IMAGES | INVERSION | COST | STEADINESS | SHARPNESS_OF | FLOORS | LATENT_SOURCES
)

ALIASES = {"histogram_kl": "class_divergence"}
"""Other names that a metric may be asked for by."""

UNASKED = tuple(name for name in METRICS if name not in (*INVERSION, *RARITY))
"""What is measured where no metric is named; the others cost more, or say something only beside another model."""

DEFAULT = "default"
"""Stands in a list of metrics for `UNASKED`."""
