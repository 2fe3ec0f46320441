"""Views along paths and planes of latent space: manifold, traversals, interpolation, classes and changes of class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from paribus.base.errors import ParibusError
from paribus.base.randomness import keyed_seed
from paribus.latent.geometry import plane, quantiles, spherical_path, straight_path, traversal
from paribus.views.axes import leading_axes
from paribus.views.subject import Subject
from paribus.views.view import Tiles, View

REACH = 2.5
"""Deviations that a traversal goes to on each side."""


def manifold(subject: Subject, *, count: int = 15, label: int | str | None = None) -> View:
    """The plane of the two leading axes, cut at normal quantiles so that each tile stands for as many samples.

    Args:
        subject: The model.
        count: Tiles along each side.
        label: Class of a conditional model's images; the first by default.
    """
    axes = leading_axes(subject, 2, label)
    if len(axes.directions) < 2:
        raise ParibusError(
            "A plane needs two latent dimensions.",
            where="objective.latent_dim",
            got=len(axes.base),
            fix="paribus latent RUN traverse shows one dimension",
        )
    z = plane(axes.base, axes.directions, axes.middles, axes.deviations, count)
    images = subject.decode(z.flip(0), subject.class_of(1, label))  # the first axis goes upwards
    names = [f"{place:.1f}" for place in quantiles(count).tolist()]
    first, second = axes.names
    text = f"Upwards varies {first}, to the right {second}, at normal quantiles from 5 % to 95 %"
    if len(axes.base) > 2:
        others = f"the other {len(axes.base) - 2} dimensions are held {axes.held}"
        text += f": the two leading ones of {len(axes.base)} ({axes.order}); {others}"
    numbers = {"axes": list(axes.names), "order": axes.order, "places": quantiles(count).tolist()}
    numbers |= {"deviations": axes.deviations.tolist(), "directions": axes.directions.tolist()}
    lines = (f"2-D manifold{subject.class_words(label)}. {text}.",)
    return View(Tiles(images, names[::-1], names), subject.title, lines, numbers)


def traverse(
    subject: Subject,
    *,
    dimensions: int = 8,
    steps: int = 11,
    label: int | str | None = None,
    image: Path | None = None,
) -> View:
    """One row for each leading axis, along which alone the latent moves.

    Args:
        subject: The model.
        dimensions: Rows at most.
        steps: Images in a row.
        label: Class of a conditional model's images; the first by default.
        image: A file whose latent is the start; by default a draw.
    """
    axes = leading_axes(subject, dimensions, label)
    base, words = _start(subject, image, label)
    places = torch.linspace(-REACH, REACH, steps)
    ways = zip(axes.directions, axes.middles, axes.deviations, strict=True)
    z = torch.stack([traversal(base, v, middle + places * deviation) for v, middle, deviation in ways])
    images = subject.decode(z, subject.class_of(1, label))
    changes = _changes(images[:, 0], images[:, -1])
    lines = (
        f"Traversals from {words}{subject.class_words(label)}. Each row moves along one axis, from -{REACH:g} to "
        f"{REACH:g} deviations; the axes are {axes.order}.",
    )
    numbers = {"axes": list(axes.names), "order": axes.order, "places": places.tolist(), "mean_change": changes}
    return View(
        Tiles(images, axes.names, [f"{place:+.1f}" for place in places.tolist()]), subject.title, lines, numbers
    )


def interpolate(
    subject: Subject,
    *,
    first: Path | None = None,
    second: Path | None = None,
    rows: int = 8,
    steps: int = 9,
    label: int | str | None = None,
) -> View:
    """From one latent to another: arcs between draws of a normal prior, lines between encoded images.

    Args:
        subject: The model.
        first: A file to begin with, and `second` one to end with; by default both ends are drawn, for each row anew.
        second: See `first`.
        rows: Rows between draws.
        steps: Images in a row, both ends among them.
        label: Class of a conditional model's images; by default the first, and for draws the classes in turn.
    """
    model = subject.model
    if (first is None) != (second is None):
        raise ParibusError("An interpolation has two ends.", where="FIRST SECOND", fix="name two files, or none")
    curved = model.prior_is_normal and not (first and model.can_encode)
    path = spherical_path if curved else straight_path
    kind = "arc (slerp)" if curved else "straight line (lerp)"
    if first is None or second is None:
        labels = model.sample_labels(rows, label)
        ends = [model.latents(rows, keyed_seed("interpolate", subject.seed, end), labels) for end in (0, 1)]
        z = torch.stack([path(a, b, steps) for a, b in zip(*ends, strict=True)])
        images = subject.decode(z, None if labels is None else labels[:, None])
        drawing = Tiles(images, [] if labels is None else [subject.class_names[k] for k in labels.tolist()])
        words = f"Each row goes from one draw to another on the {kind}"
    else:
        labels, real = subject.class_of(2, label), subject.read([first, second])
        found = subject.latents(real, labels)
        z = path(found[0], found[1], steps)[None]
        images = subject.decode(z, None if labels is None else labels[:1])
        drawing = Tiles(
            torch.cat([real[:1][None], images, real[1:][None]], 1),
            column_names=["from", *(f"{k / (steps - 1):.2f}" for k in range(steps)), "to"],
        )
        words = f"From {first.name} to {second.name} on the {kind} between their {subject.latents_words}"
        words += "; at both ends the files themselves"
    numbers = {
        "path": "slerp" if curved else "lerp",
        "lengths": z.norm(dim=-1).tolist(),
        "changes": _changes(images[:, :-1], images[:, 1:]),
    }
    in_turn = label is None and first is None and model.image.classes
    of_class = ", the classes in turn" if in_turn else subject.class_words(label)
    return View(drawing, subject.title, (f"Interpolation{of_class}. {words}.",), numbers)


def classes(subject: Subject, *, count: int = 10) -> View:
    """One row for each class, one latent for each column: what the class decides and what the latent decides.

    Raises:
        ParibusError: The model is not conditional.
    """
    model = subject.model
    _needs_classes(subject, "classes")
    z = model.with_prior().latents(count, subject.seed)
    labels = torch.arange(model.image.classes)
    images = subject.decode(z.expand(len(labels), -1, -1), labels[:, None])
    lines = ("Classes. Each row is a class; a column has one latent for all classes, drawn from the prior.",)
    numbers = {"classes": list(subject.class_names), "mean_change": _changes(images[0], images[-1])}
    return View(Tiles(images, list(subject.class_names)), subject.title, lines, numbers)


def turn(subject: Subject, first: int | str, second: int | str, *, rows: int = 8, steps: int = 9) -> View:
    """One class turning into another: mixtures of the classes' codes, the latent held along a row.

    Raises:
        ParibusError: The model is not conditional, or has no such class.
    """
    _needs_classes(subject, "turn")
    images = subject.model.class_change(first, second, rows=rows, steps=steps, seed=subject.seed)
    images = images.unflatten(0, (rows, steps))
    weights = torch.linspace(0, 1, steps).tolist()
    names = [subject.class_words(label).removeprefix(", ") for label in (first, second)]
    lines = (
        f"From {names[0]} to {names[1]}. A row has one latent; its columns mix the two classes' codes, from all of the "
        "first to all of the second.",
    )
    numbers = {"weights": weights, "changes": _changes(images[:, :-1], images[:, 1:])}
    return View(Tiles(images, column_names=[f"{weight:.0%}" for weight in weights]), subject.title, lines, numbers)


def _start(subject: Subject, image: Path | None, label: int | str | None) -> tuple[Tensor, str]:
    labels = subject.class_of(1, label)
    if image is None:
        return subject.model.latents(1, subject.seed, labels)[0], "one draw"
    return subject.latents(subject.read([image]), labels)[0], f"the latent of {image.name}"


def _needs_classes(subject: Subject, verb: str) -> None:
    if not subject.model.image.classes:
        raise ParibusError(
            f"The model '{subject.model.config.model}' is not conditional.",
            where=f"paribus latent RUN {verb}",
            got="objective.conditional = false",
            fix="train one with -o objective.conditional=true, or use cvae, cvae-gan",
        )


def _changes(first: Tensor, second: Tensor) -> Any:
    """How far images (..., C, H, W) are apart, as lists: means over pixels in [0, 1]."""
    return F.l1_loss(first.float() / 255, second.float() / 255, reduction="none").mean((-3, -2, -1)).tolist()
