"""Attributes of images that directions are sought for: a class, or more brightness or asymmetry than the median."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from paribus.base.errors import ParibusError, did_you_mean
from paribus.config import EvaluationSettings
from paribus.evaluation.encoders import encoders_for
from paribus.latent.rarity import APPEARANCES
from paribus.views.subject import Subject

Attribute = Callable[[Tensor], Tensor]
"""Images uint8 (n, C, H, W) to whether each has it, bool (n,)."""


def attributes(subject: Subject, names: Sequence[str], reference: Tensor) -> list[Attribute]:
    """Tests of images for attributes by name: a class (as the data's own classifier sees it), brightness, asymmetry.

    Args:
        subject: The model.
        names: Of the attributes.
        reference: Images uint8 (n, C, H, W) whose median brightness and asymmetry have to be exceeded.

    Raises:
        ParibusError: A name is unknown.
    """
    classes = [_class_index(subject, name) for name in names]
    if all(index is None for index in classes):
        return [_appearance(name, reference) for name in names]
    [classifier] = encoders_for(subject.data, EvaluationSettings(encoder="classifier"), subject.progress)

    def of_class(index: int) -> Attribute:
        return lambda images: classifier.encode(images)[1].argmax(1) == index  # type: ignore[attr-defined]

    return [
        _appearance(name, reference) if index is None else of_class(index)
        for name, index in zip(names, classes, strict=True)
    ]


def shares_along(
    subject: Subject, z: Tensor, move: Tensor, places: Tensor, labels: Tensor | None, tests: Sequence[Attribute]
) -> list[list[float]]:
    """Share of latents z (n, latent) whose image has each attribute, after a move by each place times `move`."""
    rows = [subject.decode(z + place * move, labels) for place in places]
    return [[float(test(images).float().mean()) for images in rows] for test in tests]


def _appearance(name: str, reference: Tensor) -> Attribute:
    measure = APPEARANCES[name]
    median = measure(reference).median()
    return lambda images: measure(images) > median


def _class_index(subject: Subject, name: str) -> int | None:
    names = subject.class_names
    if name in names:
        return names.index(name)
    if name in APPEARANCES:
        return None
    raise ParibusError(
        f"There is no attribute '{name}'.{did_you_mean(name, (*names, *APPEARANCES))}",
        where="--attribute",
        got=name,
        expected=", ".join((*(f"class {name}" for name in names), *APPEARANCES)),
    )
