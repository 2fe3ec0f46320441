"""Whether samples are copies of training images, beside what images that no model was trained on score."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from paribus.base.cache import cache_folder
from paribus.evaluation.encoding import Progress, reference
from paribus.evaluation.protocols import chosen, encoder_record, form_of
from paribus.metrics.catalogue import MEMORIZATION
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import Estimate
from paribus.metrics.memorization import authenticity, copying
from paribus.metrics.neighbours import nearest_distances
from paribus.metrics.reference import cached_scores, reference_key
from paribus.metrics.scoring import LEAST_ROWS
from paribus.metrics.sheet import Sheet
from paribus.results.protocol import Protocol
from paribus.results.score import Fact

if TYPE_CHECKING:
    from paribus.data import ImageData

LARGEST = 1 << 23
"""Numbers in the training images' features, at most: all of 65,536 images of 128 features."""
SUSPICIOUS = 0.05
"""By how much more than real images a model may copy before it is said."""


def score_memorization(
    sheet: Sheet, encoder: Encoder, data: ImageData, fake: Tensor, protocol: Protocol, progress: Progress
) -> None:
    """Adds copying and authenticity of samples' features (n, d), and those of validation images.

    All training images are searched where their features fit into `LARGEST`, since copies of others would go unseen.
    """
    wanted = tuple(name for name in MEMORIZATION if name in sheet.wanted)
    floors = tuple(name for name in MEMORIZATION if f"floor_{name}" in sheet.wanted)
    n = min(len(fake), len(data.test))
    searched = min(len(data.train), max(n, LARGEST // encoder.dimensions))
    if not (wanted or floors) or min(n, searched) < LEAST_ROWS:
        return
    progress("looking for copies of training images", 0, 1)
    train = reference(encoder, data, "train", searched, progress).features
    held_out = reference(encoder, data, "test", n, progress).features

    def scores(rows: Tensor) -> dict[str, Estimate]:
        nearest = nearest_distances(rows, train)
        return {
            "copying": copying(train, held_out, rows, nearest=nearest),
            "authenticity": authenticity(train, rows, nearest=nearest),
        }

    among = {"reference": None, "searched": chosen(searched, data.train, "train"), "held_out": chosen(n, data.test)}
    clean = _floors(encoder, data, (searched, n), scores, progress) if floors or "copying" in wanted else {}
    for name, score in scores(fake).items() if wanted else ():
        warning = _warning(score, clean.get(name)) if name == "copying" else None
        whole = protocol.model_copy(update=among)
        sheet.add(
            name, score, n=len(fake), encoder=encoder_record(encoder), split="train", protocol=whole, warning=warning
        )
    for name in floors:
        if name in clean:
            count = len(data.validation)
            real = chosen(count, data.validation, "validation")
            whole = Protocol(images=real, form=form_of(data.test.images), stands_in=True).model_copy(update=among)
            sheet.add(
                f"floor_{name}", clean[name], n=count, encoder=encoder_record(encoder), split="train", protocol=whole
            )


def _floors(
    encoder: Encoder,
    data: ImageData,
    counts: tuple[int, int],
    scores: Callable[[Tensor], dict[str, Estimate]],
    progress: Progress,
) -> dict[str, Estimate]:
    """What validation images score, once a data set; nothing where there are too few."""
    count = len(data.validation)
    if count < LEAST_ROWS:
        return {}
    key = reference_key(data.fingerprint, "validation against train and test", encoder.id, counts[1], str(counts[0]))

    def compute() -> dict[str, Estimate]:
        return scores(reference(encoder, data, "validation", count, progress).features)

    return cached_scores(compute, key, cache_folder())


def _warning(score: Estimate, clean: Estimate | None) -> Fact | None:
    expected = clean or Estimate(0.5, 0.0)
    excess = score.value - expected.value
    if excess <= max(SUSPICIOUS, 3 * math.hypot(score.error, expected.error)):
        return None
    return Fact(code="copies", figures={"share": score.value})
