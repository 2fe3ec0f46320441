"""Whether samples are copies of training images, beside what images that no model was trained on score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

from torch import Tensor
from typing_extensions import override

from paribus.base.cache import cache_folder
from paribus.base.registry import measures
from paribus.data import ImageData
from paribus.evaluation.context import Context
from paribus.evaluation.encoding import reference
from paribus.evaluation.measures.base import Measure, with_floors
from paribus.evaluation.measures.distances import LEAST_ROWS
from paribus.evaluation.protocols import chosen, form_of
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import Estimate
from paribus.metrics.memorization import authenticity, copying
from paribus.metrics.neighbours import nearest_distances
from paribus.metrics.reference import cached_scores, reference_key
from paribus.results.metric import Metric
from paribus.results.protocol import Protocol
from paribus.results.score import Fact, Score

LARGEST = 1 << 23
"""Numbers in the training images' features, at most: all of 65,536 images of 128 features."""
SUSPICIOUS = 0.05
"""By how much more than real images a model may copy before it is said."""

_metric = partial(
    Metric,
    comparable="Comparable only when encoder, training and held-out images and resolution agree.",
    unseen="How good samples are; images that the search left out.",
)
MEMORIZED = (
    _metric(
        name="copying",
        label="Copying",
        direction="towards",
        target=0.5,
        meaning="Share of samples nearer to a training image than to any held-out one, as of equally many of both: "
        "0.5 is clean, 1 is copies.",
    ),
    _metric(
        name="authenticity",
        label="Authenticity",
        direction="higher",
        meaning="Share of samples farther from their nearest training image than that one is from its own nearest "
        "(AuthPct): 0 for copies. Noise gets 1, so read it beside real images.",
    ),
)


@measures.register("memorization")
class Memorization(Measure):
    """Copying and authenticity of samples, and those of validation images.

    All training images are searched where their features fit into `LARGEST`, since copies of others would go unseen.
    """

    metrics = with_floors(
        MEMORIZED, "real images", "validation images in the samples' place: what copying nothing scores"
    )
    order = 30

    @override
    def lacks(self, context: Context) -> Fact | None:
        if context.data is None:
            return Fact(code="needs_training_images")
        n = min(context.n, len(context.data.train))
        return None if n >= LEAST_ROWS else Fact(code="too_few_images", figures={"n": n, "least": LEAST_ROWS})

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        assert context.data is not None
        for encoder, fake in zip(context.encoders, context.features, strict=True):
            yield from _scores(context, context.data, encoder, fake.features)


def _scores(context: Context, data: ImageData, encoder: Encoder, fake: Tensor) -> Iterator[Score]:
    """Of samples' features (n, d) and of validation images."""
    n = min(len(fake), len(data.test))
    searched = min(len(data.train), max(n, LARGEST // encoder.dimensions))
    context.progress("looking for copies of training images", 0, 1)
    train = reference(encoder, data, "train", searched, context.progress).features
    held_out = context.real(encoder, n).features

    def find(rows: Tensor) -> dict[str, Estimate]:
        nearest = nearest_distances(rows, train)
        return {
            "copying": copying(train, held_out, rows, nearest=nearest),
            "authenticity": authenticity(train, rows, nearest=nearest),
        }

    among = {"reference": None, "searched": chosen(searched, data.train, "train"), "held_out": chosen(n, data.test)}
    score = partial(context.score, encoder=encoder, split="train")
    floors = _floors(context, data, encoder, (searched, n), find)
    if context.wants("copying", "authenticity"):
        protocol = context.protocol.model_copy(update=among)
        for name, found in find(fake).items():
            warning = _warning(found, floors.get(name)) if name == "copying" else None
            yield score(name, found, n=len(fake), protocol=protocol, warning=warning)
    real = chosen(len(data.validation), data.validation, "validation")
    protocol = Protocol(images=real, form=form_of(data.test.images), stands_in=True).model_copy(update=among)
    few = Fact(code="too_few_images", figures={"n": real.count, "least": LEAST_ROWS})
    for name in ("copying", "authenticity") if floors or context.named else ():
        warning = None if floors else few
        yield score(f"floor_{name}", floors.get(name), n=real.count, protocol=protocol, warning=warning)


def _floors(
    context: Context,
    data: ImageData,
    encoder: Encoder,
    counts: tuple[int, int],
    find: Callable[[Tensor], dict[str, Estimate]],
) -> dict[str, Estimate]:
    """What validation images score, once a data set; nothing where there are too few or nothing asks for it."""
    count = len(data.validation)
    if count < LEAST_ROWS or not context.wants("copying", "floor_copying", "floor_authenticity"):
        return {}
    key = reference_key(data.fingerprint, "validation against train and test", encoder.id, counts[1], str(counts[0]))

    def compute() -> dict[str, Estimate]:
        return find(reference(encoder, data, "validation", count, context.progress).features)

    return cached_scores(compute, key, cache_folder())


def _warning(found: Estimate, clean: Estimate | None) -> Fact | None:
    expected = clean or Estimate(0.5, 0.0)
    excess = found.value - expected.value
    if excess <= max(SUSPICIOUS, 3 * math.hypot(found.error, expected.error)):
        return None
    return Fact(code="copies", figures={"share": found.value})
