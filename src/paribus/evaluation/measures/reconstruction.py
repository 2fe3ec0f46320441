"""How near models with an encoder come to test images: errors, sharpness and distances of reconstructions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from torch import Tensor
from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.encoding import batches, encoded_by
from paribus.evaluation.measures.base import SAME_IMAGES, Measure
from paribus.evaluation.measures.distances import FRECHET, KID, distance_scores, distances
from paribus.evaluation.measures.prior import from_elsewhere
from paribus.evaluation.measures.sharpness import (
    MEASURED_AT_ONCE,
    SHARPNESS,
    is_too_small,
    ratio_metrics,
    ratio_scores,
    sharpness_of,
)
from paribus.evaluation.rows import Rows
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import mean_estimate
from paribus.metrics.reconstruction import (
    feature_distance,
    peak_signal_noise_ratio,
    similarity_window,
    squared_errors,
    structural_similarities,
)
from paribus.metrics.reference import Features
from paribus.results.metric import Metric
from paribus.results.protocol import ImageSet, Protocol
from paribus.results.score import Fact, Score

ERRORS = (
    Metric(
        name="mse",
        label="Reconstruction error",
        unit="squared, white = 1",
        direction="lower",
        meaning="Mean squared error of reconstructed test images over all pixels, on the scale from 0 to 1.",
        comparable=SAME_IMAGES,
        unseen="Samples.",
        section="leaderboard",
        place=11,
    ),
    Metric(
        name="psnr",
        label="PSNR",
        unit="dB",
        direction="higher",
        meaning="Peak signal-to-noise ratio of reconstructed test images, from the mean squared error over all pixels.",
        comparable=SAME_IMAGES,
        unseen="Samples.",
    ),
    Metric(
        name="ssim",
        label="SSIM",
        direction="higher",
        meaning="Structural similarity of test images and their reconstructions, averaged over images; 1 if they were "
        "equal.",
        comparable=SAME_IMAGES,
        unseen="Samples.",
    ),
    Metric(
        name="feature_distance",
        label="Feature distance",
        unit="× two real images",
        direction="lower",
        meaning="Mean distance in the encoder's features of test images from their reconstructions, over that of two "
        "different test images: 0 is perfect, 1 no nearer than any other image.",
        comparable="Comparable only when the encoder, the images and their resolution agree.",
        unseen="Samples.",
    ),
)


@measures.register("reconstruction")
class Reconstruction(Measure):
    """Errors, sharpness and distances from the real ones of n reconstructed test images, in one pass."""

    metrics = (
        *ERRORS,
        *ratio_metrics("reconstruction_", " of reconstructions", "reconstructed test images", "the images themselves"),
        *(
            from_elsewhere(
                metric,
                "reconstruction",
                "of reconstructions",
                "of reconstructed test images from the same images (0 if they were perfect): what the decoder can do. "
                "How much worse samples are, beyond their floor, is due to their latents: the prior hole",
            )
            for metric in (FRECHET, KID)
        ),
    )
    order = 80

    @override
    def lacks(self, context: Context) -> Fact | None:
        known = context.model is not None and context.model.can_encode
        return None if known else Fact(code="no_encoder")

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        model, data, n = context.model, context.data, context.n
        assert model is not None and data is not None
        errors, kept = Errors(context, n), defaultdict[str, Rows](lambda: Rows(n))
        sharp = not is_too_small(context) and context.wants(*(f"reconstruction_{name}" for name in SHARPNESS))

        def reconstructions() -> Iterator[Tensor]:
            for images, labels, _ in batches(data.test, n, "reconstructing test images", context.progress):
                made = model.reconstruct(images, labels)
                errors.add(images, made)
                yield made
                for name, rows in sharpness_of(made).items() if sharp else ():
                    kept[name].add(rows)

        compared = context.wants("feature_distance", "reconstruction_frechet", "reconstruction_kid")
        encoders = context.encoders if compared else []
        features = encoded_by(encoders, reconstructions(), n)
        protocol = context.protocol.model_copy(
            update={
                "images": ImageSet(origin="reconstructions", count=n),
                "seed": None,
                "labels": None,
                "latents": "posterior means",
            }
        )
        yield from errors.scores(protocol)
        numbers = {name: rows.joined for name, rows in kept.items()} if sharp else None
        yield from ratio_scores(context, numbers, protocol, "reconstruction_", paired=True)
        for encoder, made in zip(encoders, features, strict=True):
            find = partial(distances, context.real(encoder).features, made.features)
            yield from distance_scores(context, encoder, n, find, protocol, prefix="reconstruction_")
            yield from feature_distance_scores(context, "feature_distance", encoder, made, protocol)


class Errors:
    """Gathers how far images are from what was made of them, under names with a prefix."""

    def __init__(self, context: Context, n: int, prefix: str = "") -> None:
        self.context, self.prefix = context, prefix
        self._squares, self._similarities = Rows(n), Rows(n)

    def add(self, images: Tensor, made: Tensor) -> None:
        """Measures images uint8 (n, C, H, W) against what was made of each."""
        for real, own in zip(images.split(MEASURED_AT_ONCE), made.split(MEASURED_AT_ONCE), strict=True):
            self._squares.add(squared_errors(real, own))
            if self.context.wants(f"{self.prefix}ssim"):
                self._similarities.add(structural_similarities(real, own))

    def scores(self, protocol: Protocol) -> Iterator[Score]:
        """MSE, PSNR and SSIM."""
        squares, form = self._squares.joined, protocol.form
        assert form is not None
        score = partial(self.context.score, n=len(squares), split=self.context.split)
        found = mean_estimate(squares)
        yield score(f"{self.prefix}mse", found, protocol=protocol)
        yield score(f"{self.prefix}psnr", peak_signal_noise_ratio(found.value), protocol=protocol)
        if self._similarities.count:
            local = protocol.model_copy(update={"window": similarity_window(form.height, form.width)})
            yield score(f"{self.prefix}ssim", mean_estimate(self._similarities.joined), protocol=local)


def feature_distance_scores(
    context: Context, metric: str, encoder: Encoder, made: Features, protocol: Protocol
) -> Iterator[Score]:
    """The distance of chosen test images from what was made of them, over that of two of the n real images."""
    if not context.wants(metric):
        return
    count = len(made.features)
    images, real = (context.real(encoder, size).features for size in (count, context.n))
    found = feature_distance(images, made.features, real)
    whole = protocol.model_copy(update={"pairs_among": context.protocol.reference})
    yield context.score(metric, found, n=count, encoder=encoder, split=context.split, protocol=whole)
