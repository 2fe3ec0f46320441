"""The Inception Score, through Inception with its last layer and through no other classifier."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.measures.base import Measure
from paribus.metrics.classes import classifier_score
from paribus.metrics.inception import InceptionEncoder
from paribus.results.metric import Metric
from paribus.results.score import Fact, Score


@measures.register("inception_score")
class InceptionScore(Measure):
    """The classifier score of Inception's 1,008 outputs."""

    metrics = (
        Metric(
            name="inception_score",
            label="Inception Score",
            direction="higher",
            meaning="Whether Inception is sure of each sample and finds many classes among them; it never looks at "
            "real images.",
            comparable="Comparable only when the Inception weights agree and the numbers of samples are near each "
            "other.",
            unseen="Whether samples are like the data; copies.",
            section="leaderboard",
            place=9,
        ),
    )
    order = 50

    @override
    def lacks(self, context: Context) -> Fact | None:
        known = any(isinstance(encoder, InceptionEncoder) and encoder.has_classes for encoder in context.encoders)
        return None if known else Fact(code="needs_inception_classes")

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        for encoder, fake in zip(context.encoders, context.features, strict=True):
            if isinstance(encoder, InceptionEncoder) and encoder.has_classes:
                found = classifier_score(encoder.logits_of(fake.features).double().softmax(1))
                alone = context.protocol.model_copy(update={"reference": None})
                yield context.score("inception_score", found, n=len(fake.features), encoder=encoder, protocol=alone)
