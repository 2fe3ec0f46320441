"""The parts of a protocol that several scores share: which images, in what form, seen through what."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from paribus.data import ImageData, Split
from paribus.metrics.classes import proportional_labels
from paribus.metrics.encoders import Encoder
from paribus.results.protocol import ImageForm, ImageSet, Labels, Origin, Protocol
from paribus.results.score import EncoderRecord

ORIGINS: dict[str, Origin] = {"train": "train", "validation": "validation", "test": "test"}
"""Splits that scores are of."""


def chosen(n: int, split: Split, name: str = "test") -> ImageSet:
    """The chosen n images of a split; one that stands in another's place has a name of its own."""
    return ImageSet(origin=ORIGINS[split.name or name], count=n, whole=n == len(split))


def form_of(images: Tensor) -> ImageForm:
    """Of images (N, C, H, W)."""
    channels, height, width = images.shape[1:]
    return ImageForm(height=height, width=width, channels=channels)


def asked_labels(classes: int, data: ImageData, n: int) -> tuple[Labels | None, Tensor | None]:
    """Which classes (n,) a model of so many classes is asked for, the same for every model; None without classes.

    What is compared with a whole data set has its classes as often: another mixture of perfect images would be far
    from it.
    """
    if not classes:
        return None, None
    labels = data.train.labels
    if labels is None or data.shape.classes != classes:
        return "evenly", torch.arange(n) % classes
    return "as in training", proportional_labels(labels.bincount(minlength=classes), n)


def samples_protocol(n: int, data: ImageData, labels: Labels | None, seed: int) -> Protocol:
    """N samples of a model, drawn from a fixed seed, against as many test images; `labels` of a conditional model."""
    return Protocol(
        images=ImageSet(origin="samples", count=n),
        reference=chosen(n, data.test),
        form=form_of(data.test.images),
        seed=seed,
        labels=labels,
    )


def encoder_record(encoder: Encoder) -> EncoderRecord:
    """What a score keeps of its encoder."""
    accuracy = getattr(encoder, "accuracy", math.nan)  # of classifiers alone
    return EncoderRecord(
        name=encoder.name,
        id=encoder.id,
        accuracy=None if math.isnan(accuracy) else accuracy,
        fitted_on=encoder.fitted_on,
    )
