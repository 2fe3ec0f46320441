"""How near any decoder comes to test images, with or without an encoder: by descent on its latents."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor
from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.encoding import choice, encoded_by
from paribus.evaluation.measures.base import Measure
from paribus.evaluation.measures.reconstruction import Errors, feature_distance_scores
from paribus.evaluation.protocols import chosen
from paribus.latent.inversion import CANDIDATES, PRIOR_WEIGHT, inverted_latents, prior_candidates
from paribus.results.metric import Metric
from paribus.results.protocol import Descent, ImageSet
from paribus.results.score import Fact, Score

_AT_ONCE = 64  # images inverted together, so that memory does not grow with their number

_FOUND = "images that the decoder comes nearest to them with, found by gradient descent on its latents"
_ASKED = "It needs no encoder. Measured only where it is named, since it costs as much as many samples."
SAME_DESCENT = "Comparable only when the descent's steps and starts, the images and their resolution agree."
BLIND_TO = "How likely those latents are."


@measures.register("inversion")
class Inversion(Measure):
    """Errors and feature distance of what inversion makes of test images: one protocol for every model."""

    metrics = (
        Metric(
            name="inversion_mse",
            label="Inversion error",
            unit="squared, white = 1",
            direction="lower",
            meaning=f"Mean squared error over all pixels of test images and the {_FOUND}. {_ASKED}",
            comparable=SAME_DESCENT,
            unseen=BLIND_TO,
            by_default=False,
            section="leaderboard",
            place=12,
        ),
        Metric(
            name="inversion_psnr",
            label="PSNR by inversion",
            unit="dB",
            direction="higher",
            meaning=f"Peak signal-to-noise ratio of the {_FOUND}. {_ASKED}",
            comparable=SAME_DESCENT,
            unseen=BLIND_TO,
            by_default=False,
        ),
        Metric(
            name="inversion_ssim",
            label="SSIM by inversion",
            direction="higher",
            meaning=f"Structural similarity of test images and the {_FOUND}. {_ASKED}",
            comparable=SAME_DESCENT,
            unseen=BLIND_TO,
            by_default=False,
        ),
        Metric(
            name="inversion_feature_distance",
            label="Feature distance by inversion",
            unit="× two real images",
            direction="lower",
            meaning=f"Mean distance in the encoder's features of test images from the {_FOUND}, over that of two "
            f"different test images. {_ASKED}",
            comparable="Comparable only when encoder, the descent's steps and starts, the images and their resolution "
            "agree.",
            unseen=BLIND_TO,
            by_default=False,
        ),
    )
    order = 90

    @override
    def lacks(self, context: Context) -> Fact | None:
        return None if context.model is not None else Fact(code="no_decoder")

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
