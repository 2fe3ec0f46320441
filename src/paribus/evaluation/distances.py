"""Features of generated images against those of real ones, and against what real ones score in their place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor

from paribus.base.cache import cache_folder
from paribus.evaluation.encoding import Progress, counted, encoded_by, reference
from paribus.evaluation.memorization import score_memorization
from paribus.evaluation.protocols import chosen, encoder_record, form_of, samples_protocol
from paribus.evaluation.subject import Model
from paribus.evaluation.within_classes import score_within_classes
from paribus.metrics.catalogue import FLOORED
from paribus.metrics.classes import classifier_score
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import Estimate
from paribus.metrics.inception import InceptionEncoder
from paribus.metrics.reference import Features, cached_scores, reference_key
from paribus.metrics.scoring import LEAST_ROWS, class_scores, distance_scores, distance_warning, is_hidden
from paribus.metrics.sheet import Sheet
from paribus.results.protocol import Protocol

if TYPE_CHECKING:
    from paribus.data import ImageData


def score_samples(
    sheet: Sheet,
    encoders: list[Encoder],
    features: list[Features],
    data: ImageData,
    n: int,
    protocol: Protocol,
    progress: Progress,
    labels: Tensor | None = None,
) -> None:
    """Adds all scores of n samples' features by each encoder, and the floors beside them.

    `labels` (n,) are the classes that a conditional model was asked for.
    """
    for encoder, fake in zip(encoders, features, strict=True):
        real = reference(encoder, data, "test", n, progress)
        progress("scoring", 0, 1)
        distances = partial(distance_scores, real.features, fake.features)
        add_distances(sheet, encoder, len(fake.features), distances, protocol)
        if real.probabilities is not None and fake.probabilities is not None:
            names = tuple(data.class_names or map(str, range(real.probabilities.shape[1])))
            for metric, (score, warning) in class_scores(real.probabilities, fake.probabilities, names, labels).items():
                sheet.add(metric, score, n=n, encoder=encoder_record(encoder), protocol=protocol, warning=warning)
        add_inception_score(sheet, encoder, fake.features, protocol)
        if labels is not None:
            score_within_classes(sheet, encoder, data, fake.features, labels, protocol, progress)
        score_memorization(sheet, encoder, data, fake.features, protocol, progress)
        _add_floors(sheet, encoder, data, real, n, progress)


def score_prior(
    sheet: Sheet, encoders: list[Encoder], model: Model, data: ImageData, n: int, seed: int, progress: Progress
) -> None:
    """Adds what samples from the prior score, beside those of a sampler that was fitted after training."""
    if not distances_wanted(sheet, "prior_"):
        return
    plain = model.with_prior()
    samples = counted(plain.sample_batches(n, seed=seed), n, "generating samples from the prior", progress)
    protocol = samples_protocol(n, data, seed)
    for encoder, fake in zip(encoders, encoded_by(encoders, samples, n), strict=True):
        against_test(sheet, encoder, fake, data, protocol, "prior_")


def distances_wanted(sheet: Sheet, prefix: str) -> bool:
    """Whether any distance with this prefix is wanted."""
    return any(prefix + metric in sheet.wanted for metric in FLOORED)


def against_test(
    sheet: Sheet, encoder: Encoder, fake: Features, data: ImageData, protocol: Protocol, prefix: str
) -> None:
    """Adds the distances that are wanted under `prefix` of images against as many test images."""
    n = len(fake.features)
    distances = partial(distance_scores, reference(encoder, data, "test", n).features, fake.features)
    add_distances(sheet, encoder, n, distances, protocol, prefix=prefix)


def add_distances(
    sheet: Sheet,
    encoder: Encoder,
    n: int,
    score: Callable[[tuple[str, ...]], dict[str, Estimate]],
    protocol: Protocol,
    *,
    split: str = "test",
    prefix: str = "",
) -> None:
    """Adds what `score` finds for the distances that are wanted under `prefix` and can be shown at this n."""
    wanted = tuple(metric for metric in FLOORED if prefix + metric in sheet.wanted)
    if not sheet.named:  # a second view of the Fréchet distance: where it cannot be had it is not worth a remark
        wanted = tuple(m for m in wanted if m != "frechet_infinity" or not is_hidden(m, n, encoder.dimensions))
    shown = tuple(m for m in wanted if n >= LEAST_ROWS and (sheet.named or not is_hidden(m, n, encoder.dimensions)))
    scores = score(shown) if shown else {}
    for metric in wanted:
        found = scores.get(metric)
        warning = distance_warning(metric, found and found.value, n, encoder.dimensions)
        sheet.add(
            prefix + metric,
            found,
            n=n,
            encoder=encoder_record(encoder),
            split=split,
            protocol=protocol,
            warning=warning,
        )


def add_inception_score(sheet: Sheet, encoder: Encoder, fake: Tensor, protocol: Protocol) -> None:
    """Adds the Inception Score of samples' features (n, 2048), where the encoder's weights go on to the classes."""
    if "inception_score" in sheet.wanted and isinstance(encoder, InceptionEncoder) and encoder.has_classes:
        score = classifier_score(encoder.logits_of(fake).double().softmax(1))
        alone = protocol.model_copy(update={"reference": None})
        sheet.add("inception_score", score, n=len(fake), encoder=encoder_record(encoder), split=None, protocol=alone)


def _add_floors(sheet: Sheet, encoder: Encoder, data: ImageData, real: Features, n: int, progress: Progress) -> None:
    """What training images score in the samples' place, at the same n and with the same encoder: once a data set."""
    n = min(n, len(data.train))
    test = real if n == len(real.features) else reference(encoder, data, "test", n, progress)

    def compute(wanted: tuple[str, ...]) -> dict[str, Estimate]:
        progress("scoring real images against real images", 0, 1)
        train = reference(encoder, data, "train", n, progress)
        return distance_scores(test.features, train.features, wanted)

    def floors(wanted: tuple[str, ...]) -> dict[str, Estimate]:
        key = reference_key(data.fingerprint, "train against test", encoder.id, n, *wanted)
        return cached_scores(lambda: compute(wanted), key, cache_folder())

    protocol = Protocol(
        images=chosen(n, data.train, "train"),
        reference=chosen(n, data.test),
        form=form_of(data.test.images),
        stands_in=True,
    )
    add_distances(sheet, encoder, n, floors, protocol, prefix="floor_")
