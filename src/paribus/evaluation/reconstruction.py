"""How near models come to test images: by their encoder, and by inversion of the decoder, which needs none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from paribus.config import EvaluationSettings
from paribus.evaluation.distances import against_test, distances_wanted
from paribus.evaluation.encoding import Progress, batches, choice, encoded_by, reference
from paribus.evaluation.protocols import chosen, encoder_record, form_of
from paribus.evaluation.rows import Rows
from paribus.evaluation.sharpness import MEASURED_AT_ONCE, Sharpness
from paribus.evaluation.subject import Model
from paribus.latent.inversion import CANDIDATES, PRIOR_WEIGHT, inverted_latents, prior_candidates
from paribus.metrics.catalogue import INVERSION
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
from paribus.metrics.sheet import Sheet
from paribus.results.protocol import Descent, ImageSet, Protocol

if TYPE_CHECKING:
    from paribus.data import ImageData

_AT_ONCE = 64  # images inverted together, so that memory does not grow with their number


class Errors:
    """Gathers how far images are from what was made of them, and adds the means under names with a prefix."""

    def __init__(self, sheet: Sheet, n: int, prefix: str = "") -> None:
        self.sheet, self.prefix = sheet, prefix
        self._squares, self._similarities = Rows(n), Rows(n)

    def is_wanted(self, *metrics: str) -> bool:
        """Whether any of these metrics is wanted under the prefix."""
        return any(self.prefix + metric in self.sheet.wanted for metric in metrics)

    def gather(self, images: Tensor, made: Tensor) -> None:
        """Measures images uint8 (n, C, H, W) against what was made of each."""
        for real, own in zip(images.split(MEASURED_AT_ONCE), made.split(MEASURED_AT_ONCE), strict=True):
            self._squares.add(squared_errors(real, own))
            if self.is_wanted("ssim"):
                self._similarities.add(structural_similarities(real, own))

    def add_scores(self, protocol: Protocol, window: int) -> None:
        """Adds MSE, PSNR and SSIM; `window` is the side of SSIM's window in pixels."""
        squares = self._squares.joined
        add, score = partial(self.sheet.add, n=len(squares), protocol=protocol), mean_estimate(squares)
        add(f"{self.prefix}mse", score)
        add(f"{self.prefix}psnr", peak_signal_noise_ratio(score.value))
        if self._similarities.count:
            local = protocol.model_copy(update={"window": window})
            add(f"{self.prefix}ssim", mean_estimate(self._similarities.joined), protocol=local)


def score_reconstruction(
    sheet: Sheet,
    encoders: list[Encoder],
    model: Model,
    data: ImageData,
    n: int,
    sharpness: Sharpness,
    progress: Progress,
) -> None:
    """Adds errors, sharpness and distances from the real ones of n reconstructed test images, in one pass."""
    errors = Errors(sheet, n)
    seen = distances_wanted(sheet, "reconstruction_") or errors.is_wanted("feature_distance")
    if not seen and not sharpness.is_wanted("reconstruction_") and not errors.is_wanted("mse", "psnr", "ssim"):
        return

    def reconstructions() -> Iterator[Tensor]:
        for images, labels, _ in batches(data.test, n, "reconstructing test images", progress):
            made = model.reconstruct(images, labels)
            errors.gather(images, made)
            yield made

    measured = encoders if seen else []
    features = encoded_by(measured, sharpness.passing(reconstructions(), "reconstruction_"), n)
    protocol = Protocol(
        images=ImageSet(origin="reconstructions", count=n),
        reference=chosen(n, data.test),
        form=form_of(data.test.images),
        latents="posterior means",
    )
    errors.add_scores(protocol, _window(data))
    sharpness.add_scores(protocol, "reconstruction_", paired=True)
    for encoder, made in zip(measured, features, strict=True):
        against_test(sheet, encoder, made, data, protocol, "reconstruction_")
        _add_feature_distance(sheet, "feature_distance", encoder, made, data, n, protocol)


def score_inversion(
    sheet: Sheet,
    encoders: list[Encoder],
    model: Model,
    data: ImageData,
    n: int,
    settings: EvaluationSettings,
    progress: Progress,
) -> None:
    """Adds errors and feature distance of the images that the decoder comes nearest to test images with.

    One protocol for every model, with or without an encoder; of at most `settings.inversion_images` of the n.
    """
    if not set(INVERSION) & set(sheet.wanted):
        return
    count = min(n, settings.inversion_images)
    errors = Errors(sheet, count, "inversion_")
    weight = PRIOR_WEIGHT if model.prior_is_normal else 0.0

    def inverted() -> Iterator[Tensor]:
        for images, made in _inverted(model, data, count, settings, weight, progress):
            errors.gather(images, made)
            yield made

    measured = encoders if errors.is_wanted("feature_distance") else []
    features = encoded_by(measured, inverted(), count)
    protocol = Protocol(
        images=ImageSet(origin="inversions", count=count),
        reference=chosen(count, data.test),
        form=form_of(data.test.images),
        seed=settings.seed,
        descent=Descent(
            steps=settings.inversion_steps,
            starts=settings.inversion_starts,
            candidates=settings.inversion_starts * CANDIDATES,
            prior_weight=weight,
        ),
    )
    errors.add_scores(protocol, _window(data))
    for encoder, made in zip(measured, features, strict=True):
        _add_feature_distance(sheet, "inversion_feature_distance", encoder, made, data, n, protocol)


def _inverted(
    model: Model, data: ImageData, count: int, settings: EvaluationSettings, weight: float, progress: Progress
) -> Iterator[tuple[Tensor, Tensor]]:
    """The chosen test images and what inversion makes of them, both uint8, a batch at a time."""
    starts, steps, done = settings.inversion_starts, settings.inversion_steps, 0
    candidates = prior_candidates(model.with_prior().latents, count, starts, settings.seed)
    test, places = data.test, choice(len(data.test), count)
    parts = torch.arange(count).split(_AT_ONCE)

    def step_done() -> None:
        nonlocal done
        done += 1
        progress("inverting test images, step", done, len(parts) * starts * steps)

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


def _add_feature_distance(
    sheet: Sheet, metric: str, encoder: Encoder, made: Features, data: ImageData, n: int, protocol: Protocol
) -> None:
    """Adds the distance of chosen test images from what was made of them, over that of two of n test images."""
    if metric not in sheet.wanted:
        return
    count = len(made.features)
    images, real = (reference(encoder, data, "test", size).features for size in (count, n))
    whole = protocol.model_copy(update={"pairs_among": chosen(n, data.test)})
    score = feature_distance(images, made.features, real)
    sheet.add(metric, score, n=count, encoder=encoder_record(encoder), protocol=whole)


def _window(data: ImageData) -> int:
    return similarity_window(*data.test.images.shape[2:])
