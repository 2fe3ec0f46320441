"""What a measure is: a family of metrics in words, why it may not apply, and the measuring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from typing_extensions import TypeIs

from paribus.evaluation.context import Context, Watcher
from paribus.evaluation.encoding import is_classifier
from paribus.metrics.encoders import Encoder
from paribus.metrics.inception import InceptionEncoder
from paribus.results.metric import Metric
from paribus.results.score import Fact, Score

SAME_VIEW = "Comparable only when encoder, reference split, number of samples and resolution agree."
SAME_IMAGES = "Comparable only when the images and their resolution agree."
SAME_MACHINE = "Comparable only when machine, load, threads, precision and batch size agree."
SAME_COUNT = "Comparable only when both were counted by the same version of this program."


REASONS: dict[str, Callable[[Context], bool]] = {
    "does_not_apply": lambda context: context.model is None,
    "no_decoder": lambda context: context.model is None,
    "no_encoder": lambda context: context.model is None or not context.model.can_encode,
    "no_likelihood": lambda context: context.model is None or context.model.likelihood is None,
    "no_known_density": lambda context: context.model is None or not context.model.has_log_weights,
    "prior_not_normal": lambda context: context.model is None or not context.model.prior_is_normal,
    "draws_from_prior_already": lambda context: context.model is None or context.model.sampler_words is None,
    "not_conditional": lambda context: context.labels is None or context.data is None,
    "needs_class_labels": lambda context: context.data is None or context.data.test.labels is None,
    "needs_training_images": lambda context: context.data is None,
    "needs_classifier": lambda context: context.data is None or not any(map(is_classifier, context.encoders)),
    "needs_inception_classes": lambda context: not any(map(has_inception_classes, context.encoders)),
    "counted_in_training": lambda context: True,
    "measured_over_a_study": lambda context: True,
}
"""Why metrics may not apply, and whether it is so."""


def has_inception_classes(encoder: Encoder) -> TypeIs[InceptionEncoder]:
    """Whether an encoder is Inception with its last layer."""
    return isinstance(encoder, InceptionEncoder) and encoder.has_classes


class Measure:
    """A family of metrics that are measured together.

    Attributes:
        metrics: Their words.
        aliases: Other names that they may be asked for by.
        order: The family's place among all, in lists and in an evaluation.
        refused: Those of the `REASONS` that there may be against measuring them.
    """

    metrics: ClassVar[tuple[Metric, ...]]
    aliases: ClassVar[dict[str, str]] = {}
    order: ClassVar[int] = 1000
    refused: ClassVar[tuple[str, ...]] = ()

    def lacks(self, context: Context) -> Fact | None:
        """Why these metrics do not apply to what is evaluated; None where they do."""
        return next((Fact(code=reason) for reason in self.refused if REASONS[reason](context)), None)

    def watcher(self, context: Context) -> Watcher | None:
        """What is to see the measured images as they pass by; None where features are enough."""
        return None

    def scores(self, context: Context) -> Iterator[Score]:
        """Measures; a metric that is not wanted may be left out, or is given for nothing.

        By default there is nothing to measure: such metrics are counted elsewhere, and have their words here.
        """
        return iter(())


def with_floors(
    metrics: tuple[Metric, ...],
    label_end: str = "real against real",
    meaning: str = "real training images in the samples' place: what a perfect model would score at this number of "
    "samples",
) -> tuple[Metric, ...]:
    """The metrics, and for each a floor: what real images score by it in the samples' place."""
    floors = (
        Metric(
            name=f"floor_{metric.name}",
            label=f"{metric.label}, {label_end}",
            unit=metric.unit,
            meaning=f"{metric.label} of {meaning}.",
            comparable=metric.comparable,
            section="floor",
        )
        for metric in metrics
    )
    return (*(metric.model_copy(update={"floor": f"floor_{metric.name}"}) for metric in metrics), *floors)
