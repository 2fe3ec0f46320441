"""What samples from the prior score, beside those of a sampler that was fitted after training."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.encoding import counted, encoded_by
from paribus.evaluation.measures.base import Measure
from paribus.evaluation.measures.distances import FRECHET, KID, distance_scores, distances
from paribus.results.metric import Metric
from paribus.results.score import Fact, Score


def from_elsewhere(metric: Metric, source: str, where: str, what: str) -> Metric:
    """A distance of images from another source than the samples: it tells a weak decoder from latents it never saw."""
    return Metric(
        name=f"{source}_{metric.name}",
        label=f"{metric.label} {where}",
        unit=metric.unit,
        direction="lower",
        meaning=f"{metric.label} {what}.",
        comparable=metric.comparable,
        section="latents",
    )


@measures.register("prior")
class FromPrior(Measure):
    """Distances of samples whose latents come from the prior."""

    metrics = tuple(
        from_elsewhere(
            metric,
            "prior",
            "from the prior",
            "of samples whose latents come from the prior, beside those of a sampler that was fitted after training",
        )
        for metric in (FRECHET, KID)
    )
    order = 75

    @override
    def lacks(self, context: Context) -> Fact | None:
        fitted = context.model is not None and context.model.sampler_words is not None
        return None if fitted else Fact(code="draws_from_prior_already")

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        assert context.model is not None
        n, plain = context.n, context.model.with_prior()
        samples = plain.sample_batches(n, seed=context.seed)
        passing = counted(samples, n, "generating samples from the prior", context.progress)
        for encoder, fake in zip(context.encoders, encoded_by(context.encoders, passing, n), strict=True):
            find = partial(distances, context.real(encoder).features, fake.features)
            yield from distance_scores(context, encoder, n, find, context.protocol, prefix="prior_")
