"""How sharp generated images are beside real ones, measured as they pass by to be encoded."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context, Numbers, Watcher
from paribus.evaluation.measures.base import SAME_IMAGES, Measure
from paribus.metrics.estimates import mean_estimate, ratio_estimate
from paribus.metrics.sharpness import SMALLEST, sharpness_terms
from paribus.results.metric import Metric
from paribus.results.protocol import Protocol
from paribus.results.score import Fact, Score

MEASURED_AT_ONCE = 32
"""Images measured together, so that what is float64 in between stays small."""

SHARPNESS = {
    "sharpness": ("Sharpness", "Variance of the Laplacian"),
    "high_frequency": ("High frequencies", "Share of power above half the Nyquist frequency"),
}
"""Measures of single images, reported as a ratio to real ones: their label, and what they are."""


def ratio_metrics(prefix: str, label_end: str, of: str, over: str, unseen: str = "") -> tuple[Metric, ...]:
    """The ratios of some images' sharpness `of` and `over` which images."""
    return tuple(
        Metric(
            name=prefix + name,
            label=label + label_end,
            unit="× real images",
            direction="towards",
            target=1.0,
            meaning=f"{what} of {of} over that of {over}: below 1 they are blurred, above 1 noisy or too crisp.",
            comparable=SAME_IMAGES,
            unseen=unseen,
            section="detail" if prefix or name != "sharpness" else "leaderboard",
            place=0 if prefix or name != "sharpness" else 6,
        )
        for name, (label, what) in SHARPNESS.items()
    )


@measures.register("sharpness")
class Sharpness(Measure):
    """The means of two numbers an image over those of real images, and the latter."""

    metrics = (
        *ratio_metrics("", "", "samples", "real images", unseen="What is in the picture: noise looks sharp."),
        *(
            Metric(
                name=f"real_{name}",
                label=f"{label} of real images",
                meaning=f"{what} of test images, grey values from 0 to 1.",
                comparable=SAME_IMAGES,
            )
            for name, (label, what) in SHARPNESS.items()
        ),
    )
    order = 140

    @override
    def watcher(self, context: Context) -> Watcher | None:
        return None if is_too_small(context) or not context.wants(*SHARPNESS) else sharpness_of

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        made = context.numbers("sharpness") if "sharpness" in context.watchers else None
        yield from ratio_scores(context, made, context.protocol)
        protocol = Protocol(images=context.protocol.reference, form=context.protocol.form)
        for name in SHARPNESS if context.wants(*(f"real_{name}" for name in SHARPNESS)) else ():
            if not is_too_small(context):
                found = mean_estimate(context.real_numbers("sharpness", sharpness_of)[name])
                yield context.score(f"real_{name}", found, protocol)


def ratio_scores(
    context: Context, made: Numbers | None, protocol: Protocol, prefix: str = "", *, paired: bool = False
) -> Iterator[Score]:
    """The ratios of images to real ones, or why there are none; `paired` if each was made from the one in its place."""
    small = Fact(code="small_images", figures={"least": SMALLEST}) if is_too_small(context) else None
    for name in SHARPNESS:
        if context.wants(prefix + name):
            found = None
            if made is not None:
                real = context.real_numbers("sharpness", sharpness_of)
                found = ratio_estimate(made[name], real[name], paired=paired)
            yield context.score(prefix + name, found, protocol, warning=small)


def sharpness_of(images: Tensor) -> Numbers:
    """Both measures of each image uint8 (m, C, H, W)."""
    parts = [sharpness_terms(part) for part in images.split(MEASURED_AT_ONCE)]
    return {name: torch.cat([part[name] for part in parts]) for name in SHARPNESS}


def is_too_small(context: Context) -> bool:
    """Whether images are too small for their sharpness to be measured."""
    form = context.protocol.form
    assert form is not None
    return min(form.height, form.width) < SMALLEST
