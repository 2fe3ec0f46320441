"""What a study will cost, from a few timed steps of each of its models."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from paribus.base.errors import TrainingDiverged
from paribus.config import Budget
from paribus.data import ImageData
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder
from paribus.studies.plan import expected_images
from paribus.training.loop import fit, prepare

WARM_UP_STEPS, TIMED_STEPS = 2, 8
MOST_IMAGES = 1000
"""Of a timed step: that of a full batch is as long as its accumulated parts together."""


class Cost(NamedTuple):
    """Expected seconds of training, seconds of sampling for the evaluation, and bytes on disk of one run."""

    training_seconds: float
    sampling_seconds: float
    disk_bytes: float


def estimate(config: RunConfig, data: ImageData) -> Cost:
    """Times a few steps and a few samples of one run; nothing for one that diverges at once, as its run will say."""
    try:
        return _timed(config, data)
    except TrainingDiverged:
        return Cost(0.0, 0.0, 0.0)


def _timed(config: RunConfig, data: ImageData) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        before = fit(prepare(_short(config, WARM_UP_STEPS), data), run)
        outcome = fit(prepare(_short(config, WARM_UP_STEPS + TIMED_STEPS), data), run)
        checkpoint = run.checkpoint.stat().st_size
    model, state = outcome.model, outcome.state
    seconds_per_image = (state.seconds - before.state.seconds) / (state.images - before.state.images)
    start = time.perf_counter()
    model.sample(256)
    per_sample = (time.perf_counter() - start) / 256
    weights = 4 * sum(model.parameters.values())
    kept = len(config.training.snapshots) if isinstance(config.training.snapshots, list) else 10
    n = min(config.evaluation.samples, len(data.test))
    return Cost(
        training_seconds=_training_seconds(config, data, outcome.flop_per_image, seconds_per_image),
        sampling_seconds=per_sample * (2 * n + kept * len(data.validation)),
        disk_bytes=checkpoint + (1 + kept) * weights,
    )


def _training_seconds(config: RunConfig, data: ImageData, flop_per_image: float, per_image: float) -> float:
    budget, images = config.training.budget, expected_images(config, len(data.train))
    if images is None:
        return budget.amount if budget.is_timed else budget.amount / flop_per_image * per_image
    return images * per_image


def _short(config: RunConfig, steps: int) -> RunConfig:
    """The same run for so many steps."""
    size = config.training.batch_size
    size = config.training.micro_batch or MOST_IMAGES if size == "full" else size
    images = steps * size * max(phase.repeats for phase in config.objective.phases())
    update = {"batch_size": size, "budget": Budget(images, "images"), "snapshots": []}
    return config.model_copy(update={"training": config.training.model_copy(update=update)})
