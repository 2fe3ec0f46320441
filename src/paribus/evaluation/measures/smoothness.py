"""How smoothly a model's images change with its latents."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor
from typing_extensions import override

from paribus.base.randomness import keyed_seed
from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.encoding import counted, encoded_by
from paribus.evaluation.measures.base import Measure
from paribus.metrics.estimates import mean_estimate
from paribus.metrics.smoothness import ANGLE, squared_speeds, step_ends
from paribus.results.metric import Metric
from paribus.results.protocol import Path, Protocol
from paribus.results.score import Score

STEPS = 1000
"""Pairs of images at most: each costs as much as two samples."""
_AT_ONCE = 500


@measures.register("smoothness")
class Smoothness(Measure):
    """The path length of at most `STEPS` steps from latents of the prior."""

    metrics = (
        Metric(
            name="smoothness",
            label="Path length",
            unit="squared feature units",
            direction="lower",
            meaning="How fast images change with their latents (perceptual path length): mean squared change of the "
            "features over a small step. Lower is smoother; a model of one image gets 0, so read it beside recall and "
            "diversity.",
            comparable="Comparable only when encoder, step and resolution agree.",
            unseen="Everything else.",
        ),
    )
    order = 35
    refused = ("prior_not_normal",)

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        assert context.model is not None
        n, prior = min(context.n, STEPS), context.model.with_prior()
        starts, targets = (prior.latents(n, keyed_seed("smoothness", context.seed, end)) for end in ("start", "target"))
        labels = None if context.labels is None else context.labels[:n]

        def images(latents: Tensor) -> Iterator[Tensor]:
            parts = (slice(start, start + _AT_ONCE) for start in range(0, n, _AT_ONCE))
            made = (prior.decode(latents[part], None if labels is None else labels[part]) for part in parts)
            return counted(made, n, "smoothness", context.progress)

        ends = (encoded_by(context.encoders, images(z), n) for z in (starts, step_ends(starts, targets)))
        own = {"images": None, "reference": None, "path": Path(steps=n, angle=ANGLE)}
        protocol: Protocol = context.protocol.model_copy(update=own)
        for encoder, first, second in zip(context.encoders, *ends, strict=True):
            found = mean_estimate(squared_speeds(first.features, second.features))
            yield context.score("smoothness", found, protocol, n=n, encoder=encoder, alone=True)
