"""Everything that a run carries from one step to the next, and how it is written and read."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from paribus.base.files import write_atomically
from paribus.config import Budget
from paribus.objectives.base import Nets
from paribus.training.averaging import Averages


@dataclass
class TrainingState:
    """Networks, averages and optimisers, and how far the run has come.

    Attributes:
        step: Steps done; one step is one round of the objective's phases.
        images: Training images seen.
        seconds: Seconds of training alone: without pictures, checkpoints and the like.
        first_losses: First logged value of each phase's loss, which divergence is measured against.
        image_weights: By epoch, chances (n,) of the training images, where they are drawn by rarity.
    """

    nets: Nets
    averages: Averages
    optimizers: dict[str, torch.optim.Optimizer]
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    first_losses: dict[str, float] = field(default_factory=dict)
    image_weights: dict[int, Tensor] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Writes the checkpoint; the previous one stays until this one is whole."""
        buffer = io.BytesIO()
        torch.save(
            {
                "nets": {role: net.state_dict() for role, net in self.nets.items()},
                "averages": {role: net.state_dict() for role, net in self.averages.nets.items()},
                "optimizers": {role: optimizer.state_dict() for role, optimizer in self.optimizers.items()},
                "progress": [self.step, self.images, self.seconds],
                "first_losses": self.first_losses,
                "image_weights": self.image_weights,
            },
            buffer,
        )
        write_atomically(path, buffer.getbuffer())

    def load(self, checkpoint: bytes) -> None:
        """Reads a checkpoint's content into the networks, averages and optimisers at hand."""
        device = next(next(iter(self.nets.values())).parameters()).device
        saved: dict[str, Any] = torch.load(io.BytesIO(checkpoint), map_location=device, weights_only=True)
        for role, net in self.nets.items():
            net.load_state_dict(saved["nets"][role])
        for role, net in self.averages.nets.items():
            net.load_state_dict(saved["averages"][role])
        for role, optimizer in self.optimizers.items():
            optimizer.load_state_dict(saved["optimizers"][role])
        self.step, self.images, self.seconds = saved["progress"]
        self.first_losses = saved["first_losses"]
        self.image_weights.update((k, w.cpu()) for k, w in saved.get("image_weights", {}).items())


@dataclass(frozen=True)
class Pace:
    """What turns steps into the other units that a budget may be counted in.

    Attributes:
        images_per_epoch: Size of the training split.
        updates_per_step: Updates of the first phase in one step.
        flop_per_step: Floating-point operations of one step.
    """

    images_per_epoch: int
    updates_per_step: int
    flop_per_step: float

    def spent(self, unit: str, state: TrainingState) -> float:
        """How much of a budget's unit the run has used."""
        return {
            "seconds": state.seconds,
            "images": float(state.images),
            "epochs": state.images / self.images_per_epoch,
            "updates": float(state.step * self.updates_per_step),
            "flop": state.step * self.flop_per_step,
        }[unit]

    def fraction(self, budget: Budget, state: TrainingState) -> float:
        """Share of the budget used; 1 or more when it is spent."""
        return self.spent(budget.unit, state) / budget.amount


class Stopwatch:
    """Seconds of training, without what is put into `paused`; waits for the device where it must."""

    def __init__(self, seconds: float, device: torch.device) -> None:
        self._before = seconds
        self._device = device
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + time.perf_counter() - self._start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stops the watch; the device's queued work is counted first."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self._before = self.seconds()
        try:
            yield
        finally:
            self._start = time.perf_counter()
