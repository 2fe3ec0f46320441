"""Images to features: which encoder, which images of a split, a batch at a time, and what is cached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from paribus.cache import cache_folder
from paribus.config import EvaluationSettings
from paribus.errors import ParibusError, did_you_mean
from paribus.metrics.channels import channel_classifier
from paribus.metrics.classifier import dataset_classifier
from paribus.metrics.encoders import Encoder, PixelEncoder
from paribus.metrics.inception import InceptionEncoder
from paribus.metrics.inception_layers import STAGES
from paribus.metrics.inception_weights import read_weights, weights_file, widest_tap
from paribus.metrics.reference import Features, cached_features
from paribus.randomness import generator
from paribus.training.hardware import choose_device

if TYPE_CHECKING:
    from paribus.data import ImageData, Split

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many images are done, and how many there are."""


LEAST_PER_CLASS = 20  # training images of a class, on average, for a classifier to be chosen by itself


def _classifier(data: ImageData, settings: EvaluationSettings, progress: Progress) -> Encoder:
    train, test = data.train, data.test
    if train.labels is None or test.labels is None or data.shape.classes < 2:
        raise ParibusError(
            "The encoder 'classifier' needs labelled data.",
            where="evaluation.encoder",
            got=f"data '{data.name}' without labels",
            fix="use -o evaluation.encoder=pixels",
        )
    progress("preparing the classifier (trained once for a data set)", 0, 1)
    return (channel_classifier if data.channel_classes else dataset_classifier)(
        train.images,
        train.labels,
        test.images,
        test.labels,
        _classes(data),
        cache=cache_folder(),
        fingerprint=data.fingerprint,
    )


def _classes(data: ImageData) -> int:
    """Classes that a classifier has to tell apart."""
    return data.channel_classes or data.shape.classes


def _pixels(data: ImageData, settings: EvaluationSettings, progress: Progress) -> Encoder:
    progress("finding the pixels' principal components", 0, 1)
    return PixelEncoder(data.train.images, fingerprint=data.fingerprint, cache=cache_folder())


def _weights(settings: EvaluationSettings, progress: Progress) -> Path:
    def tell(done: int, total: int) -> None:
        progress("downloading Inception's weights, MB", done // 10**6, total // 10**6)

    return weights_file(settings.inception_weights, cache_folder(), tell)


def _inception(dimensions: int, settings: EvaluationSettings, progress: Progress) -> Encoder:
    weights = read_weights(_weights(settings, progress), dimensions)
    return InceptionEncoder(weights, dimensions, device=choose_device("auto"), precision=settings.inception_precision)


WITHOUT_DATA: dict[str, Callable[[EvaluationSettings, Progress], Encoder]] = {
    f"inception-{dimensions}": partial(_inception, dimensions) for dimensions in STAGES
}
"""Encoders that were trained elsewhere."""

FITTED: dict[str, Callable[[ImageData, EvaluationSettings, Progress], Encoder]] = {
    "classifier": _classifier,
    "pixels": _pixels,
}
"""Encoders made from the training images."""

ENCODERS = (*FITTED, *WITHOUT_DATA)


def encoder_names(settings: EvaluationSettings, automatic: str, progress: Progress) -> list[str]:
    """The encoders that the settings ask for, each once; `automatic` stands for auto.

    Who gives a file of Inception's weights wants Inception, as far as the file goes.
    """
    names = [settings.encoder] if isinstance(settings.encoder, str) else settings.encoder
    for name in names:
        check_known(name, ("auto", *ENCODERS), "encoder")
    if settings.inception_weights is not None and not WITHOUT_DATA.keys() & set(names):
        names = [*names, f"inception-{widest_tap(_weights(settings, progress))}"]
    return list(dict.fromkeys(automatic if name == "auto" else name for name in names))


def encoders_for(data: ImageData, settings: EvaluationSettings, progress: Progress) -> list[Encoder]:
    """The encoders that the settings name, trained, fitted or downloaded where the cache does not hold them."""
    enough = data.train.labels is not None and 2 <= _classes(data) <= len(data.train) // LEAST_PER_CLASS
    names = encoder_names(settings, "classifier" if enough else "pixels", progress)
    return [
        FITTED[name](data, settings, progress) if name in FITTED else WITHOUT_DATA[name](settings, progress)
        for name in names
    ]


def check_encoders(settings: EvaluationSettings, progress: Progress) -> None:
    """Finds out before the training, not after it, that an encoder is unknown or its weights are not to be had.

    Raises:
        ParibusError: It is so.
    """
    for name in encoder_names(settings, "pixels", progress):
        if name in WITHOUT_DATA:
            WITHOUT_DATA[name](settings, progress)


def encoders_between(against: Tensor, settings: EvaluationSettings, progress: Progress) -> list[Encoder]:
    """The encoders for two sets of images without a data set: `pixels`, fitted on one of them, and Inception.

    Raises:
        ParibusError: The classifier is asked for.
    """
    names = encoder_names(settings, "pixels", progress)
    if "classifier" in names:
        raise ParibusError(
            "The encoder 'classifier' needs a data set.",
            where="evaluation.encoder",
            got="two folders of images",
            fix="compare with --data NAME, or leave the encoder out",
        )
    return [PixelEncoder(against) if name == "pixels" else WITHOUT_DATA[name](settings, progress) for name in names]


def encoded(encoder: Encoder, batches: Iterable[Tensor]) -> Features:
    """Features of images that come in batches; the images themselves are not kept."""
    return encoded_by([encoder], batches)[0]


def encoded_by(encoders: list[Encoder], batches: Iterable[Tensor]) -> list[Features]:
    """Features by each encoder of images that come once, in batches."""
    parts: list[list[Features]] = [[] for _ in encoders]
    for batch in batches:
        for encoder, own in zip(encoders, parts, strict=True):
            both = encoder.encode(batch) if hasattr(encoder, "encode") else (encoder.features(batch), None)
            own.append(Features(*both))
    joined = []
    for own in parts:
        probabilities = [part.probabilities for part in own if part.probabilities is not None]
        features = torch.cat([part.features for part in own])
        joined.append(Features(features, torch.cat(probabilities) if probabilities else None))
    return joined


def reference(encoder: Encoder, data: ImageData, split: str, n: int, progress: Progress | None = None) -> Features:
    """Features of the chosen n images of a split, cached."""
    images = getattr(data, split).images

    def compute() -> Features:
        parts = (images[part] for part in choice(len(images), n).split(500))
        return encoded(encoder, counted(parts, n, f"encoding {split} images ({encoder.name})", progress or silent))

    return cached_features(
        compute, fingerprint=data.fingerprint, split=split, encoder_id=encoder.id, n=n, cache=cache_folder()
    )


def choice(count: int, n: int) -> Tensor:
    """N of 0..count-1, ascending: all, or the same choice each time, since a split may be sorted by class."""
    return torch.randperm(count, generator=generator("evaluation", "choice"))[:n].sort().values


def batches(split: Split, n: int, stage: str, progress: Progress) -> Iterator[tuple[Tensor, Tensor | None, int]]:
    """The chosen n images of a split, 500 at a time, with their labels and where the batch starts."""
    done = 0
    for part in choice(len(split), n).split(500):
        progress(stage, done, n)
        yield split.images[part], None if split.labels is None else split.labels[part], done
        done += len(part)
    progress(stage, n, n)


def counted(batches: Iterable[Tensor], n: int, stage: str, progress: Progress) -> Iterator[Tensor]:
    """The same batches, with progress told."""
    done = 0
    for batch in batches:
        progress(stage, done, n)
        yield batch
        done += len(batch)
    progress(stage, done, n)


def check_known(name: str, known: Iterable[str], kind: str) -> None:
    """Raises a ParibusError if `name` is not among `known`."""
    known = list(known)
    if name not in known:
        where = {"metric": "evaluation.metrics", "encoder": "evaluation.encoder"}[kind]
        raise ParibusError(
            f"Unknown {kind} '{name}'.{did_you_mean(name, known)}", where=where, got=name, expected=", ".join(known)
        )


def silent(stage: str, done: int, total: int) -> None:
    """The progress of those who don't ask."""
