"""How smoothly a model's images change with its latents."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from paribus.base.randomness import keyed_seed
from paribus.evaluation.encoding import Progress, counted, encoded_by
from paribus.evaluation.protocols import encoder_record, form_of
from paribus.evaluation.subject import Model
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import mean_estimate
from paribus.metrics.sheet import Sheet
from paribus.metrics.smoothness import ANGLE, squared_speeds, step_ends
from paribus.results.protocol import Path, Protocol

STEPS = 1000
"""Pairs of images at most: each costs as much as two samples."""
_AT_ONCE = 500


def score_smoothness(
    sheet: Sheet, encoders: list[Encoder], model: Model, n: int, seed: int, progress: Progress
) -> None:
    """Adds the path length of at most `STEPS` steps from latents of the prior."""
    if "smoothness" not in sheet.wanted:
        return
    n, prior = min(n, STEPS), model.with_prior()
    starts, targets = (prior.latents(n, keyed_seed("smoothness", seed, end)) for end in ("start", "target"))
    labels = model.sample_labels(n)

    def images(latents: Tensor) -> Iterator[Tensor]:
        parts = (slice(start, start + _AT_ONCE) for start in range(0, n, _AT_ONCE))
        made = (model.decode(latents[part], None if labels is None else labels[part]) for part in parts)
        return counted(made, n, "smoothness", progress)

    both = zip(*(encoded_by(encoders, images(z), n) for z in (starts, step_ends(starts, targets))), strict=True)
    form = form_of(model.decode(starts[:1], None if labels is None else labels[:1]))
    protocol = Protocol(form=form, seed=seed, labels="evenly", path=Path(steps=n, angle=ANGLE))
    for encoder, (first, second) in zip(encoders, both, strict=True):
        score = mean_estimate(squared_speeds(first.features, second.features))
        sheet.add("smoothness", score, n=n, encoder=encoder_record(encoder), split=None, protocol=protocol)
