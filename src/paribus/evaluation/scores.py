"""Evaluation: generate once from a fixed seed, encode once, and score everything on the same features.

Each score says all that a comparison needs to know of it. Its value is None where there is no number; a warning then
says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.config import EvaluationSettings
from paribus.data import ImageData
from paribus.evaluation.context import Context, EvaluatedModel
from paribus.evaluation.encoders import encoders_between, encoders_for, main_encoder
from paribus.evaluation.encoding import StageProgress, choice, encoded, reference, silent
from paribus.evaluation.measures import all_measures, wanted_metrics
from paribus.evaluation.protocols import asked_labels, chosen, encoder_record, form_of, samples_protocol
from paribus.metrics.distances import kernel_distance
from paribus.metrics.encoders import Encoder
from paribus.results.protocol import ImageSet, Protocol, Resized
from paribus.results.score import Fact, Score


def evaluate(
    model: EvaluatedModel,
    data: ImageData,
    settings: EvaluationSettings | None = None,
    *,
    weights: Literal["last", "best"] = "last",
    progress: StageProgress = silent,
    shared: bool = False,
    encoders: list[Encoder] | None = None,
) -> list[Score]:
    """Scores a model against the test split, or against that which `settings.split` names in its place.

    As many samples as `settings.samples`, or as the test split holds if that is fewer, are compared with equally many
    test images (all of them, or a choice by a fixed seed that is the same for every model). The samples' seed is
    `settings.seed` plus that of the model's training: models of several training seeds then differ by their samples,
    too, and how they scatter says how well a mean over them is known.

    Args:
        model: What generates.
        data: What it was trained on; labelled data gets a classifier of its own as encoder, trained once and cached.
        settings: How to score.
        weights: "last" or "best": which of a run's weights the model has.
        progress: Called during long work.
        shared: Whether all processes of a run call this, each with the same model: samples are generated and encoded
            by all of them, and scored by the first one. The others get no scores.
        encoders: What the images are seen through; by default what the settings name.

    Raises:
        ParibusError: A metric or encoder is unknown, or does not fit the data.
    """
    settings = _with_seed_of(model, settings or EvaluationSettings())
    scored = data.scored_on(settings.split)
    n = min(settings.samples, len(scored.test))
    how, labels = asked_labels(model.classes, scored, n)
    context = Context(
        settings=settings,
        wanted=wanted_metrics(settings),
        n=n,
        encoders=encoders or encoders_for(data, settings, progress),  # the same for every split
        images=lambda start, stop: model.sample_batches(n, labels=labels, seed=settings.seed, rows=(start, stop)),
        protocol=samples_protocol(n, scored, how, settings.seed),
        split=settings.split,
        model=model,
        data=scored,
        weights=weights,
        stage="generating samples",
        progress=progress,
        shared=shared,
    )
    return _scores(context)


def evaluate_images(
    images: Tensor,
    data: ImageData,
    settings: EvaluationSettings | None = None,
    *,
    resized: Resized | None = None,
    progress: StageProgress = silent,
) -> list[Score]:
    """Scores samples that any program made, uint8 (N, C, H, W), exactly as a model's are scored.

    Args:
        images: The samples.
        data: What they are compared with.
        settings: How to score.
        resized: How they were brought to this form.
        progress: Told of long work.

    Raises:
        ParibusError: The samples' size or number of channels is not the data's.
    """
    settings = settings or EvaluationSettings()
    _check_alike(images, data.test.images)
    scored = data.scored_on(settings.split)
    n = min(settings.samples, len(images), len(scored.test))
    context = Context(
        settings=settings,
        wanted=wanted_metrics(settings),
        n=n,
        encoders=encoders_for(data, settings, progress),
        images=_chosen_of(images, n),
        protocol=_given_protocol(images, n, chosen(n, scored.test), resized),
        split=settings.split,
        data=scored,
        progress=progress,
    )
    return _scores(context)


def compare_images(
    images: Tensor,
    against: Tensor,
    settings: EvaluationSettings | None = None,
    *,
    resized: tuple[Resized | None, Resized | None] = (None, None),
    progress: StageProgress = silent,
) -> list[Score]:
    """Scores one set of images against another, uint8 (N, C, H, W) both; `pixels` is fitted on `against`.

    Args:
        images: The measured set.
        against: The other.
        settings: How to score.
        resized: How each was brought to this form.
        progress: Told of long work.

    Raises:
        ParibusError: The sets' images differ in shape, or the classifier is asked for.
    """
    settings = settings or EvaluationSettings()
    _check_alike(images, against)
    n = min(settings.samples, len(images), len(against))
    others = ImageSet(origin="against", count=n, whole=n == len(against), resized=resized[1])
    context = Context(
        settings=settings,
        wanted=wanted_metrics(settings),
        n=n,
        encoders=encoders_between(against, settings, progress),
        images=_chosen_of(images, n),
        protocol=_given_protocol(images, n, others, resized[0]),
        split="against",
        against=against[choice(len(against), n)],
        progress=progress,
    )
    return _scores(context)


def select_best_snapshot(
    models: Mapping[int, EvaluatedModel], data: ImageData, settings: EvaluationSettings | None = None
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
    against = {"reference": chosen(n, data.validation, "validation")}

    def score(images: int, model: EvaluatedModel) -> Score:
        how, labels = asked_labels(model.classes, data, n)
        seed = _with_seed_of(model, settings).seed
        fake = encoded(encoder, model.sample_batches(n, labels=labels, seed=seed), n)
        found = kernel_distance(real.features, fake.features)
        return Score.of(
            "kid",
            found.value,
            found.error,
            left_out=found.left_out,
            n=n,
            encoder=encoder_record(encoder),
            split="validation",
            weights="snapshot",
            snapshot=images,
            protocol=samples_protocol(n, data, how, seed).model_copy(update=against),
        )

    return [score(images, model) for images, model in sorted(models.items())]


def _with_seed_of(model: EvaluatedModel, settings: EvaluationSettings) -> EvaluationSettings:
    return settings.model_copy(update={"seed": settings.seed + model.seed})


def _scores(context: Context) -> list[Score]:
    """The scores of all wanted metrics, in their order; those that were named and do not apply say why."""
    lacking, applying = dict[str, Fact](), {}
    for name, measure in all_measures().items():
        asked = [metric.name for metric in measure.metrics if context.wants(metric.name)]
        if asked and (reason := measure.lacks(context)):
            lacking |= dict.fromkeys(asked, reason)
        elif asked:
            applying[name] = measure
    watchers = {name: measure.watcher(context) for name, measure in applying.items()}
    context.watchers |= {name: watcher for name, watcher in watchers.items() if watcher is not None}
    if context.is_left_to_others():
        return []

    def missing(found: set[str]) -> Iterator[Score]:
        for metric in context.wanted if context.named else ():
            if metric not in found:
                reason = lacking.get(metric) or Fact(code="does_not_apply")
                yield context.score(metric, None, Protocol(), alone=True, warning=reason)

    scores = [score for measure in applying.values() for score in measure.scores(context)]
    scores = [score for score in scores if context.wants(score.metric)]
    scores += missing({score.metric for score in scores})
    place = {metric: place for place, metric in enumerate(context.wanted)}
    return sorted(scores, key=lambda score: place[score.metric])  # encoders keep their order


def _chosen_of(images: Tensor, n: int) -> Callable[[int, int], Iterable[Tensor]]:
    """The chosen n of given images, as `Context.images`."""
    given = images[choice(len(images), n)]
    return lambda start, stop: given[start:stop].split(500)


def _given_protocol(images: Tensor, n: int, reference: ImageSet, resized: Resized | None) -> Protocol:
    given = ImageSet(origin="given", count=n, whole=n == len(images), resized=resized)
    return Protocol(images=given, reference=reference, form=form_of(images))


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
