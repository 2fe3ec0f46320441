"""Features of generated images against those of real ones, and against what real ones score in their place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

from torch import Tensor
from typing_extensions import override

from paribus.base.cache import cache_folder
from paribus.base.registry import measures
from paribus.data import ImageData
from paribus.evaluation.context import Context
from paribus.evaluation.encoding import counted, encoded_by, reference
from paribus.evaluation.measures.base import SAME_VIEW, Measure, with_floors
from paribus.evaluation.protocols import chosen, form_of
from paribus.metrics.distances import (
    SMALLEST_PER_FEATURE,
    diversity,
    frechet_estimate,
    frechet_infinity,
    kernel_distance,
)
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import Estimate
from paribus.metrics.neighbours import precision_recall_density_coverage
from paribus.metrics.reference import cached_scores, reference_key
from paribus.metrics.transport import monge_inception_distance
from paribus.results.metric import Metric
from paribus.results.protocol import Protocol
from paribus.results.score import Fact, Score

LEAST_ROWS = 10
"""Fewer rows are not compared at all."""
LEAST_PER_FEATURE = {"frechet": 2, "frechet_infinity": 2 * SMALLEST_PER_FEATURE}
"""Fewer samples a feature say too little to be shown unasked."""
COLLAPSED_BELOW = 0.05
"""Of `coverage`."""

_metric = partial(Metric, comparable=SAME_VIEW)

FRECHET = _metric(
    name="frechet",
    label="Fréchet distance",
    unit="squared feature units",
    direction="lower",
    meaning="Distance between Gaussians fitted to the features of real images and of samples (the FID's formula).",
    unseen="Anything beyond mean and covariance; copies.",
    section="leaderboard",
    place=1,
    ranks=1,
)
KID = _metric(
    name="kid",
    label="KID",
    direction="lower",
    meaning="Squared maximum mean discrepancy with a cubic kernel between features of real images and of samples; "
    "unbiased, near 0 (or just below) for a perfect model.",
    comparable="Comparable only when encoder, reference split and resolution agree.",
    unseen="Copies.",
    section="leaderboard",
    place=2,
    ranks=2,
)
COMPARING = (
    FRECHET,
    _metric(
        name="frechet_infinity",
        label="Fréchet distance, n → ∞",
        unit="squared feature units",
        direction="lower",
        meaning="Fréchet distance extrapolated to infinitely many samples, linearly in 1/n: without the bias of their "
        "number.",
        unseen="Anything beyond mean and covariance; copies.",
    ),
    KID,
    _metric(
        name="mind",
        label="MIND",
        unit="squared feature units",
        direction="lower",
        meaning="Squared sliced Wasserstein distance between the features of real images and of samples, over 1,000 "
        "random directions: it sees whole distributions, not means and covariances alone.",
        unseen="Copies.",
    ),
    _metric(
        name="precision",
        label="Precision",
        direction="higher",
        meaning="Share of samples that lie where real images are: how real they look.",
        unseen="Missing classes; corruptions that make images more alike.",
        section="leaderboard",
        place=3,
    ),
    _metric(
        name="recall",
        label="Recall",
        direction="higher",
        meaning="Share of real images that lie where samples are: how much of the data the model reaches.",
        unseen="How good the rest of the samples is.",
        section="leaderboard",
        place=4,
    ),
    _metric(
        name="density",
        label="Density",
        direction="higher",
        meaning="How many real images' neighbourhoods a sample lies in, over k: precision that outliers cannot "
        "inflate.",
        unseen="Missing classes; corruptions that make images more alike.",
    ),
    _metric(
        name="coverage",
        label="Coverage",
        direction="higher",
        meaning="Share of real images with a sample in their neighbourhood: recall that outliers cannot inflate.",
        unseen="How good the rest of the samples is.",
        section="leaderboard",
        place=5,
    ),
    _metric(
        name="diversity",
        label="Diversity",
        unit="× real images",
        direction="towards",
        target=1.0,
        meaning="Mean distance of two samples in the encoder's features over that of two real images: below 1 samples "
        "are too alike, above 1 there are outliers or noise.",
        comparable="Comparable only when encoder, reference split and resolution agree.",
        unseen="Where samples are.",
    ),
)
DISTANCES = tuple(metric.name for metric in COMPARING)
COMPARISONS: dict[str, Callable[[Tensor, Tensor], Estimate]] = {
    "frechet": frechet_estimate,
    "frechet_infinity": frechet_infinity,
    "kid": kernel_distance,
    "mind": monge_inception_distance,
    "diversity": diversity,
}
NEIGHBOURS = ("precision", "recall", "density", "coverage")
"""Those that are found together."""


@measures.register("distances")
class Distances(Measure):
    """Distances between the features of samples and those of real images, and their floors."""

    metrics = with_floors(COMPARING)
    order = 10

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        for encoder, fake in zip(context.encoders, context.features, strict=True):
            real = context.real(encoder)
            context.progress("scoring", 0, 1)
            find = partial(distances, real.features, fake.features)
            yield from distance_scores(context, encoder, len(fake.features), find, context.protocol)
            if context.data is not None:
                yield from _floors(context, context.data, encoder)


def distances(real: Tensor, fake: Tensor, wanted: tuple[str, ...]) -> dict[str, Estimate]:
    """The wanted ones of the metrics that compare features (n, d) of real images with features (m, d) of samples."""
    found = {name: compare(real, fake) for name, compare in COMPARISONS.items() if name in wanted}
    if set(NEIGHBOURS) & set(wanted):
        shares = precision_recall_density_coverage(real, fake)
        found |= {name: Estimate(value, math.nan) for name, value in shares.items() if name in wanted}
    return found


def distance_scores(
    context: Context,
    encoder: Encoder,
    n: int,
    find: Callable[[tuple[str, ...]], dict[str, Estimate]],
    protocol: Protocol,
    prefix: str = "",
) -> Iterator[Score]:
    """What `find` gives for the distances that are wanted under `prefix` and can be shown at this n."""

    def is_hidden(metric: str) -> bool:
        return n < LEAST_PER_FEATURE.get(metric, 0) * encoder.dimensions

    wanted = tuple(metric for metric in DISTANCES if context.wants(prefix + metric))
    if not context.named and is_hidden("frechet_infinity"):  # a second view of the Fréchet distance: not worth a remark
        wanted = tuple(metric for metric in wanted if metric != "frechet_infinity")
    shown = tuple(metric for metric in wanted if n >= LEAST_ROWS and (context.named or not is_hidden(metric)))
    found = find(shown) if shown else {}
    for metric in wanted:
        warning = _warning(metric, found.get(metric), n, encoder.dimensions)
        yield context.score(prefix + metric, found.get(metric), protocol, n=n, encoder=encoder, warning=warning)


def _warning(metric: str, found: Estimate | None, n: int, dimensions: int) -> Fact | None:
    """What is to be said of a distance."""
    if n < LEAST_ROWS:
        return Fact(code="too_few_images", figures={"n": n, "least": LEAST_ROWS})
    least = LEAST_PER_FEATURE.get(metric, 0) * dimensions
    if n < least:
        return Fact(code="too_few_samples", figures={"n": n, "features": dimensions, "least": least})
    if metric == "coverage" and found is not None and found.value < COLLAPSED_BELOW:
        return Fact(code="low_coverage", figures={"coverage": found.value})
    return None


def _floors(context: Context, data: ImageData, encoder: Encoder) -> Iterator[Score]:
    """What training images score in the samples' place, at the same n and with the same encoder: once a data set."""
    n = min(context.n, len(data.train))

    def compute(wanted: tuple[str, ...]) -> dict[str, Estimate]:
        context.progress("scoring real images against real images", 0, 1)
        train = reference(encoder, data, "train", n, context.progress)
        return distances(context.real(encoder, n).features, train.features, wanted)

    def floors(wanted: tuple[str, ...]) -> dict[str, Estimate]:
        key = reference_key(data.fingerprint, "train against test", encoder.id, n, *wanted)
        return cached_scores(lambda: compute(wanted), key, cache_folder())

    yield from distance_scores(context, encoder, n, floors, floor_protocol(data, n), prefix="floor_")


def floor_protocol(data: ImageData, n: int) -> Protocol:
    """N training images in the samples' place against as many test images."""
    return Protocol(
        images=chosen(n, data.train, "train"),
        reference=chosen(n, data.test),
        form=form_of(data.test.images),
        stands_in=True,
    )


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
    refused = ("draws_from_prior_already",)

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        assert context.model is not None
        n, plain = context.n, context.model.with_prior()
        samples = plain.sample_batches(n, labels=context.labels, seed=context.seed)
        passing = counted(samples, n, "generating samples from the prior", context.progress)
        for encoder, fake in zip(context.encoders, encoded_by(context.encoders, passing, n), strict=True):
            find = partial(distances, context.real(encoder).features, fake.features)
            yield from distance_scores(context, encoder, n, find, context.protocol, prefix="prior_")
