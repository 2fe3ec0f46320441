"""Training on points, looked at from time to time."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from paribus.base.arguments import checked
from paribus.base.errors import ParibusError, TrainingDiverged
from paribus.config.overrides import checked_overrides
from paribus.laboratory.frames import Frame, Observer, as_images
from paribus.laboratory.models import POINT, configuration
from paribus.laboratory.points import PointSet, point_set
from paribus.models import build_networks
from paribus.objectives.base import Batch, Draw, Nets
from paribus.recipes import RunConfig
from paribus.training.optimizers import build_optimizers
from paribus.training.step import TrainingStep


@dataclass(frozen=True)
class Recording:
    """A training on points from its first step to its last.

    Args:
        config: What was trained.
        points: The set that the points are drawn from.
        data: Some of the points (n, 2), as they stand beside the samples.
        z: Latents of the samples (n, Z).
        frames: Moments, the first before any step and the last after all.
    """

    config: RunConfig
    points: PointSet
    data: np.ndarray
    z: np.ndarray
    frames: tuple[Frame, ...]

    def __getitem__(self, name: str) -> np.ndarray:
        """One thing of all frames, frames first: `recording["samples"]` is (frames, n, 2).

        Raises:
            KeyError: The frames hold no such array or number, or the objective has no such thing.
        """
        found: list[Any] = [getattr(frame, name, None) for frame in self.frames]
        if any(one is None for one in found):
            raise KeyError(name)
        return np.stack(found)


@checked
def train_on_points(
    data: str = "grid",
    model: str = "gan",
    *,
    steps: int = 3000,
    frames: int = 40,
    seed: int = 0,
    overrides: Sequence[str] = (),
) -> Recording:
    """Trains a model on points of a plane and keeps what is to be seen of it.

    The points never end: each batch is drawn anew. The same arguments give the same arrays, on one processor type and
    torch build.

    Args:
        data: A point set: rings, grid, moons or spiral.
        model: A preset's name, such as gan, wgan-gp, r3gan or vae; its networks are those of the laboratory.
        steps: Steps of training, each one round of the objective's updates.
        frames: Moments to keep, at steps that grow by a factor.
        seed: Decides initial weights, points and all noise.
        overrides: `key.path=value` texts on top of the laboratory's settings.

    Raises:
        ParibusError: Something given is wrong.
        TrainingDiverged: A loss or a sample became infinite.
    """
    training = PointTraining(data, model, seed=seed, overrides=checked_overrides(overrides))
    kept = tuple(training.frames(frame_steps(steps, frames)))
    return Recording(training.config, training.points, training.data.numpy(), training.z.numpy(), kept)


def frame_steps(steps: int, frames: int) -> list[int]:
    """Steps after which to look: 0, 1, ... to `steps`, each further from the last by one factor where it can be.

    Raises:
        ParibusError: There are more frames than moments.
    """
    if not 2 <= frames <= steps + 1:
        raise ParibusError(
            "A training has its beginning, its end, and a moment after each step.",
            where="frames",
            got=frames,
            expected=f"2 to {steps + 1} for {steps} steps",
        )
    found = [0, 1] if frames > 2 else [0]
    while len(found) < frames:
        last = max(found[-1], 1)
        factor = (steps / last) ** (1 / (frames - len(found)))
        found.append(max(found[-1] + 1, round(last * factor)))
    return found


class PointTraining:
    """A model on a point set, before any step.

    Attributes:
        config: The whole configuration.
        points: Where each batch is drawn from.
        data: Points (n, 2) to stand beside as many samples.
        z: Latents of the samples (n, Z).
    """

    def __init__(self, data: str, model: str, *, seed: int = 0, overrides: Sequence[str] = ()) -> None:
        self.points = point_set(data)
        self.config = configuration(model, seed=seed, overrides=overrides)
        self._observer = Observer(self.config, self.points)
        self.data, self.z = self._observer.data, self._observer.z

    def frames(self, looks: list[int], stop_requested: Callable[[], bool] = lambda: False) -> Iterator[Frame]:
        """Trains anew, and gives a frame after each of the steps in `looks`, the last of which ends it.

        Args:
            looks: Numbers of steps, rising (`frame_steps`).
            stop_requested: Asked after every step; when true there are no more frames.

        Raises:
            TrainingDiverged: A loss or a sample became infinite.
        """
        torch.set_num_threads(self.config.training.threads or 1)
        nets = build_networks(self.config, POINT)
        train_step = TrainingStep(self.config, nets, build_optimizers(self.config, nets), torch.device("cpu"))
        points_a_step = train_step.batches * self._batch_size
        terms: dict[str, list[float]] = {}
        for step in range(looks[-1] + 1):
            if step in looks:
                yield _checked(self._observer.look(_still(nets), step, step * points_a_step, _means(terms)))
                terms = {}
            if step == looks[-1] or stop_requested():
                return
            # the data are all points that are drawn: each is seen once
            batch = partial(self._batch, dataset_size=looks[-1] * points_a_step, seen=step * points_a_step)
            for phase, found in train_step(step, batch):
                for name, value in found.items():
                    terms.setdefault(f"{phase}/{name}", []).append(float(value.detach()))

    @property
    def _batch_size(self) -> int:
        size = self.config.training.batch_size
        assert isinstance(size, int), "`configuration` lets nothing else through"
        return size

    def _batch(self, k: int, *, dataset_size: int, seen: int) -> Batch:
        drawn = self.points.draw(self._batch_size, Draw(self.config.seed, "points", k))
        return Batch(as_images(drawn), None, dataset_size, seen)


def _still(nets: Nets) -> Nets:
    """Copies to be looked at: without gradients, and without what layers do in training alone."""
    return {role: copy.deepcopy(net).requires_grad_(False).eval() for role, net in nets.items()}


def _means(terms: dict[str, list[float]]) -> dict[str, float]:
    return {name: sum(values) / len(values) for name, values in terms.items()}


def _checked(frame: Frame) -> Frame:
    if np.isfinite(frame.samples).all() and all(map(math.isfinite, frame.terms.values())):
        return frame
    raise TrainingDiverged(
        "Training diverged: a loss or a sample became infinite or not a number.",
        where=f"step {frame.step}",
        fix="lower the learning rates",
    )
