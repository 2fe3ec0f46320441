"""The images that a decoder comes nearest to given ones with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from paribus.latent.inversion import CANDIDATES
from paribus.metrics.reconstruction import squared_errors
from paribus.views.drawing import tile_sheet
from paribus.views.subject import Subject
from paribus.views.view import Still, View

SHOWN = 8


def invert(subject: Subject, files: Sequence[Path] = (), *, label: int | str | None = None) -> View:
    """Images beside what gradient descent on the latent makes of them and, with an encoder, beside reconstructions.

    Args:
        subject: The model.
        files: Images; by default a few of the test split.
        label: Class of the files, for a conditional model; the first by default.
    """
    model = subject.model
    if files:
        real, labels = subject.read(files), subject.class_of(len(files), label)
        names = [file.name for file in files]
    else:
        test = subject.subset(subject.data.test, SHOWN, SHOWN)
        real, labels = test.images, test.labels if model.image.classes else None
        names = [f"test image {k + 1}" for k in range(len(real))]
    z, losses = subject.inverted(real, labels)
    made = {"inverted": model.decode(z, labels)}
    if model.can_encode:
        made["encoded"] = model.reconstruct(real, labels)
    errors = {name: squared_errors(real, images).double() for name, images in made.items()}
    means = ", ".join(f"{float(error.mean()):.4f} {name}" for name, error in errors.items())
    starts, steps = model.config.evaluation.inversion_starts, model.config.evaluation.inversion_steps
    lines = (
        f"Inversion{subject.class_words(label) if files else ''}: {steps} steps of Adam on z from the best {starts} of "
        f"{starts * CANDIDATES} draws, for the least squared error. Mean squared error of pixels from 0 to 1: {means}.",
    )
    numbers = {
        "images": [
            {"name": name, "latent": z[k].tolist(), "loss": float(losses[k])}
            | {f"mse_{kind}": float(error[k]) for kind, error in errors.items()}
            for k, name in enumerate(names)
        ]
    }
    sheet = tile_sheet(torch.stack([real, *made.values()]), ["real", *made])
    return View(Still(sheet), subject.title, lines, numbers)
