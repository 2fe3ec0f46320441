"""Features of a conditional model's samples against real images, class by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from paribus.base.cache import cache_folder
from paribus.evaluation.encoding import Progress, choice, reference
from paribus.evaluation.protocols import chosen, encoder_record, form_of
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import Estimate
from paribus.metrics.reference import cached_scores, reference_key
from paribus.metrics.scoring import LEAST_PER_FEATURE, is_hidden
from paribus.metrics.sheet import Sheet
from paribus.metrics.within_classes import class_counts, frechet_within_classes
from paribus.results.protocol import Protocol
from paribus.results.score import Fact

if TYPE_CHECKING:
    from paribus.data import ImageData

METRIC = "frechet_within_classes"


def score_within_classes(
    sheet: Sheet, encoder: Encoder, data: ImageData, fake: Tensor, asked: Tensor, protocol: Protocol, progress: Progress
) -> None:
    """Adds the distance within classes of samples' features (n, d) that were asked for classes (n,), and its floor."""
    progress("scoring within classes", 0, 1)
    if METRIC in sheet.wanted:
        _add(sheet, METRIC, encoder, data, fake, asked, protocol)
    if f"floor_{METRIC}" in sheet.wanted and data.train.labels is not None:
        n = min(len(fake), len(data.train))
        others, labels = reference(encoder, data, "train", n).features, data.train.labels[choice(len(data.train), n)]
        real = Protocol(
            images=chosen(n, data.train, "train"),
            reference=chosen(n, data.test),
            form=form_of(data.test.images),
            stands_in=True,
        )
        _add(sheet, f"floor_{METRIC}", encoder, data, others, labels, real, cached=True)


def _add(
    sheet: Sheet,
    metric: str,
    encoder: Encoder,
    data: ImageData,
    rows: Tensor,
    labels: Tensor,
    protocol: Protocol,
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
    figures = {"least": least, "features": encoder.dimensions, "needed": needed}
    warning = Fact(code="too_few_of_a_class", figures=figures) if few else None
    whole = protocol.model_copy(update={"least_per_class": least})
    sheet.add(metric, score[METRIC], n=n, encoder=encoder_record(encoder), protocol=whole, warning=warning)
