"""All scores that need nothing but the features of real images and of samples, and when to distrust them."""

from __future__ import annotations

from torch import Tensor

from paribus.metrics.classes import (
    class_agreement,
    class_histogram,
    class_histogram_divergence,
    classifier_score,
    missing_classes,
)
from paribus.metrics.distances import frechet_distance, frechet_error, kernel_distance
from paribus.metrics.estimates import Estimate
from paribus.metrics.neighbours import precision_recall_density_coverage

NEIGHBOURS = ("precision", "recall", "density", "coverage")
LEAST_ROWS = 10
"""Fewer rows are not compared at all."""

UNKNOWN = float("nan")  # no error is given


def distance_scores(real: Tensor, fake: Tensor, wanted: tuple[str, ...]) -> dict[str, Estimate]:
    """The wanted ones of frechet, kid, precision, recall, density and coverage, of features (n, d) and (m, d)."""
    scores = {}
    if "frechet" in wanted:
        scores["frechet"] = Estimate(frechet_distance(real, fake), frechet_error(real, fake))
    if "kid" in wanted:
        scores["kid"] = kernel_distance(real, fake)
    if set(NEIGHBOURS) & set(wanted):
        shares = precision_recall_density_coverage(real, fake)
        scores |= {name: Estimate(value, UNKNOWN) for name, value in shares.items() if name in wanted}
    return scores


def distance_warning(metric: str, value: float | None, n: int, dimensions: int) -> str | None:
    """What is to be said of a distance, in words."""
    if n < LEAST_ROWS:
        return f"too few images: {n}, at least {LEAST_ROWS} are needed"
    if metric == "frechet" and n < 2 * dimensions:
        return f"too few samples: {n:,} for {dimensions} features, at least {2 * dimensions:,} are needed"
    if metric == "coverage" and value is not None and value < 0.05:
        return "mode collapse, or samples far from the data: they reach under 5 % of the real images' neighbourhoods"
    return None


def is_hidden(metric: str, n: int, dimensions: int) -> bool:
    """Whether a score says too little to be shown unasked."""
    return metric == "frechet" and n < 2 * dimensions


def class_scores(
    real: Tensor, fake: Tensor, names: tuple[str, ...], labels: Tensor | None = None
) -> dict[str, tuple[Estimate, str | None]]:
    """Scores of class probabilities (n, classes) and (m, classes), each with a warning or None.

    The real images' classes are the classifier's view of them too, so that its mistakes cancel. `labels` (m,) are the
    classes that a conditional model was asked for.
    """
    real_shares, fake_shares = class_histogram(real), class_histogram(fake)
    missing = missing_classes(real_shares, fake_shares)
    lost = ", ".join(names[index] for index in missing[:10]) + (", ..." if len(missing) > 10 else "")
    one = len(missing) == 1
    collapse = (
        f"mode collapse: {'class' if one else 'classes'} {lost} {'is' if one else 'are'} (almost) never generated"
    )
    divergence = class_histogram_divergence(real_shares, fake_shares)
    uneven = "mode collapse: the classes' shares among samples are far from those among real images"
    if divergence == float("inf"):
        uneven = "samples have a class that the compared real images lack: use more images"
    agreement = {} if labels is None else {"class_agreement": (class_agreement(fake, labels), None)}
    return agreement | {
        "classifier_score": (classifier_score(fake), None),
        "class_divergence": (Estimate(divergence, UNKNOWN), uneven if divergence > 0.5 else None),
        "missing_classes": (Estimate(float(len(missing)), UNKNOWN), collapse if missing else None),
    }
