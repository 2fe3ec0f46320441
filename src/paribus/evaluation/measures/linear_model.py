"""What the simplest model of pixels scores: an upper mark beside the floor, that samples have to be below."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from paribus.base.cache import cache_folder
from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.encoding import encoded
from paribus.evaluation.measures.base import SAME_VIEW, Measure
from paribus.evaluation.measures.distances import LEAST_ROWS, distances
from paribus.evaluation.protocols import chosen, form_of
from paribus.metrics.estimates import Estimate
from paribus.metrics.linear_model import linear_model_images
from paribus.metrics.reference import cached_scores, reference_key
from paribus.results.metric import Metric
from paribus.results.protocol import ImageSet, Protocol
from paribus.results.score import Fact, Score

NAME = "linear_kid"


@measures.register("linear_model")
class LinearModel(Measure):
    """The KID of draws from a normal distribution of pixels, through the first encoder."""

    metrics = (
        Metric(
            name=NAME,
            label="KID of a linear model",
            direction="none",
            meaning="What draws from a normal distribution with the training images' mean and covariance score in the "
            "samples' place: samples that are not surely nearer show nothing of the data but that.",
            comparable=SAME_VIEW,
        ),
    )
    order = 11
    refused = ("needs_training_images",)

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        data, encoder = context.data, context.encoders[0]
        assert data is not None
        n = len(context.features[0].features)
        if n < LEAST_ROWS:
            yield context.score(NAME, None, n=n, encoder=encoder, warning=_few(n))
            return

        def compute() -> dict[str, Estimate]:
            context.progress("scoring a linear model", 0, 1)
            images = linear_model_images(data.train.images, n)
            drawn = encoded(encoder, images.split(500), n).features
            return distances(context.real(encoder).features, drawn, ("kid",))

        key = reference_key(data.fingerprint, "linear model against test", encoder.id, n)
        found = cached_scores(compute, key, cache_folder())
        protocol = Protocol(
            images=ImageSet(origin="linear_model", count=n),
            reference=chosen(n, data.test),
            form=form_of(data.test.images),
            stands_in=True,
        )
        yield context.score(NAME, found["kid"], protocol, n=n, encoder=encoder)


def _few(n: int) -> Fact:
    return Fact(code="too_few_images", figures={"n": n, "least": LEAST_ROWS})
