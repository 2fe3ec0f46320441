"""Features of a conditional model's samples against real images, class by class."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor
from typing_extensions import override

from paribus.base.cache import cache_folder
from paribus.base.registry import measures
from paribus.data import ImageData
from paribus.evaluation.context import Context
from paribus.evaluation.encoding import choice, reference
from paribus.evaluation.measures.base import Measure, with_floors
from paribus.evaluation.measures.distances import floor_protocol
from paribus.metrics.distances import class_counts, frechet_within_classes
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import Estimate
from paribus.metrics.reference import cached_scores, reference_key
from paribus.results.metric import Metric
from paribus.results.protocol import Protocol
from paribus.results.score import Fact, Score

LEAST_PER_FEATURE = 2
"""Fewer images of a class for each feature say too little to be shown unasked."""

FRECHET_WITHIN_CLASSES = Metric(
    name="frechet_within_classes",
    label="Fréchet distance within classes",
    unit="squared feature units",
    direction="lower",
    meaning="Mean over classes of the Fréchet distance between real images of a class and a conditional model's "
    "samples that were asked for it (intra-class FID): sees ignored classes and too little variety within one.",
    comparable="Comparable only when encoder, reference split, number of samples of each class and resolution agree.",
    unseen="Copies.",
)
NAME = FRECHET_WITHIN_CLASSES.name


@measures.register("within_classes")
class WithinClasses(Measure):
    """The Fréchet distance within the classes that a conditional model is asked for."""

    metrics = with_floors((FRECHET_WITHIN_CLASSES,))
    order = 20
    refused = ("not_conditional", "needs_class_labels")

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        data, asked = context.data, context.labels
        assert data is not None and asked is not None
        n = min(context.n, len(data.train))
        for encoder, fake in zip(context.encoders, context.features, strict=True):
            context.progress("scoring within classes", 0, 1)
            if context.wants(NAME):
                yield from _score(context, data, encoder, NAME, fake.features, asked, context.protocol)
            if context.wants(f"floor_{NAME}") and data.train.labels is not None:
                rows, labels = reference(encoder, data, "train", n), data.train.labels[choice(len(data.train), n)]
                name, protocol = f"floor_{NAME}", floor_protocol(data, n)
                yield from _score(context, data, encoder, name, rows.features, labels, protocol)


def _score(
    context: Context,
    data: ImageData,
    encoder: Encoder,
    metric: str,
    rows: Tensor,
    labels: Tensor,
    protocol: Protocol,
) -> Iterator[Score]:
    """The score of rows (n, d) of classes (n,); left out where a class has too few, unless it was named."""
    assert data.test.labels is not None
    n = len(rows)
    real, real_labels = context.real(encoder, n).features, data.test.labels[choice(len(data.test), n)]
    least, needed = int(class_counts(real_labels, labels).min()), LEAST_PER_FEATURE * encoder.dimensions
    if least < needed and not context.named:
        return

    def compute() -> dict[str, Estimate]:
        return {NAME: frechet_within_classes(real, real_labels, rows, labels)}

    if protocol.stands_in:  # once a data set
        key = reference_key(data.fingerprint, "train against test", encoder.id, n, NAME)
        found = cached_scores(compute, key, cache_folder())
    else:
        found = compute()
    figures = {"least": least, "features": encoder.dimensions, "needed": needed}
    yield context.score(
        metric,
        found[NAME],
        protocol.model_copy(update={"least_per_class": least}),
        n=n,
        encoder=encoder,
        warning=Fact(code="too_few_of_a_class", figures=figures) if least < needed else None,
    )
