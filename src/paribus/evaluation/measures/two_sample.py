"""The classifier two-sample test of samples against real images."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.measures.base import SAME_VIEW, Measure
from paribus.metrics.two_sample import two_sample_accuracy
from paribus.results.metric import Metric
from paribus.results.score import Fact, Score

LEAST_IMAGES = 20
"""Fewer teach no classifier anything."""


@measures.register("two_sample")
class TwoSampleTest(Measure):
    """Whether a classifier tells samples from real images, through the first encoder."""

    metrics = (
        Metric(
            name="two_sample_accuracy",
            label="Told apart",
            direction="towards",
            target=0.5,
            meaning="Share of held-out samples and real images that a small classifier on the encoder's features tells "
            "apart (classifier two-sample test): 0.5 is chance, 1 is told apart always.",
            comparable=SAME_VIEW,
            unseen="Copies; by how much samples differ once all are told apart.",
        ),
    )
    order = 12

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        encoder, fake = context.encoders[0], context.features[0].features
        real = context.real(encoder).features
        n, found, warning = min(len(real), len(fake)), None, None
        if n < LEAST_IMAGES:
            warning = Fact(code="too_few_images", figures={"n": n, "least": LEAST_IMAGES})
        else:
            context.progress("telling samples from real images", 0, 1)
            found = two_sample_accuracy(real, fake)
        yield context.score(
            "two_sample_accuracy",
            found,
            n=n,
            encoder=encoder,
            split=context.split,
            protocol=context.protocol,
            warning=warning,
        )
