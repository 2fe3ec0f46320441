"""What latents are as a code: whether they depend on each other, and what each of them tells of known factors."""

from __future__ import annotations

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.base.randomness import generator
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
from paribus.views.drawing import matrix_chart
from paribus.views.subject import Subject
from paribus.views.view import Still, View

ENCODED, INVERTED = 5000, 192
"""Images at most that are encoded, or inverted."""
MOST_ROWS = 12
"""Latent dimensions at most, the most telling first, in the picture of disentanglement."""


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
    return View(Still(matrix_chart(matrix.numpy(), names, names)), subject.title, tuple(lines), numbers)


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
