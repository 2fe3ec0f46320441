"""What each metric means: one table for `paribus list metrics`, the report's tooltips and the evaluation's checks.

Imports nothing heavy.
"""

from __future__ import annotations

from paribus.metrics.catalogue.classes import CLASSES
from paribus.metrics.catalogue.entry import Metric
from paribus.metrics.catalogue.images import IMAGES, INVERSION, SHARPNESS, SHARPNESS_OF
from paribus.metrics.catalogue.runs import COST, STEADINESS
from paribus.metrics.catalogue.samples import FLOORED, FLOORS, LATENT_SOURCES, MEMORIZATION, SAMPLES

__all__ = ["ALIASES", "DEFAULT", "FLOORED", "INVERSION", "MEMORIZATION", "METRICS", "SHARPNESS", "Metric"]

METRICS: dict[str, Metric] = (
    SAMPLES | CLASSES | IMAGES | INVERSION | COST | STEADINESS | SHARPNESS_OF | FLOORS | LATENT_SOURCES
)

ALIASES = {"histogram_kl": "class_divergence"}
"""Other names that a metric may be asked for by."""

DEFAULT = "default"
"""Stands in a list of metrics for all but those of inversion, which are measured only where they are named."""
