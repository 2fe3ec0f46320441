"""What a study will cost, from what is timed here of each of its models: start-up, a few steps, a few scored images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from paribus.base.errors import ParibusError, TrainingDiverged
from paribus.base.processes import APART
from paribus.base.wording import duration, listed, size
from paribus.config import Budget
from paribus.data import ImageData
from paribus.evaluation.rehearsal import ScoringCost, scoring_cost
from paribus.objectives.base import batches_per_step
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder
from paribus.studies.plan import expected_images
from paribus.training.loop import Outcome, fit, prepare

WARM_UP_STEPS, TIMED_STEPS = 2, 8
MOST_IMAGES = 1000
"""Of a timed step: that of a full batch is as long as its accumulated parts together."""


class Cost(NamedTuple):
    """Expected cost of one run: seconds of training and of scoring, bytes on disk, seconds of what is made once.

    Attributes:
        training_seconds: Of the whole budget.
        scoring_seconds: Samples, features and distances, of the snapshots too.
        disk_bytes: Checkpoint and weights.
        preparing_seconds: Once a data set: the encoder where the cache does not hold it, and features of real images.
        first_seconds: Of each process, what it does for the first time.
    """

    training_seconds: float
    scoring_seconds: float
    disk_bytes: float
    preparing_seconds: float = 0.0
    first_seconds: float = 0.0


@dataclass(frozen=True)
class StudyCost:
    """Expected cost of a study, in seconds of the clock with all its workers busy.

    Attributes:
        start_seconds: Processes that start and read their images.
        preparing_seconds: What is made once a data set.
        training_seconds: Training.
        scoring_seconds: Scoring.
        disk_bytes: Checkpoints and weights.
        by_label: Seconds of one run of each kind, by its label, with its start.
    """

    start_seconds: float
    preparing_seconds: float
    training_seconds: float
    scoring_seconds: float
    disk_bytes: float
    by_label: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """All of them together."""
        return self.start_seconds + self.preparing_seconds + self.training_seconds + self.scoring_seconds

    def __str__(self) -> str:
        parts = {
            "training": self.training_seconds,
            "scoring": self.scoring_seconds,
            "start-up": self.start_seconds,
            "preparing the encoder": self.preparing_seconds,
        }
        named = listed([f"{duration(round(seconds))} of {part}" for part, seconds in parts.items() if seconds >= 0.5])
        return f"about {duration(round(self.seconds))}{f' ({named})' if named else ''}, {size(self.disk_bytes)}"


def estimate(
    config: RunConfig, data: ImageData, notice: Callable[[str], None] = lambda what: None, *, scored: bool = True
) -> Cost:
    """Times a few steps and a few samples of one run; nothing for one that diverges at once, as its run will say.

    Args:
        config: The run's.
        data: Its images.
        notice: Told what is timed.
        scored: Whether scoring is timed, too.
    """
    try:
        return _timed(config, data, notice, scored)
    except TrainingDiverged:
        return Cost(0.0, 0.0, 0.0)


class Starts:
    """Seconds that processes took to start and to read a run's images."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.first = threading.Event()

    @property
    def seconds(self) -> float:
        """The mean; waits for the first where none has ended yet."""
        self.first.wait()
        return sum(self.taken) / len(self.taken) if self.taken else 0.0


@contextmanager
def starting(config: RunConfig, processes: int) -> Iterator[Starts]:
    """Starts processes as a study's workers start, again and again, so many at a time, as long as it is open.

    So start-up is measured, and what is timed meanwhile shares the machine as it will.

    Args:
        config: Says which images they read.
        processes: How many at a time; where it is 0, one alone before anything else is timed.
    """
    starts, ended, running = Starts(), threading.Event(), set[subprocess.Popen[str]]()
    environment = dict(os.environ)  # as it is now: what is timed may have another cache

    def start() -> None:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "paribus.studies.rehearsal"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
            encoding="utf-8",
            **APART,
        )
        running.add(process)
        process.communicate(json.dumps(config.tree()))
        running.discard(process)
        if process.returncode >= 0:  # what cannot be read is said by the run itself
            starts.taken.append(time.perf_counter() - began)

    def go_on() -> None:
        try:
            start()
            starts.first.set()
            while processes and not ended.is_set():
                start()
        finally:
            starts.first.set()

    threads = [threading.Thread(target=go_on, daemon=True) for _ in range(max(1, processes))]
    for thread in threads:
        thread.start()
    try:
        if processes == 0:
            starts.first.wait()
        yield starts
    finally:
        ended.set()
        for process in list(running):
            process.kill()
        for thread in threads:
            thread.join()


def _timed(config: RunConfig, data: ImageData, notice: Callable[[str], None], scored: bool) -> Cost:
    notice("a few steps")
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder))
        before = fit(prepare(_short(config, WARM_UP_STEPS), data), run)
        outcome = fit(prepare(_short(config, WARM_UP_STEPS + TIMED_STEPS), data), run)
        checkpoint = run.checkpoint.stat().st_size
    state = outcome.state
    seconds_per_image = (state.seconds - before.state.seconds) / (state.images - before.state.images)
    weights = 4 * sum(outcome.model.parameters.values())
    kept = len(config.training.snapshots) if isinstance(config.training.snapshots, list) else 10
    kept = min(kept, config.training.keep_snapshots or kept)
    if scored:
        notice("a few scored images")
    scoring = _scoring(outcome, config, data, kept) if scored else ScoringCost(0.0, 0.0, 0.0)
    return Cost(
        training_seconds=_training_seconds(config, data, outcome.flop_per_image, seconds_per_image),
        scoring_seconds=scoring.scoring,
        disk_bytes=checkpoint + (1 + kept) * weights,
        preparing_seconds=scoring.preparing,
        first_seconds=scoring.first,
    )


def _scoring(outcome: Outcome, config: RunConfig, data: ImageData, snapshots: int) -> ScoringCost:
    try:
        return scoring_cost(outcome.model, data, config.evaluation, snapshots)
    except ParibusError:  # the run says by itself why it cannot be scored
        return ScoringCost(0.0, 0.0, 0.0)


def _training_seconds(config: RunConfig, data: ImageData, flop_per_image: float, per_image: float) -> float:
    budget, images = config.training.budget, expected_images(config, len(data.train))
    if images is None:
        return budget.amount if budget.is_timed else budget.amount / flop_per_image * per_image
    return images * per_image


def _short(config: RunConfig, steps: int) -> RunConfig:
    """The same run for so many steps."""
    size = config.training.batch_size
    size = config.training.micro_batch or MOST_IMAGES if size == "full" else size
    images = steps * size * batches_per_step(config.objective.phases())
    update = {"batch_size": size, "budget": Budget(images, "images"), "snapshots": []}
    return config.model_copy(update={"training": config.training.model_copy(update=update)})
