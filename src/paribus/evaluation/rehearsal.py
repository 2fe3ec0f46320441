"""What scoring a model will take, from evaluations of a few images; nothing of it is kept."""

from __future__ import annotations

import time
from typing import NamedTuple

from paribus.base.cache import temporary_cache
from paribus.config import EvaluationSettings
from paribus.data import ImageData
from paribus.evaluation.context import EvaluatedModel
from paribus.evaluation.encoders import rehearsed_encoders
from paribus.evaluation.encoding import encoded
from paribus.evaluation.scores import evaluate

FEW, MORE = 20, 48
"""Images of the timed evaluations: their difference tells the seconds an image from those that do not depend on it.
Fewer would leave out measures that need more."""
CODED = 64
"""Images by which an encoder's speed is measured."""
BEST_SHARE = 0.5
"""Of a second evaluation: whether an earlier snapshot is best, and is scored too, is not known beforehand."""


class ScoringCost(NamedTuple):
    """Seconds of scoring.

    Attributes:
        preparing: Once a data set: training the encoder where the cache does not hold it, and encoding real images.
        first: Of each process, what it does for the first time: libraries that are loaded when they are needed.
        scoring: Of each run: samples, their features, distances, and the snapshots.
    """

    preparing: float
    first: float
    scoring: float


def scoring_cost(model: EvaluatedModel, data: ImageData, settings: EvaluationSettings, snapshots: int) -> ScoringCost:
    """Times a few images of everything that scoring a run does.

    Args:
        model: Of the run's form, trained or not.
        data: What it is scored against.
        settings: How.
        snapshots: How many a run keeps.

    Raises:
        ParibusError: It cannot be scored so.
    """
    encoders, preparing = rehearsed_encoders(data, settings)
    n = min(settings.samples, len(data.scored_on(settings.split).test))
    validation = min(settings.samples, len(data.validation))
    if not encoders or n < 2:
        return ScoringCost(preparing, 0.0, 0.0)

    def timed_evaluation(count: int) -> float:
        few = settings.model_copy(update={"samples": count})
        start = time.perf_counter()
        evaluate(model, data, few, encoders=encoders)
        return time.perf_counter() - start

    with temporary_cache():
        first = timed_evaluation(min(n, FEW))
        base = timed_evaluation(min(n, FEW))
        more = timed_evaluation(min(n, MORE))
    per_image = max(0.0, more - base) / (MORE - FEW) if n > MORE else 0.0
    whole = max(base, more) + per_image * max(0, n - MORE)

    parts = data.train.images[:CODED].split(CODED)
    count = len(parts[0])
    start = time.perf_counter()
    encoded(encoders[0], model.sample_batches(count), count)
    per_snapshot_image = (time.perf_counter() - start) / count
    per_real_image = 0.0
    for encoder in encoders:
        start = time.perf_counter()
        encoded(encoder, parts, count)
        per_real_image += (time.perf_counter() - start) / count
    compared = snapshots if settings.split == "test" and snapshots > 1 else 0
    chosen = compared * validation * per_snapshot_image
    again = BEST_SHARE * whole if compared and validation > 1 else 0.0
    return ScoringCost(preparing + (n + validation) * per_real_image, max(0.0, first - base), whole + chosen + again)
