"""What latents are as a code: where classes lie, how latents depend on each other, what each tells of known factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from typing_extensions import override

from paribus.base.errors import ParibusError, unknown
from paribus.base.randomness import generator
from paribus.data import Split
from paribus.data.shapes import FACTORS, SIZE, shape_factors, shape_images
from paribus.evaluation.encoding import choice
from paribus.latent.disentanglement import (
    beta_vae_score,
    correlation_matrix,
    mutual_information_gap,
    separated_predictability,
    shared_information,
    shuffled_total_correlation_nats,
    total_correlation_nats,
)
from paribus.latent.geometry import PROJECTIONS, neighbour_agreement, projected
from paribus.models import Model, load_model
from paribus.views.drawing import LEAST_WIDTH, above, beside, legend, matrix_chart, scatter_panel
from paribus.views.subject import Subject
from paribus.views.view import Drawing, Still, View

ENCODED, INVERTED = 5000, 192
"""Images at most that are encoded, or inverted."""
CLUSTERED = 1000
"""The same of encoded test images in a scatter plot."""
MOST_ROWS = 12
"""Latent dimensions at most, the most telling first, in the picture of disentanglement."""
NEIGHBOURS = 10
MOST_NAMES = 20
"""Classes that a legend names."""


@dataclass(frozen=True)
class Panels(Drawing):
    """Scatter plots of one size, one for each time, above what their colours mean."""

    panels: Sequence[Image.Image]
    names: Sequence[str]
    frame_milliseconds = 1200

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
    test = subject.subset(subject.data.test, min(count, CLUSTERED), min(count, INVERTED))
    found, panels = [], []
    for images, model in _moments(subject):
        panel, numbers = _panel(subject, model, images, test, method)
        panels.append(panel)
        found.append(numbers)
    names = subject.class_names if test.labels is not None and len(subject.class_names) <= MOST_NAMES else ()
    kind = {"pca": "first two principal components", "tsne": "t-SNE"}[method]
    if subject.model.latent_width == 2:
        kind = "two dimensions as they are"
    lines = [f"Clusters: {subject.latents_words} of {len(test)} test images after so much training; {kind}."]
    if test.labels is not None:
        lines.append(f"In percent: how many of an image's {NEIGHBOURS} nearest latents are of its class.")
    return View(Panels(panels, names), subject.title, lines, {"method": method, "snapshots": found})


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


def correlation(subject: Subject) -> View:
    """Correlation matrix and total correlation of the latents of test images.

    Raises:
        ParibusError: There are no more images than latent dimensions.
    """
    test = subject.subset(subject.data.test, ENCODED, INVERTED)
    latents = subject.latents(test.images, test.labels)
    count, length = latents.shape
    if count <= length:
        raise ParibusError(
            "Correlations of all latents need more images than dimensions.",
            where="paribus latent RUN correlation",
            got=f"{count} images, {length} dimensions",
        )
    matrix = correlation_matrix(latents)
    total, shuffled = total_correlation_nats(latents), shuffled_total_correlation_nats(latents, subject.seed)
    names = [f"z{j + 1}" for j in range(length)]
    lines = [
        f"Correlations of {subject.latents_words} of {count:,} test images. Total correlation {total:.3f} nats (of the "
        f"Gaussian with these correlations); {shuffled:.3f} with each dimension shuffled, which is what chance gives."
    ]
    if length > 1:
        apart = matrix.abs().fill_diagonal_(0)
        row, column = divmod(int(apart.argmax()), length)
        lines.append(f"The most correlated: {names[row]} and {names[column]}, {float(matrix[row, column]):+.2f}.")
    numbers = {
        "total_correlation_nats": total,
        "shuffled_total_correlation_nats": shuffled,
        "images": count,
        "deviations": latents.std(0).tolist(),
        "correlations": matrix.tolist(),
    }
    return View(Still(matrix_chart(matrix.numpy(), names, names)), subject.title, lines, numbers)


def disentangle(subject: Subject) -> View:
    """What each latent dimension tells of the factors of drawn shapes, and three scores of how far they are apart.

    Raises:
        ParibusError: The model was not trained on the data `shapes` at their own size.
    """
    model = subject.model
    if model.config.data.name != "shapes" or model.image.size != SIZE or model.image.channels != 1:
        raise ParibusError(
            "Disentanglement is measured on images whose factors are known.",
            where="paribus latent RUN disentangle",
            got=f"a model of '{model.config.data.name}', {model.image.size}x{model.image.size}",
            expected=f"a model of shapes, {SIZE}x{SIZE}, grey",
            fix="paribus train beta-vae --data shapes",
        )
    table = shape_factors()
    chosen = choice(len(table), len(table) if model.can_encode else INVERTED)
    factors = torch.from_numpy(table)[chosen]
    images = torch.from_numpy(shape_images(factors.numpy())).permute(0, 3, 1, 2)
    latents = subject.latents(images, factors[:, -1])
    order = torch.randperm(len(latents), generator=generator("chance", subject.seed))
    scores, chance = (_scores(z, factors, subject.seed) for z in (latents, latents[order]))
    shares = shared_information(latents, factors)
    shown = shares.sum(1).argsort(descending=True)[:MOST_ROWS]
    chart = matrix_chart(shares[shown].numpy(), [f"z{j + 1}" for j in shown.tolist()], list(FACTORS))
    words = "; ".join(f"{name} {scores[name]:.3f} ({chance[name]:.3f} by chance)" for name in scores)
    lines = (
        f"Disentanglement: what {subject.latents_words} of {len(latents):,} drawn shapes tell of each factor, as a "
        "share of its entropy (mutual information, 20 bins).",
        f"{words}. Chance: the same latents, of other images.",
    )
    numbers = {"scores": scores, "chance": chance, "factors": list(FACTORS), "information": shares.tolist()}
    return View(Still(chart), subject.title, lines, numbers)


def _scores(latents: Tensor, factors: Tensor, seed: int) -> dict[str, float]:
    categorical = torch.tensor([name == "shape" for name in FACTORS])
    return {
        "MIG": mutual_information_gap(shared_information(latents, factors)),
        "SAP": separated_predictability(latents, factors, categorical),
        "beta-VAE score": beta_vae_score(latents, factors, seed),
    }
