"""All scores that need nothing but the features of real images and of samples, and when to distrust them."""

from __future__ import annotations

from torch import Tensor

from paribus.metrics.classes import (
    class_agreement,
    class_histogram,
    class_histogram_divergence,
    classifier_score,
    missing_classes,
    mode_score,
    modes_found,
)
from paribus.metrics.distances import frechet_distance, frechet_error, kernel_distance
from paribus.metrics.diversity import diversity
from paribus.metrics.estimates import Estimate
from paribus.metrics.extrapolation import SMALLEST_PER_FEATURE, frechet_infinity
from paribus.metrics.neighbours import precision_recall_density_coverage
from paribus.metrics.transport import monge_inception_distance
from paribus.results.score import Fact

NEIGHBOURS = ("precision", "recall", "density", "coverage")
LEAST_ROWS = 10
"""Fewer rows are not compared at all."""

LEAST_PER_FEATURE = {"frechet": 2, "frechet_infinity": 2 * SMALLEST_PER_FEATURE, "frechet_within_classes": 2}
"""Fewer samples a feature say too little; of each class, for a distance within classes."""

UNKNOWN = float("nan")  # no error is given


def distance_scores(real: Tensor, fake: Tensor, wanted: tuple[str, ...]) -> dict[str, Estimate]:
    """The wanted ones of the metrics that compare features (n, d) of real images with features (m, d) of samples."""
    scores = {}
    if "frechet" in wanted:
        scores["frechet"] = Estimate(frechet_distance(real, fake), frechet_error(real, fake))
    if "frechet_infinity" in wanted:
        scores["frechet_infinity"] = frechet_infinity(real, fake)
    if "kid" in wanted:
        scores["kid"] = kernel_distance(real, fake)
    if "mind" in wanted:
        scores["mind"] = monge_inception_distance(real, fake)
    if "diversity" in wanted:
        scores["diversity"] = diversity(real, fake)
    if set(NEIGHBOURS) & set(wanted):
        shares = precision_recall_density_coverage(real, fake)
        scores |= {name: Estimate(value, UNKNOWN) for name, value in shares.items() if name in wanted}
    return scores


def distance_warning(metric: str, value: float | None, n: int, dimensions: int) -> Fact | None:
    """What is to be said of a distance."""
    if n < LEAST_ROWS:
        return Fact(code="too_few_images", figures={"n": n, "least": LEAST_ROWS})
    if is_hidden(metric, n, dimensions):
        least = LEAST_PER_FEATURE[metric] * dimensions
        return Fact(code="too_few_samples", figures={"n": n, "features": dimensions, "least": least})
    if metric == "coverage" and value is not None and value < 0.05:
        return Fact(code="low_coverage", figures={"coverage": value})
    return None


def is_hidden(metric: str, n: int, dimensions: int) -> bool:
    """Whether a score says too little to be shown unasked."""
    return n < LEAST_PER_FEATURE.get(metric, 0) * dimensions


def class_scores(
    real: Tensor, fake: Tensor, names: tuple[str, ...], labels: Tensor | None = None
) -> dict[str, tuple[Estimate, Fact | None]]:
    """Scores of class probabilities (n, classes) and (m, classes), each with a warning or None.

    The real images' classes are the classifier's view of them too, so that its mistakes cancel. `labels` (m,) are the
    classes that a conditional model was asked for.
    """
    real_shares, fake_shares = class_histogram(real), class_histogram(fake)
    missing = missing_classes(real_shares, fake_shares)
    lost = Fact(
        code="missing_classes",
        figures={"classes": tuple(names[index] for index in missing[:10]), "count": len(missing)},
    )
    divergence = class_histogram_divergence(real_shares, fake_shares)
    uneven = Fact(code="uneven_classes", figures={"divergence": divergence})
    if divergence == float("inf"):
        uneven = Fact(code="unknown_classes")
    agreement = {} if labels is None else {"class_agreement": (class_agreement(fake, labels), None)}
    return agreement | {
        "classifier_score": (classifier_score(fake), None),
        "mode_score": (mode_score(real, fake), None),
        "class_divergence": (Estimate(divergence, UNKNOWN), uneven if divergence > 0.5 else None),
        "missing_classes": (Estimate(float(len(missing)), UNKNOWN), lost if missing else None),
        "modes_found": (Estimate(float(modes_found(fake_shares)), UNKNOWN), None),
    }
