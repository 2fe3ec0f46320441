"""Evaluation: generate once from a fixed seed, encode once, and score everything on the same features.

Each score says all that a comparison needs to know of it. Its value is None where there is no number; a warning then
says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.base.processes import place
from paribus.config import EvaluationSettings
from paribus.evaluation.distances import add_distances, add_inception_score, score_prior, score_samples
from paribus.evaluation.encoders import encoders_between, encoders_for, main_encoder
from paribus.evaluation.encoding import (
    Progress,
    batches,
    check_known,
    choice,
    counted,
    encoded,
    encoded_by,
    joined_features,
    reference,
    silent,
)
from paribus.evaluation.likelihood import score_importance, score_likelihood
from paribus.evaluation.protocols import chosen, encoder_record, form_of, samples_protocol
from paribus.evaluation.rarity import score_rarity
from paribus.evaluation.reconstruction import score_inversion, score_reconstruction
from paribus.evaluation.sharpness import Sharpness
from paribus.evaluation.smoothness import score_smoothness
from paribus.evaluation.subject import Model
from paribus.metrics.catalogue import ALIASES, DEFAULT, METRICS, UNASKED
from paribus.metrics.cost import samples_per_second
from paribus.metrics.distances import kernel_distance
from paribus.metrics.encoders import Encoder
from paribus.metrics.reference import Features
from paribus.metrics.scoring import distance_scores
from paribus.metrics.sheet import Sheet
from paribus.results.protocol import ImageSet, Protocol, Timing
from paribus.results.score import Score
from paribus.training.distributed import gathered

if TYPE_CHECKING:
    from paribus.data import ImageData


def evaluate(
    model: Model,
    data: ImageData,
    settings: EvaluationSettings | None = None,
    *,
    weights: Literal["last", "best"] = "last",
    progress: Progress | None = None,
    shared: bool = False,
) -> list[Score]:
    """Scores a model against the test split, or against that which `settings.split` names in its place.

    As many samples as `settings.samples`, or as the test split holds if that is fewer, are compared with equally many
    test images (all of them, or a choice by a fixed seed that is the same for every model).

    Args:
        model: What generates.
        data: What it was trained on; labelled data gets a classifier of its own as encoder, trained once and cached.
        settings: How to score.
        weights: "last" or "best": which of a run's weights the model has.
        progress: Told of long work.
        shared: Whether all processes of a run call this, each with the same model: samples are generated and encoded
            by all of them, and scored by the first one. The others get no scores.

    Raises:
        ParibusError: A metric or encoder is unknown, or does not fit the data.
    """
    settings = settings or EvaluationSettings()
    sheet, progress = _sheet(settings, weights), progress or silent
    everything, data = data, data.scored_on(settings.split)
    encoders = encoders_for(everything, settings, progress)  # the same for every split
    n = min(settings.samples, len(data.test))
    sharpness = _sharpness(sheet, data, n, progress)
    features = _sample_features(encoders, model, n, settings.seed, sharpness, progress, shared)
    if features is None:
        return []
    protocol = samples_protocol(n, data, settings.seed)
    score_samples(sheet, encoders, features, data, n, protocol, progress, model.sample_labels(n))
    sharpness.add_scores(protocol)
    sharpness.add_real(Protocol(images=chosen(n, data.test), form=protocol.form))
    if model.sampler_words is not None:
        score_prior(sheet, encoders, model, data, n, settings.seed, progress)
    if model.prior_is_normal:
        score_smoothness(sheet, encoders, model, n, settings.seed, progress)
    if model.likelihood is not None:
        score_likelihood(sheet, model, data, n, settings.seed, progress)
    if model.has_log_weights:
        score_importance(sheet, model, data, n, settings.iwae_samples, settings.seed, progress)
    if model.can_encode:
        score_reconstruction(sheet, encoders, model, data, n, sharpness, progress)
    score_inversion(sheet, encoders, model, data, n, settings, progress)
    score_rarity(sheet, model, data, n, settings.seed, progress)
    sheet.add("parameters", float(sum(model.parameters.values())), protocol=Protocol(counted_by="networks"), split=None)
    if "samples_per_second" in sheet.wanted:
        progress("timing", 0, 1)
        speed = samples_per_second(lambda count: model.sample(count, seed=settings.seed))
        timing = Timing(batches=5, batch_size=64, threads=torch.get_num_threads())
        sheet.add("samples_per_second", speed, protocol=Protocol(timing=timing), split=None)
    return sheet.finished()


def evaluate_images(
    images: Tensor, data: ImageData, settings: EvaluationSettings | None = None, *, progress: Progress | None = None
) -> list[Score]:
    """Scores samples that any program made, uint8 (N, C, H, W), exactly as a model's are scored.

    Raises:
        ParibusError: The samples' size or number of channels is not the data's.
    """
    settings = settings or EvaluationSettings()
    _check_alike(images, data.test.images)
    sheet, progress = _sheet(settings, "last"), progress or silent
    everything, data = data, data.scored_on(settings.split)
    encoders = encoders_for(everything, settings, progress)
    n = min(settings.samples, len(images), len(data.test))
    samples = counted(images[choice(len(images), n)].split(500), n, "encoding images", progress)
    given = ImageSet(origin="given", count=n, whole=n == len(images))
    protocol = Protocol(images=given, reference=chosen(n, data.test), form=form_of(images))
    sharpness = _sharpness(sheet, data, n, progress)
    features = encoded_by(encoders, sharpness.passing(samples), n)
    score_samples(sheet, encoders, features, data, n, protocol, progress)
    sharpness.add_scores(protocol)
    sharpness.add_real(Protocol(images=chosen(n, data.test), form=protocol.form))
    return sheet.finished()


def compare_images(
    images: Tensor, against: Tensor, settings: EvaluationSettings | None = None, *, progress: Progress | None = None
) -> list[Score]:
    """Scores one set of images against another, uint8 (N, C, H, W) both; `pixels` is fitted on `against`.

    Raises:
        ParibusError: The sets' images differ in shape, or the classifier is asked for.
    """
    settings = settings or EvaluationSettings()
    _check_alike(images, against)
    sheet, progress = _sheet(settings, "last"), progress or silent
    encoders = encoders_between(against, settings, progress)
    n = min(settings.samples, len(images), len(against))
    others = against[choice(len(against), n)]
    sharpness = Sharpness(sheet, lambda: others.split(500), n, against.shape[2:], "against")
    real = encoded_by(encoders, counted(others.split(500), n, "encoding the images to compare with", progress), n)
    passing = sharpness.passing(images[choice(len(images), n)].split(500))
    fake = encoded_by(encoders, counted(passing, n, "encoding images", progress), n)
    theirs_chosen = ImageSet(origin="against", count=n, whole=n == len(against))
    protocol = Protocol(
        images=ImageSet(origin="given", count=n, whole=n == len(images)),
        reference=theirs_chosen,
        form=form_of(images),
    )
    for encoder, theirs, ours in zip(encoders, real, fake, strict=True):
        score = partial(distance_scores, theirs.features, ours.features)
        add_distances(sheet, encoder, n, score, protocol, split="against")
        add_inception_score(sheet, encoder, ours.features, protocol)
    sharpness.add_scores(protocol)
    sharpness.add_real(Protocol(images=theirs_chosen, form=protocol.form))
    return sheet.finished()


def select_best_snapshot(
    models: Mapping[int, Model], data: ImageData, settings: EvaluationSettings | None = None
) -> list[Score]:
    """Scores a run's snapshots on the validation split, which no reported number uses.

    By the kernel distance, which is unbiased at the small n of a validation split; the least value is the best.

    Args:
        models: A model for each snapshot's number of images seen.
        data: Its validation split may be empty: there is nothing to choose by then, and no score.
        settings: How to score; the first encoder is used.

    Returns:
        A score a snapshot.
    """
    settings = settings or EvaluationSettings()
    n = min(settings.samples, len(data.validation))
    if n < 2:
        return []
    encoder = main_encoder(data, settings, silent)
    real = reference(encoder, data, "validation", n)
    against = chosen(n, data.validation, "validation")
    protocol = samples_protocol(n, data, settings.seed).model_copy(update={"reference": against})
    scores = []
    for images, model in sorted(models.items()):
        fake = encoded(encoder, model.sample_batches(n, seed=settings.seed), n)
        found = kernel_distance(real.features, fake.features)
        scores.append(
            Score.of(
                "kid",
                found.value,
                found.error,
                n=n,
                encoder=encoder_record(encoder),
                split="validation",
                weights="snapshot",
                snapshot=images,
                protocol=protocol,
            )
        )
    return scores


def cost_scores(done: Mapping[str, Any]) -> list[Score]:
    """What training cost, from the content of a run's done.json, as scores beside the others."""
    counted_by = Protocol(counted_by="training")
    known = {metric: done[key] for metric, key in COSTS.items() if done.get(key) is not None}
    return [Score.of(metric, float(value), protocol=counted_by) for metric, value in known.items()]


COSTS = {
    "train_seconds": "seconds",
    "sampler_seconds": "sampler_seconds",
    "images_seen": "images",
    "peak_memory_bytes": "peak_memory_bytes",
    "flops_per_image": "flops_per_image",
}
"""Metrics that a run's done.json holds, and under which key."""


def _sample_features(
    encoders: list[Encoder],
    model: Model,
    n: int,
    seed: int,
    sharpness: Sharpness,
    progress: Progress,
    shared: bool,
) -> list[Features] | None:
    """Features of a model's n samples by each encoder, measured as they pass by; see `evaluate` for `shared`.

    None in processes that have done their share and are not to score.
    """
    start, stop = place().share(n) if shared else (0, n)
    samples = model.sample_batches(n, seed=seed, rows=(start, stop))
    passing = sharpness.passing(counted(samples, stop - start, "generating samples", progress))
    features = encoded_by(encoders, passing, stop - start)
    if not shared:
        return features
    shares = gathered((features, sharpness.seen.get("", {})))
    if not shares:
        return None
    sharpness.seen[""] = {name: torch.cat([seen[name] for _, seen in shares]) for name in shares[0][1]}
    return joined_features([own for own, _ in shares])


def _check_alike(images: Tensor, others: Tensor) -> None:
    # an encoder that resizes would hide what a difference in resolution does to every score
    if images.shape[1:] != others.shape[1:]:
        raise ParibusError(
            "The images do not fit those that they are to be compared with.",
            where="size and channels",
            got=_form_words(images),
            expected=_form_words(others),
            fix="bring one set to the other's size and number of channels",
        )


def _form_words(images: Tensor) -> str:
    return f"uint8 {images.shape[2]}x{images.shape[3]}x{images.shape[1]}"


def _sheet(settings: EvaluationSettings, weights: Literal["last", "best"]) -> Sheet:
    named = settings.metrics or [DEFAULT]
    for metric in named:
        check_known(metric, (*METRICS, *ALIASES, DEFAULT), "metric")
    groups = (UNASKED if metric == DEFAULT else (ALIASES.get(metric, metric),) for metric in named)
    wanted = dict.fromkeys(metric for group in groups for metric in group)
    return Sheet(tuple(wanted), DEFAULT not in named, weights, settings.split)


def _sharpness(sheet: Sheet, data: ImageData, n: int, progress: Progress) -> Sharpness:
    """Measures images beside the chosen n of test."""

    def real() -> Iterator[Tensor]:
        return (images for images, _, _ in batches(data.test, n, "sharpness of real images", progress))

    return Sharpness(sheet, real, n, data.test.images.shape[2:])
