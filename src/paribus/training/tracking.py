"""A run's logged lines in TensorBoard or Weights & Biases, beside metrics.jsonl, which stays what everything reads."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from paribus.base.errors import ParibusError
from paribus.base.processes import place
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder
from paribus.results.score import Score
from paribus.training import Progress


class Tracker(Protocol):
    """Where lines go."""

    def write(self, line: dict[str, Any]) -> None:
        """Takes a line of metrics.jsonl: step, images, seconds and the terms."""

    def finish(self, scores: Sequence[Score]) -> None:
        """Takes the scores of the last weights, if the run came so far, and closes."""


class TensorBoard:
    """Scalars in the run's folder tensorboard/: terms by phase, and scores under evaluation/, over the updates."""

    def __init__(self, config: RunConfig, run: RunFolder) -> None:
        self._folder = run.path / "tensorboard"
        self._writer: Any = None
        self._step = 0

    def write(self, line: dict[str, Any]) -> None:
        """Writes each term at its step."""
        self._step = line["step"]
        for name, value in line.items():
            if name != "step":
                self._open().add_scalar(name, value, self._step)

    def finish(self, scores: Sequence[Score]) -> None:
        """Writes the scores at the last step."""
        for score in scores:
            if score.value is not None:
                self._open().add_scalar(f"evaluation/{score.metric}", score.value, self._step)
        if self._writer is not None:
            self._writer.close()

    def _open(self) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # what an interrupted process wrote beyond the checkpoint is not shown twice
            self._writer = SummaryWriter(str(self._folder), purge_step=self._step)
        return self._writer


class WeightsAndBiases:
    """The same as a run of Weights & Biases, under the project "paribus" or WANDB_PROJECT."""

    def __init__(self, config: RunConfig, run: RunFolder) -> None:
        import wandb

        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "paribus"),
            name=run.path.name,
            id=run.recorded("identity")[:32],
            resume="allow",
            dir=str(run.path),
            config=config.tree(),
        )

    def write(self, line: dict[str, Any]) -> None:
        """Logs each term at its step."""
        self._run.log({name: value for name, value in line.items() if name != "step"}, step=line["step"])

    def finish(self, scores: Sequence[Score]) -> None:
        """Puts the scores into the run's summary."""
        self._run.summary.update({f"evaluation/{score.metric}": score.value for score in scores})
        self._run.finish()


TRACKERS: dict[str, Callable[[RunConfig, RunFolder], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
}


def check_trackers(config: RunConfig) -> None:
    """Finds out before the training that a tracker is not installed, or cannot log in.

    Raises:
        ParibusError: It is so.
    """
    for name in config.training.track:
        try:
            importlib.import_module(name)
        except ImportError:
            raise ParibusError(
                f"The package '{name}' is not installed.",
                where="training.track",
                got=name,
                fix="pip install 'paribus[track]', or leave training.track out",
            ) from None

    if "wandb" in config.training.track:
        _check_key()


def _check_key() -> None:
    """Finds out that Weights & Biases has no key to log in with, where it is to go to the network."""
    import wandb

    if os.environ.get("WANDB_MODE", "online") != "online" or os.environ.get("WANDB_API_KEY"):
        return
    if not getattr(getattr(wandb, "api", None), "api_key", None):
        raise ParibusError(
            "Weights & Biases has no key to log in with.",
            where="training.track",
            got="wandb, without a login",
            fix="run 'wandb login', or set WANDB_API_KEY, or WANDB_MODE=offline to keep it on this machine",
        )


@contextmanager
def tracked(
    config: RunConfig, run: RunFolder, report: Callable[[Progress], None]
) -> Iterator[Callable[[Progress], None]]:
    """Yields `report`, which then also feeds the run's trackers; they are closed at the end, with
    the scores of a run that was completed.
    """
    trackers = [TRACKERS[name](config, run) for name in config.training.track if place().is_first]

    def to_all(progress: Progress) -> None:
        for tracker in trackers:
            tracker.write(progress.terms)
        report(progress)

    scores: list[Score] = []
    try:
        yield to_all
        scores = [score for score in run.evaluation if score.weights == "last"]
    finally:
        for tracker in trackers:
            tracker.finish(scores)
