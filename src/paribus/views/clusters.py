"""Where classes lie among the latents, over training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image
from typing_extensions import override

from paribus.base.errors import unknown
from paribus.data import Split
from paribus.latent.geometry import PROJECTIONS, neighbour_agreement, projected
from paribus.models import Model, load_model
from paribus.views.drawing import LEAST_WIDTH, above, beside, legend, scatter_panel
from paribus.views.subject import Subject
from paribus.views.view import Drawing, View

ENCODED, INVERTED = 1000, 192
"""Test images at most that are encoded, or inverted."""
NEIGHBOURS = 10
MOST_NAMES = 20
"""Classes that a legend names."""


@dataclass(frozen=True)
class Panels(Drawing):
    """Scatter plots of one size, one for each time, above what their colours mean."""

    panels: Sequence[Image.Image]
    names: Sequence[str]
    frame_milliseconds: int = 1200

    @override
    def picture(self) -> Image.Image:
        return self._with_legend(beside(self.panels, 2 if len(self.panels) == 4 else 3))

    @override
    def frames(self) -> list[Image.Image]:
        """One panel after the other."""
        return [self._with_legend(panel) for panel in self.panels]

    def _with_legend(self, picture: Image.Image) -> Image.Image:
        return above([picture, legend(self.names, max(picture.width, LEAST_WIDTH))]) if self.names else picture


def clusters(subject: Subject, method: str = "pca", *, count: int = 1000) -> View:
    """Latents of test images in the colours of their classes, at each snapshot of the run.

    Args:
        subject: The model.
        method: pca or tsne.
        count: Test images at most; a GAN's are at most 192, since they have to be inverted.

    Raises:
        ParibusError: There is no such method.
    """
    if method not in PROJECTIONS:
        raise unknown(f"There is no method '{method}'", method, PROJECTIONS, where="--method")
    test = subject.subset(subject.data.test, min(count, ENCODED), min(count, INVERTED))
    found, panels = [], []
    for images, model in _moments(subject):
        panel, numbers = _panel(subject, model, images, test, method)
        panels.append(panel)
        found.append(numbers)
    names = subject.class_names if test.labels is not None and len(subject.class_names) <= MOST_NAMES else ()
    kind = {"pca": "first two principal components", "tsne": "t-SNE"}[method]
    if subject.model.latents(1).shape[1] == 2:
        kind = "two dimensions as they are"
    lines = [f"Clusters: {subject.latents_words} of {len(test)} test images after so much training; {kind}."]
    if test.labels is not None:
        lines.append(f"In percent: how many of an image's {NEIGHBOURS} nearest latents are of its class.")
    return View(Panels(panels, names), subject.title, tuple(lines), {"method": method, "snapshots": found})


def _moments(subject: Subject) -> Iterator[tuple[int | None, Model]]:
    """Images seen, and the model then: at each snapshot, or at the end alone."""
    folder = subject.folder
    kept = folder.snapshots() if folder else []
    if folder is None or not kept:
        yield None, subject.model
        return
    for images in kept:
        yield images, load_model(folder.path, weights=folder.snapshot(images))


def _panel(
    subject: Subject, model: Model, images: int | None, test: Split, method: str
) -> tuple[Image.Image, dict[str, Any]]:
    latents = subject.latents(test.images, test.labels, model)
    places = projected(latents, method, subject.seed)
    epochs = None if images is None else images / len(subject.data.train)
    title = "at the end" if epochs is None else f"{epochs:.3g} epochs"
    numbers: dict[str, Any] = {"images": images, "epochs": epochs}
    if test.labels is not None and len(latents) > NEIGHBOURS:
        numbers["neighbour_agreement"] = neighbour_agreement(latents, test.labels, NEIGHBOURS)
        title += f": {numbers['neighbour_agreement']:.0%}"
    labels = None if test.labels is None else test.labels.numpy()
    return scatter_panel(places.numpy(), labels, title), numbers | {"places": places.tolist()}
