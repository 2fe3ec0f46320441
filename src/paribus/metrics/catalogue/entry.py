"""A metric in words, and the conditions of comparison that several metrics share."""

from __future__ import annotations

from typing import Literal, TypedDict

Direction = Literal["lower", "higher", "towards", "none"]

SAME_VIEW = "Comparable only when encoder, reference split, number of samples and resolution agree."
SAME_CLASSES = "Comparable only when the classifier, the reference split and the number of samples agree."
SAME_LIKELIHOOD = "Comparable only when the likelihood, the images and their resolution agree."
SAME_IMAGES = "Comparable only when the images and their resolution agree."
SAME_TRAINING = "Comparable only when encoder, training and held-out images and resolution agree."
SAME_MACHINE = "Comparable only when machine, load, threads, precision and batch size agree."
SAME_COUNT = "Comparable only when both were counted by the same version of this program."


class Metric(TypedDict):
    """A metric in words.

    Args:
        label: What a table's header says.
        unit: Unit of the value; empty for a pure number.
        direction: Which way is better; "towards" a target.
        target: The best value of a metric with direction "towards"; None otherwise.
        meaning: One sentence.
        comparable: "Comparable only when ...".
    """

    label: str
    unit: str
    direction: Direction
    target: float | None
    meaning: str
    comparable: str


def metric(
    label: str, unit: str, direction: Direction, meaning: str, comparable: str, target: float | None = None
) -> Metric:
    """A metric, its words in the order of a table's columns."""
    return Metric(label=label, unit=unit, direction=direction, target=target, meaning=meaning, comparable=comparable)
