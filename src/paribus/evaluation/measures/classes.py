"""What a classifier, the data's own or Inception, reads from samples: recognisable, and of all classes?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from torch import Tensor
from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.measures.base import Measure, has_inception_classes
from paribus.metrics.classes import (
    class_agreement,
    class_histogram,
    class_histogram_divergence,
    classifier_score,
    missing_classes,
    mode_score,
    modes_found,
)
from paribus.metrics.estimates import Estimate
from paribus.results.metric import Metric
from paribus.results.score import Fact, Score

UNEVEN_ABOVE_NATS = 0.5
NAMED_AT_MOST = 10
"""Missing classes that a warning names."""

SAME_CLASSES = "Comparable only when the classifier, the reference split and the number of samples agree."
_metric = partial(Metric, comparable=SAME_CLASSES, unseen="All that the classifier ignores, and its mistakes.")


@measures.register("classes")
class Classes(Measure):
    """Scores of the classes that a classifier reads from samples."""

    metrics = (
        _metric(
            name="classifier_score",
            label="Classifier score",
            direction="higher",
            meaning="Whether the data's own classifier is sure of each sample and finds all classes among them, "
            "from 1 to the number of classes; it never looks at real images.",
            section="leaderboard",
            place=8,
        ),
        _metric(
            name="mode_score",
            label="Mode score",
            direction="higher",
            meaning="Classifier score, lowered where classes come in other shares than among real images.",
        ),
        _metric(
            name="class_divergence",
            label="Class divergence",
            unit="nats",
            direction="lower",
            meaning="KL divergence of the classes' shares among samples from those among real images, as the "
            "classifier sees both.",
        ),
        _metric(
            name="missing_classes",
            label="Missing classes",
            unit="classes",
            direction="lower",
            meaning="Number of classes whose share among samples is under a tenth of their share among real images.",
        ),
        _metric(
            name="modes_found",
            label="Modes found",
            unit="classes",
            direction="higher",
            meaning="Number of classes that at least one sample is recognised as.",
        ),
    )
    aliases = {"histogram_kl": "class_divergence"}  # noqa: RUF012
    order = 60
    refused = ("needs_classifier",)

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        assert context.data is not None
        for encoder, fake in zip(context.encoders, context.features, strict=True):
            real = context.real(encoder)
            if real.probabilities is None or fake.probabilities is None:
                continue
            names = context.data.class_names or tuple(map(str, range(real.probabilities.shape[1])))
            for metric, (found, warning) in class_scores(real.probabilities, fake.probabilities, names).items():
                yield context.score(metric, found, encoder=encoder, warning=warning)


@measures.register("class_agreement")
class ClassAgreement(Measure):
    """Whether a conditional model's samples are of the classes that it was asked for."""

    metrics = (
        _metric(
            name="class_agreement",
            label="Class agreement",
            direction="higher",
            meaning="Share of a conditional model's samples that the data's own classifier reads as the class that was "
            "asked for; real images score its accuracy.",
            section="leaderboard",
            place=7,
        ),
    )
    order = 61
    refused = ("not_conditional", "needs_classifier")

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        assert context.labels is not None
        for encoder, fake in zip(context.encoders, context.features, strict=True):
            if fake.probabilities is not None:
                found = class_agreement(fake.probabilities, context.labels)
                yield context.score("class_agreement", found, encoder=encoder)


@measures.register("inception_score")
class InceptionScore(Measure):
    """The classifier score of Inception's 1,008 outputs."""

    metrics = (
        Metric(
            name="inception_score",
            label="Inception Score",
            direction="higher",
            meaning="Whether Inception is sure of each sample and finds many classes among them; it never looks at "
            "real images.",
            comparable="Comparable only when the Inception weights agree and the numbers of samples are near each "
            "other.",
            unseen="Whether samples are like the data; copies.",
            section="leaderboard",
            place=9,
        ),
    )
    order = 50
    refused = ("needs_inception_classes",)

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        for encoder, fake in zip(context.encoders, context.features, strict=True):
            if has_inception_classes(encoder):
                found = classifier_score(encoder.logits_of(fake.features).double().softmax(1))
                protocol = context.protocol.model_copy(update={"reference": None})
                yield context.score("inception_score", found, protocol, n=context.n, encoder=encoder, alone=True)


def class_scores(real: Tensor, fake: Tensor, names: tuple[str, ...]) -> dict[str, tuple[Estimate | float, Fact | None]]:
    """Scores of class probabilities (n, classes) and (m, classes), each with a warning or None.

    The real images' classes are the classifier's view of them too, so that its mistakes cancel.
    """
    real_shares, fake_shares = class_histogram(real), class_histogram(fake)
    missing = missing_classes(real_shares, fake_shares)
    lost = {"classes": tuple(names[index] for index in missing[:NAMED_AT_MOST]), "count": len(missing)}
    divergence = class_histogram_divergence(real_shares, fake_shares)
    uneven = Fact(code="uneven_classes", figures={"divergence": divergence})
    if math.isinf(divergence):
        uneven = Fact(code="unknown_classes")
    return {
        "classifier_score": (classifier_score(fake), None),
        "mode_score": (mode_score(real, fake), None),
        "class_divergence": (divergence, uneven if divergence > UNEVEN_ABOVE_NATS else None),
        "missing_classes": (float(len(missing)), Fact(code="missing_classes", figures=lost) if missing else None),
        "modes_found": (float(modes_found(fake_shares)), None),
    }
