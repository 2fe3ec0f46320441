"""What a model costs to use, and what a run counted of its training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.measures.base import SAME_COUNT, SAME_MACHINE, Measure
from paribus.metrics.cost import samples_per_second
from paribus.results.metric import Metric
from paribus.results.protocol import Protocol, Timing
from paribus.results.score import Fact, Score

BATCH, BATCHES = 64, 5
"""Of the timing."""


@measures.register("use")
class Use(Measure):
    """Size and speed of a model."""

    metrics = (
        Metric(
            name="parameters",
            label="Parameters",
            unit="numbers",
            meaning="Trained numbers in all of the model's networks.",
            comparable=SAME_COUNT,
            section="cost",
            place=1,
        ),
        Metric(
            name="samples_per_second",
            label="Sampling speed",
            unit="images/s",
            direction="higher",
            meaning="Images generated in a second, after a warm-up.",
            comparable=SAME_MACHINE,
            section="cost",
            place=3,
        ),
    )
    order = 100

    @override
    def lacks(self, context: Context) -> Fact | None:
        return None if context.model is not None else Fact(code="does_not_apply")

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        model = context.model
        assert model is not None
        numbers = float(sum(model.parameters.values()))
        yield context.score("parameters", numbers, protocol=Protocol(counted_by="networks"))
        if context.wants("samples_per_second"):
            context.progress("timing", 0, 1)
            speed = samples_per_second(lambda count: model.sample(count, seed=context.seed), BATCH, BATCHES)
            timing = Timing(batches=BATCHES, batch_size=BATCH, threads=torch.get_num_threads())
            yield context.score("samples_per_second", speed, protocol=Protocol(timing=timing))


DONE = {
    "train_seconds": "seconds",
    "sampler_seconds": "sampler_seconds",
    "images_seen": "images",
    "peak_memory_bytes": "peak_memory_bytes",
    "flops_per_image": "flops_per_image",
}
"""Under which key a run's done.json holds each of the costs of training."""


@measures.register("training")
class Training(Measure):
    """What training cost: `training_costs` reads it from the record of a run."""

    metrics = (
        Metric(
            name="train_seconds",
            label="Training time",
            unit="s",
            direction="lower",
            meaning="Seconds of training alone, without evaluation and start-up.",
            comparable=SAME_MACHINE,
            section="cost",
            place=2,
        ),
        Metric(
            name="sampler_seconds",
            label="Sampler fit",
            unit="s",
            direction="lower",
            meaning="Seconds of fitting what latents are drawn from, after training and outside its budget.",
            comparable=SAME_MACHINE,
            section="cost",
        ),
        Metric(
            name="images_seen",
            label="Images seen",
            unit="images",
            meaning="Training images that went through the model, repeats counted.",
            comparable=SAME_COUNT,
            section="cost",
        ),
        Metric(
            name="peak_memory_bytes",
            label="Peak memory",
            unit="bytes",
            direction="lower",
            meaning="Most memory that training held at once.",
            comparable=SAME_MACHINE,
            section="cost",
        ),
        Metric(
            name="flops_per_image",
            label="Work per image",
            unit="FLOP",
            direction="lower",
            meaning="Floating-point operations of training for each image seen.",
            comparable=SAME_COUNT,
            section="cost",
        ),
    )
    order = 110

    @override
    def lacks(self, context: Context) -> Fact | None:
        return Fact(code="counted_in_training")

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        yield from ()


def training_costs(done: Mapping[str, Any]) -> list[Score]:
    """What training cost, from the content of a run's done.json, as scores beside the others."""
    protocol = Protocol(counted_by="training")
    known = {metric: done[key] for metric, key in DONE.items() if done.get(key) is not None}
    return [Score.of(metric, float(value), protocol=protocol) for metric, value in known.items()]
