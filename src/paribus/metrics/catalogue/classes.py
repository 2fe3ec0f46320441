"""Metrics of the classes that a classifier reads from samples."""

from __future__ import annotations

from paribus.metrics.catalogue.entry import SAME_CLASSES, Metric, metric

CLASSES: dict[str, Metric] = {
    "inception_score": metric(
        "Inception Score",
        "",
        "higher",
        "Whether Inception is sure of each sample and finds many classes among them; it never looks at real images.",
        "Comparable only when the Inception weights agree and the numbers of samples are near each other.",
    ),
    "classifier_score": metric(
        "Classifier score",
        "",
        "higher",
        "Whether the data's own classifier is sure of each sample and finds all classes among them, "
        "from 1 to the number of classes; it never looks at real images.",
        SAME_CLASSES,
    ),
    "mode_score": metric(
        "Mode score",
        "",
        "higher",
        "Classifier score, lowered where classes come in other shares than among real images.",
        SAME_CLASSES,
    ),
    "class_agreement": metric(
        "Class agreement",
        "",
        "higher",
        "Share of a conditional model's samples that the data's own classifier reads as the class that was asked for; "
        "real images score its accuracy.",
        SAME_CLASSES,
    ),
    "class_divergence": metric(
        "Class divergence",
        "nats",
        "lower",
        "KL divergence of the classes' shares among samples from those among real images, as the classifier sees both.",
        SAME_CLASSES,
    ),
    "missing_classes": metric(
        "Missing classes",
        "classes",
        "lower",
        "Number of classes whose share among samples is under a tenth of their share among real images.",
        SAME_CLASSES,
    ),
    "modes_found": metric(
        "Modes found",
        "classes",
        "higher",
        "Number of classes that at least one sample is recognised as.",
        SAME_CLASSES,
    ),
}
