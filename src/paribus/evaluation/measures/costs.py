"""What a model costs to use, and what a run counted of its training."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.measures.base import SAME_COUNT, SAME_MACHINE, Measure
from paribus.metrics.estimates import Estimate
from paribus.results.metric import Metric
from paribus.results.protocol import Protocol, Timing
from paribus.results.score import Score

BATCH, BATCHES = 64, 5
"""Of the timing."""

_metric = partial(Metric, section="cost")


@measures.register("use")
class UseCosts(Measure):
    """Size and speed of a model."""

    metrics = (
        _metric(
            name="parameters",
            label="Parameters",
            unit="numbers",
            meaning="Trained numbers in all of the model's networks.",
            comparable=SAME_COUNT,
            place=1,
        ),
        _metric(
            name="samples_per_second",
            label="Sampling speed",
            unit="images/s",
            direction="higher",
            meaning="Images generated in a second, after a warm-up.",
            comparable=SAME_MACHINE,
            place=3,
        ),
    )
    order = 100
    refused = ("does_not_apply",)

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        model = context.model
        assert model is not None
        numbers = float(sum(model.parameters.values()))
        yield context.score("parameters", numbers, Protocol(counted_by="networks"), alone=True)
        if context.wants("samples_per_second"):
            context.progress("timing", 0, 1)
            speed = samples_per_second(lambda count: model.sample(count, seed=context.seed), BATCH, BATCHES)
            timing = Timing(batches=BATCHES, batch_size=BATCH, threads=torch.get_num_threads())
            yield context.score("samples_per_second", speed, Protocol(timing=timing), alone=True)


DONE = {
    "train_seconds": "seconds",
    "sampler_seconds": "sampler_seconds",
    "images_seen": "images",
    "peak_memory_bytes": "peak_memory_bytes",
    "flops_per_image": "flops_per_image",
}
"""Under which key a run's done.json holds each of the costs of training."""


@measures.register("training")
class TrainingCosts(Measure):
    """What training cost: `training_costs` reads it from the record of a run."""

    metrics = (
        _metric(
            name="train_seconds",
            label="Training time",
            unit="s",
            direction="lower",
            meaning="Seconds of training alone, without evaluation and start-up.",
            comparable=SAME_MACHINE,
            place=2,
        ),
        _metric(
            name="sampler_seconds",
            label="Sampler fit",
            unit="s",
            direction="lower",
            meaning="Seconds of fitting what latents are drawn from, after training and outside its budget.",
            comparable=SAME_MACHINE,
        ),
        _metric(
            name="images_seen",
            label="Images seen",
            unit="images",
            meaning="Training images that went through the model, repeats counted.",
            comparable=SAME_COUNT,
        ),
        _metric(
            name="peak_memory_bytes",
            label="Peak memory",
            unit="bytes",
            direction="lower",
            meaning="Most memory that training held at once.",
            comparable=SAME_MACHINE,
        ),
        _metric(
            name="flops_per_image",
            label="Work per image",
            unit="FLOP",
            direction="lower",
            meaning="Floating-point operations of training for each image seen.",
            comparable=SAME_COUNT,
        ),
    )
    order = 110
    refused = ("counted_in_training",)


def training_costs(done: Mapping[str, Any]) -> list[Score]:
    """What training cost, from the content of a run's done.json, as scores beside the others."""
    protocol = Protocol(counted_by="training")
    known = {metric: done[key] for metric, key in DONE.items() if done.get(key) is not None}
    return [Score.of(metric, float(value), protocol=protocol) for metric, value in known.items()]


def samples_per_second(sample: Callable[[int], object], batch: int = 64, repeats: int = 5) -> Estimate:
    """Images generated in a second: the median over `repeats` timed batches, after one that warms up.

    Higher is better. The error is the standard error of the median for nearly normal times (1.25 std / sqrt(repeats)).

    Comparable only when machine, its load, the number of threads, precision and batch size agree.

    Args:
        sample: Generates n images, and returns when they are done (uint8 on the CPU: a device has been waited for).
        batch: Images in one call.
        repeats: Number of timed calls.
    """
    sample(batch)
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        sample(batch)
        rates.append(batch / (time.perf_counter() - start))
    error = 1.2533 * statistics.stdev(rates) / repeats**0.5 if repeats > 1 else float("nan")
    return Estimate(statistics.median(rates), error)
