"""Features of a conditional model's samples against real images, class by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from paribus.base.cache import cache_folder
from paribus.evaluation.encoding import Progress, choice, reference
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import Estimate
from paribus.metrics.reference import cached_scores, reference_key
from paribus.metrics.scoring import LEAST_PER_FEATURE, is_hidden
from paribus.metrics.sheet import Sheet
from paribus.metrics.within_classes import class_counts, frechet_within_classes

if TYPE_CHECKING:
    from paribus.data import ImageData

METRIC = "frechet_within_classes"


def score_within_classes(
    sheet: Sheet, encoder: Encoder, data: ImageData, fake: Tensor, asked: Tensor, protocol: str, progress: Progress
) -> None:
    """Adds the distance within classes of samples' features (n, d) that were asked for classes (n,), and its floor."""
    progress("scoring within classes", 0, 1)
    if METRIC in sheet.wanted:
        _add(sheet, METRIC, encoder, data, fake, asked, protocol)
    if f"floor_{METRIC}" in sheet.wanted and data.train.labels is not None:
        n = min(len(fake), len(data.train))
        others, labels = reference(encoder, data, "train", n).features, data.train.labels[choice(len(data.train), n)]
        words = f"{n:,} training images in the samples' place against {n:,} of {data.test.name or 'test'}"
        _add(sheet, f"floor_{METRIC}", encoder, data, others, labels, words, cached=True)


def _add(
    sheet: Sheet,
    metric: str,
    encoder: Encoder,
    data: ImageData,
    rows: Tensor,
    labels: Tensor,
    protocol: str,
    *,
    cached: bool = False,
) -> None:
    """Adds `metric` of rows (n, d) of classes (n,); left out where a class has too few, unless it was named."""
    if data.test.labels is None:
        return
    n = len(rows)
    real, real_labels = reference(encoder, data, "test", n).features, data.test.labels[choice(len(data.test), n)]
    least = int(class_counts(real_labels, labels).min())
    few = is_hidden(METRIC, least, encoder.dimensions)
    if few and not sheet.named:
        return

    def compute() -> dict[str, Estimate]:
        return {METRIC: frechet_within_classes(real, real_labels, rows, labels)}

    if cached:
        key = reference_key(data.fingerprint, "train against test", encoder.id, n, METRIC)
        score = cached_scores(compute, key, cache_folder())
    else:
        score = compute()
    needed = LEAST_PER_FEATURE[METRIC] * encoder.dimensions
    warning = f"too few images of a class: {least:,} for {encoder.dimensions} features, at least {needed:,} are needed"
    whole = f"{protocol}; at least {least:,} of each class"
    sheet.add(metric, score[METRIC], n=n, encoder=encoder.id, protocol=whole, warning=warning if few else None)
