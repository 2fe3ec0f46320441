"""What latents are as a code: whether they depend on each other, and what each of them tells of known factors."""

from __future__ import annotations

from paribus.errors import ParibusError
from paribus.latent.dependence import (
    correlation_matrix,
    shuffled_total_correlation_nats,
    total_correlation_nats,
)
from paribus.views.drawing import matrix_chart
from paribus.views.subject import Subject
from paribus.views.view import Still, View

ENCODED, INVERTED = 5000, 192
"""Test images at most that are encoded, or inverted."""


def correlation(subject: Subject) -> View:
    """Correlation matrix and total correlation of the latents of test images.

    Raises:
        ParibusError: There are no more images than latent dimensions.
    """
    test = subject.few(subject.data.test, ENCODED, INVERTED)
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
