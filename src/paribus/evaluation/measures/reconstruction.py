"""How near models come to test images: by their encoder, or by descent on the latents of any decoder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor
from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.encoding import Rows, batches, choice, encoded_by
from paribus.evaluation.measures.base import SAME_IMAGES, Measure
from paribus.evaluation.measures.distances import FRECHET, KID, distance_scores, distances, from_elsewhere
from paribus.evaluation.measures.sharpness import (
    MEASURED_AT_ONCE,
    SHARPNESS,
    is_too_small,
    ratio_metrics,
    ratio_scores,
    sharpness_of,
)
from paribus.evaluation.protocols import chosen
from paribus.latent.inversion import CANDIDATES, PRIOR_WEIGHT, inverted_latents, prior_candidates
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
from paribus.results.protocol import Descent, ImageSet, Protocol
from paribus.results.score import Score

_AT_ONCE = 64  # images inverted together, so that memory does not grow with their number

_FOUND = "images that the decoder comes nearest to them with, found by gradient descent on its latents"
_ASKED = "It needs no encoder. Measured only where it is named, since it costs as much as many samples."
SAME_DESCENT = "Comparable only when the descent's steps and starts, the images and their resolution agree."
_by_inversion = partial(Metric, comparable=SAME_DESCENT, unseen="How likely those latents are.", by_default=False)
_metric = partial(Metric, comparable=SAME_IMAGES, unseen="Samples.")

ERRORS = (
    _metric(
        name="mse",
        label="Reconstruction error",
        unit="squared, white = 1",
        direction="lower",
        meaning="Mean squared error of reconstructed test images over all pixels, on the scale from 0 to 1.",
        section="leaderboard",
        place=11,
    ),
    _metric(
        name="psnr",
        label="PSNR",
        unit="dB",
        direction="higher",
        meaning="Peak signal-to-noise ratio of reconstructed test images, from the mean squared error over all pixels.",
    ),
    _metric(
        name="ssim",
        label="SSIM",
        direction="higher",
        meaning="Structural similarity of test images and their reconstructions, averaged over images; 1 if they were "
        "equal.",
    ),
    _metric(
        name="feature_distance",
        label="Feature distance",
        unit="× two real images",
        direction="lower",
        meaning="Mean distance in the encoder's features of test images from their reconstructions, over that of two "
        "different test images: 0 is perfect, 1 no nearer than any other image.",
        comparable="Comparable only when the encoder, the images and their resolution agree.",
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
    refused = ("no_encoder",)

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        model, data, n = context.model, context.data, context.n
        assert model is not None and data is not None
        errors, kept = Errors(context, n), Rows(n)
        sharp = not is_too_small(context) and context.wants(*(f"reconstruction_{name}" for name in SHARPNESS))

        def reconstructions() -> Iterator[Tensor]:
            for images, labels, _ in batches(data.test, n, "reconstructing test images", context.progress):
                made = model.reconstruct(images, labels)
                errors.add(images, made)
                yield made
                if sharp:
                    kept.add(sharpness_of(made))

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
        yield from ratio_scores(context, kept.joined if sharp else None, protocol, "reconstruction_", paired=True)
        for encoder, made in zip(encoders, features, strict=True):
            find = partial(distances, context.real(encoder).features, made.features)
            yield from distance_scores(context, encoder, n, find, protocol, prefix="reconstruction_")
            yield from feature_distance_scores(context, "feature_distance", encoder, made, protocol)


@measures.register("inversion")
class Inversion(Measure):
    """Errors and feature distance of what inversion makes of test images: one protocol for every model."""

    metrics = (
        _by_inversion(
            name="inversion_mse",
            label="Inversion error",
            unit="squared, white = 1",
            direction="lower",
            meaning=f"Mean squared error over all pixels of test images and the {_FOUND}. {_ASKED}",
            section="leaderboard",
            place=12,
        ),
        _by_inversion(
            name="inversion_psnr",
            label="PSNR by inversion",
            unit="dB",
            direction="higher",
            meaning=f"Peak signal-to-noise ratio of the {_FOUND}. {_ASKED}",
        ),
        _by_inversion(
            name="inversion_ssim",
            label="SSIM by inversion",
            direction="higher",
            meaning=f"Structural similarity of test images and the {_FOUND}. {_ASKED}",
        ),
        _by_inversion(
            name="inversion_feature_distance",
            label="Feature distance by inversion",
            unit="× two real images",
            direction="lower",
            meaning=f"Mean distance in the encoder's features of test images from the {_FOUND}, over that of two "
            f"different test images. {_ASKED}",
            comparable="Comparable only when encoder, the descent's steps and starts, the images and their resolution "
            "agree.",
        ),
    )
    order = 90
    refused = ("no_decoder",)

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        """Of at most `settings.inversion_images` of the n."""
        assert context.model is not None and context.data is not None
        settings = context.settings
        count = min(context.n, settings.inversion_images)
        errors = Errors(context, count, "inversion_")
        weight = PRIOR_WEIGHT if context.model.prior_is_normal else 0.0

        def inverted() -> Iterator[Tensor]:
            for images, made in _inverted(context, count, weight):
                errors.add(images, made)
                yield made

        encoders = context.encoders if context.wants("inversion_feature_distance") else []
        features = encoded_by(encoders, inverted(), count)
        descent = Descent(
            steps=settings.inversion_steps,
            starts=settings.inversion_starts,
            candidates=settings.inversion_starts * CANDIDATES,
            prior_weight=weight,
        )
        protocol = context.protocol.model_copy(
            update={
                "images": ImageSet(origin="inversions", count=count),
                "reference": chosen(count, context.data.test),
                "labels": None,
                "descent": descent,
            }
        )
        yield from errors.scores(protocol)
        for encoder, made in zip(encoders, features, strict=True):
            yield from feature_distance_scores(context, "inversion_feature_distance", encoder, made, protocol)


def _inverted(context: Context, count: int, weight: float) -> Iterator[tuple[Tensor, Tensor]]:
    """The chosen test images and what inversion makes of them, both uint8, a batch at a time."""
    model, data, settings = context.model, context.data, context.settings
    assert model is not None and data is not None
    starts, steps, done = settings.inversion_starts, settings.inversion_steps, 0
    candidates = prior_candidates(model.with_prior().latents, count, starts, settings.seed)
    test, places = data.test, choice(len(data.test), count)
    parts = torch.arange(count).split(_AT_ONCE)

    def step_done() -> None:
        nonlocal done
        done += 1
        context.progress("inverting test images, step", done, len(parts) * starts * steps)

    for part in parts:
        images = test.images[places[part]]
        labels = None if test.labels is None else test.labels[places[part]]
        decode = partial(model.generate, labels=labels)
        latents, _ = inverted_latents(
            decode,
            images,
            candidates[:, part],
            starts=starts,
            steps=steps,
            prior_weight=weight,
            step_done=step_done,
        )
        yield images, model.decode(latents, labels)


class Errors:
    """Gathers how far images are from what was made of them, under names with a prefix."""

    def __init__(self, context: Context, n: int, prefix: str = "") -> None:
        self.context, self.prefix = context, prefix
        self._kept = Rows(n)

    def add(self, images: Tensor, made: Tensor) -> None:
        """Measures images uint8 (n, C, H, W) against what was made of each."""
        for real, own in zip(images.split(MEASURED_AT_ONCE), made.split(MEASURED_AT_ONCE), strict=True):
            self._kept.add({"squares": squared_errors(real, own)})
            if self.context.wants(f"{self.prefix}ssim"):
                self._kept.add({"similarities": structural_similarities(real, own)})

    def scores(self, protocol: Protocol) -> Iterator[Score]:
        """MSE, PSNR and SSIM."""
        kept, form = self._kept.joined, protocol.form
        assert form is not None
        found, score = mean_estimate(kept["squares"]), partial(self.context.score, n=len(kept["squares"]))
        yield score(f"{self.prefix}mse", found, protocol)
        yield score(f"{self.prefix}psnr", peak_signal_noise_ratio(found.value), protocol)
        if "similarities" in kept:
            local = protocol.model_copy(update={"window": similarity_window(form.height, form.width)})
            yield score(f"{self.prefix}ssim", mean_estimate(kept["similarities"]), local)


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
    yield context.score(metric, found, whole, n=count, encoder=encoder)
