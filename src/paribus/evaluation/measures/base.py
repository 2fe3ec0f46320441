"""What a measure is: a family of metrics in words, why it may not apply, and the measuring."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from paribus.evaluation.context import Context, Watcher
from paribus.results.metric import Metric
from paribus.results.score import Fact, Score

SAME_VIEW = "Comparable only when encoder, reference split, number of samples and resolution agree."
SAME_IMAGES = "Comparable only when the images and their resolution agree."
SAME_MACHINE = "Comparable only when machine, load, threads, precision and batch size agree."
SAME_COUNT = "Comparable only when both were counted by the same version of this program."


class Measure(ABC):
    """A family of metrics that are measured together.

    Attributes:
        metrics: Their words.
        aliases: Other names that they may be asked for by.
        order: The family's place among all, in lists and in an evaluation.
    """

    metrics: ClassVar[tuple[Metric, ...]]
    aliases: ClassVar[dict[str, str]] = {}
    order: ClassVar[int] = 1000

    def lacks(self, context: Context) -> Fact | None:
        """Why these metrics do not apply to what is evaluated; None where they do."""
        return None

    def watcher(self, context: Context) -> Watcher | None:
        """What is to see the measured images as they pass by; None where features are enough."""
        return None

    @abstractmethod
    def scores(self, context: Context) -> Iterator[Score]:
        """Measures; a metric that is not wanted may be left out, or is given for nothing."""
