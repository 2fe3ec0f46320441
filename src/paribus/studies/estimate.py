"""What a study will cost, from a few timed steps of each of its models."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from paribus.budget import Budget
from paribus.config import RunConfig
from paribus.data import ImageData
from paribus.errors import TrainingDiverged
from paribus.runs import RunFolder
from paribus.training.loop import fit

WARM_UP_STEPS, TIMED_STEPS = 2, 8


@dataclass(frozen=True)
class Cost:
    """Expected seconds of training, seconds of sampling for the evaluation, and bytes on disk of one run."""

    training_seconds: float
    sampling_seconds: float
    disk_bytes: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.training_seconds + other.training_seconds,
            self.sampling_seconds + other.sampling_seconds,
            self.disk_bytes + other.disk_bytes,
        )

    def __mul__(self, count: float) -> Cost:
        return Cost(self.training_seconds * count, self.sampling_seconds * count, self.disk_bytes * count)


def estimate(config: RunConfig, data: ImageData) -> Cost:
    """Times a few steps and a few samples of one run; nothing for one that diverges at once, as its run will say."""
    try:
        return _timed(config, data)
    except TrainingDiverged:
        return Cost(0.0, 0.0, 0.0)


def _timed(config: RunConfig, data: ImageData) -> Cost:
    warm_up, timed = Budget(WARM_UP_STEPS, "updates"), Budget(WARM_UP_STEPS + TIMED_STEPS, "updates")
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        before = fit(_short(config, warm_up), data, run)
        outcome = fit(_short(config, timed), data, run)
        checkpoint = run.checkpoint.stat().st_size
    model, state = outcome.model, outcome.state
    images = state.images - before.state.images
    seconds = state.seconds - before.state.seconds
    seconds_per_image = seconds / images
    start = time.perf_counter()
    model.sample(256)
    per_sample = (time.perf_counter() - start) / 256
    weights = 4 * sum(model.parameters.values())
    kept = len(config.training.snapshots) if isinstance(config.training.snapshots, list) else 10
    n = min(config.evaluation.samples, len(data.test))
    return Cost(
        training_seconds=_training_seconds(
            config, data, outcome.flop_per_image, seconds_per_image, seconds / TIMED_STEPS
        ),
        sampling_seconds=per_sample * (2 * n + kept * len(data.validation)),
        disk_bytes=checkpoint + (1 + kept) * weights,
    )


def _training_seconds(
    config: RunConfig, data: ImageData, flop_per_image: float, per_image: float, per_step: float
) -> float:
    amount = config.training.budget.amount
    return {
        "seconds": amount,
        "images": amount * per_image,
        "epochs": amount * len(data.train) * per_image,
        "flop": amount / flop_per_image * per_image,
        "updates": amount * per_step,
    }[config.training.budget.unit]


def _short(config: RunConfig, budget: Budget) -> RunConfig:
    training = config.training.model_copy(update={"budget": budget, "snapshots": []})
    return config.model_copy(update={"training": training})
