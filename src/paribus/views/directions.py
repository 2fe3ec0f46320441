"""Views along directions that mean something: of the first layer (SeFa, GANSpace), or of an attribute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from paribus.base.errors import ParibusError, did_you_mean, unknown
from paribus.base.randomness import keyed_seed
from paribus.config import EvaluationSettings
from paribus.evaluation.encoders import encoders_for
from paribus.latent.directions import (
    activation_directions,
    affine_weights,
    closed_form_directions,
    linear_boundary,
    mean_difference,
    orthogonalised,
)
from paribus.latent.rarity import APPEARANCES
from paribus.views.axes import DRAWS, share_names
from paribus.views.subject import Subject
from paribus.views.view import Tiles, View

METHODS = ("sefa", "ganspace", "interfacegan")
EXAMPLES = 4000
"""Latents that a boundary is found with."""
TRIED = 400
"""Latents that a direction's effect is measured on."""
REACH = 3.0
"""Deviations of the prior that a move goes to on each side."""
ENCODED, INVERTED = 5000, 192
"""Training images at most that an attribute's vector is the mean of."""
Attribute = Callable[[Tensor], Tensor]
"""Images uint8 (n, C, H, W) to whether each has it, bool (n,)."""


def directions(
    subject: Subject,
    method: str = "sefa",
    *,
    count: int = 8,
    steps: int = 7,
    attribute: str | None = None,
    hold: Sequence[str] = (),
    label: int | str | None = None,
) -> View:
    """Moves along directions that a method finds.

    Args:
        subject: The model.
        method: sefa, ganspace, or interfacegan, which needs an attribute.
        count: Rows: directions, or latents that are moved along the attribute's direction.
        steps: Images in a row.
        attribute: A class, brightness or asymmetry.
        hold: Attributes whose own directions are projected out.
        label: Class of a conditional model's images; the first by default.

    Raises:
        ParibusError: There is no such method or attribute, or one is missing.
    """
    if method not in METHODS:
        raise unknown(f"There is no method '{method}'", method, METHODS, where="--method")
    if (attribute is not None) != (method == "interfacegan") or (hold and attribute is None):
        raise ParibusError(
            "An attribute goes with the method interfacegan.",
            where="--attribute",
            got=f"--method {method}, attribute {attribute}",
            fix="--method interfacegan --attribute NAME [--hold NAME], or --method sefa without them",
        )
    places = torch.linspace(-REACH, REACH, steps)
    if attribute is not None:
        return _along_boundary(subject, [attribute, *hold], count, places, label)
    return _along_layer(subject, method, count, places, label)


def _along_layer(subject: Subject, method: str, count: int, places: Tensor, label: int | str | None) -> View:
    model, labels = subject.model, subject.class_of(1, label)
    if method == "sefa":
        length = model.latent_width
        weights = affine_weights(lambda z: model.first_layer(z, subject.class_of(len(z), label)), length)
        found = closed_form_directions(weights).leading(count)
        names = [f"{k + 1}: {strength:.3g}" for k, strength in enumerate(found.strengths.tolist())]
        words = "SeFa: directions that move the first layer's output most (left, the square of how far)"
    else:
        latents = model.latents(DRAWS, keyed_seed("ganspace", subject.seed))
        found = activation_directions(latents, model.first_layer(latents, subject.class_of(DRAWS, label)), count)
        names = share_names(found.strengths)
        words = f"GANSpace: principal components of the first layer's output over {DRAWS:,} draws"
        words += " (left, shares of variance)"
    base = model.latents(1, subject.seed, labels)[0]
    z = base + places[None, :, None] * found.vectors.float()[:, None]
    lines = (
        f"{words}{subject.class_words(label)}. Each row moves one draw along one direction, from {places[0]:g} to "
        f"{places[-1]:+g}.",
    )
    numbers = {
        "method": method,
        "strengths": found.strengths.tolist(),
        "directions": found.vectors.tolist(),
        "places": places.tolist(),
    }
    drawing = Tiles(subject.decode(z, labels), names, [f"{place:+.1f}" for place in places.tolist()])
    return View(drawing, subject.title, lines, numbers)


def _along_boundary(
    subject: Subject, names: Sequence[str], count: int, places: Tensor, label: int | str | None
) -> View:
    model = subject.model
    labels = subject.class_of(1, label)
    latents = model.latents(EXAMPLES, keyed_seed("boundary", subject.seed), subject.class_of(EXAMPLES, label))
    images = subject.decode(latents, labels)
    tests = attributes(subject, names, images)
    boundaries = [linear_boundary(latents, test(images), subject.seed) for test in tests]
    alone = boundaries[0].normal
    held = torch.stack([boundary.normal for boundary in boundaries[1:]]) if len(boundaries) > 1 else None
    move = (alone if held is None else orthogonalised(alone, held)).float()
    z = model.latents(count, subject.seed, subject.class_of(count, label))
    tried = model.latents(TRIED, keyed_seed("tried", subject.seed), subject.class_of(TRIED, label))
    shares = shares_along(subject, tried, move, places, labels, tests)
    unmoved = float(tests[0](subject.decode(tried, labels)).float().mean())
    lines = [
        f"InterFaceGAN{subject.class_words(label)}: each row moves a draw across the boundary of '{names[0]}', by the "
        f"distance above. On {boundaries[0].held_out:,} held-out draws the boundary is right in "
        f"{boundaries[0].accuracy:.0%} (chance is 50%).",
        f"Of {TRIED} draws {shares[0][0]:.0%} show it at {places[0]:g}, {unmoved:.0%} unmoved and {shares[0][-1]:.0%} "
        f"at {places[-1]:+g}.",
    ]
    ends = places[[0, -1]]
    free = shares_along(subject, tried, alone.float(), ends, labels, tests[1:]) if len(tests) > 1 else []
    for name, share, loose in zip(names[1:], shares[1:], free, strict=True):
        lines.append(
            f"Held by projection: '{name}', shown by {share[0]:.0%} to {share[-1]:.0%}; without holding it, by "
            f"{loose[0]:.0%} to {loose[-1]:.0%}."
        )
    numbers = {
        "method": "interfacegan",
        "attributes": [
            {"name": name, "accuracy": boundary.accuracy, "held_out": boundary.held_out, "shares": share}
            for name, boundary, share in zip(names, boundaries, shares, strict=True)
        ],
        "direction": move.tolist(),
        "places": places.tolist(),
    }
    moved = z[:, None] + places[None, :, None] * move
    drawing = Tiles(subject.decode(moved, labels), column_names=[f"{place:+.1f}" for place in places.tolist()])
    return View(drawing, subject.title, lines, numbers)


def attribute_vectors(subject: Subject, attribute: str, *, count: int = 6, steps: int = 7, reach: float = 1.5) -> View:
    """Real images of the test split given an attribute by the mean difference of latents, from training images.

    Args:
        subject: The model.
        attribute: A class (as the data are labelled), brightness or asymmetry.
        count: Rows: test images without the attribute.
        steps: Images in a row after the real one and its reconstruction.
        reach: How many times the vector is added at the end of a row.

    Raises:
        ParibusError: There is no such attribute, or too few images have it.
    """
    model, train = subject.model, subject.subset(subject.data.train, ENCODED, INVERTED)
    [test] = attributes(subject, [attribute], train.images)
    has = _labelled(subject, attribute, train.labels, train.images, test)
    latents = subject.latents(train.images, train.labels)
    vector = mean_difference(latents, has).float()
    pool = subject.subset(subject.data.test, TRIED, INVERTED // 4)
    lacking = ~_labelled(subject, attribute, pool.labels, pool.images, test)
    real, labels = pool.images[lacking], None
    if model.image.classes and pool.labels is not None:
        labels = pool.labels[lacking]
    z, places = subject.latents(real, labels), torch.linspace(0, reach, steps)
    shares = shares_along(subject, z, vector, places, labels, [test])[0]
    moved = z[:count, None] + places[None, :, None] * vector
    images = subject.decode(moved, None if labels is None else labels[:count, None])
    drawing = Tiles(
        torch.cat([real[:count, None], images], 1),
        column_names=["real", *(f"{place:.2f}" for place in places.tolist())],
    )
    lines = (
        f"Attribute vector of '{attribute}': the mean of {int(has.sum()):,} {subject.latents_words} of training images "
        f"with it minus that of {int((~has).sum()):,} without, added as often as stands above to test images without.",
        f"Of {len(z)} such images {shares[0]:.0%} show it when reconstructed, and {shares[-1]:.0%} at the right.",
    )
    numbers = {
        "attribute": attribute,
        "with": int(has.sum()),
        "without": int((~has).sum()),
        "vector": vector.tolist(),
        "places": places.tolist(),
        "shares": shares,
    }
    return View(drawing, subject.title, lines, numbers)


def _labelled(subject: Subject, name: str, labels: Tensor | None, images: Tensor, test: Attribute) -> Tensor:
    """Which images have an attribute: by their label where it is a class, else by the test."""
    if labels is not None and name in subject.class_names:
        return labels == subject.class_names.index(name)
    return test(images)


def attributes(subject: Subject, names: Sequence[str], reference: Tensor) -> list[Attribute]:
    """Tests of images for attributes by name: a class (as the data's own classifier sees it), brightness, asymmetry.

    Args:
        subject: The model.
        names: Of the attributes.
        reference: Images uint8 (n, C, H, W) whose median brightness and asymmetry have to be exceeded.

    Raises:
        ParibusError: A name is unknown.
    """
    known = (*subject.class_names, *APPEARANCES)
    for name in [name for name in names if name not in known]:
        raise ParibusError(
            f"There is no attribute '{name}'.{did_you_mean(name, known)}",
            where="--attribute",
            got=name,
            expected=", ".join((*(f"class {name}" for name in subject.class_names), *APPEARANCES)),
        )
    encoders = []
    if not set(names).isdisjoint(subject.class_names):
        encoders = encoders_for(subject.data, EvaluationSettings(encoder="classifier"), subject.progress)

    def test(name: str) -> Attribute:
        if name in subject.class_names:
            [classifier], index = encoders, subject.class_names.index(name)
            return lambda images: classifier.encode(images)[1].argmax(1) == index  # type: ignore[attr-defined]
        measure = APPEARANCES[name]
        median = measure(reference).median()
        return lambda images: measure(images) > median

    return [test(name) for name in names]


def shares_along(
    subject: Subject, z: Tensor, move: Tensor, places: Tensor, labels: Tensor | None, tests: Sequence[Attribute]
) -> list[list[float]]:
    """Share of latents z (n, latent) whose image has each attribute, after a move by each place times `move`."""
    rows = [subject.decode(z + place * move, labels) for place in places]
    return [[float(test(images).float().mean()) for images in rows] for test in tests]
