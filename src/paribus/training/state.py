"""What a run carries from one step to the next, how it is written and read, and how far it has come."""

from __future__ import annotations

import copy
import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from paribus.base.errors import ParibusError
from paribus.config import Budget, TrainingSettings
from paribus.objectives.base import Nets

_SHARE = re.compile(r"\d{1,9}/\d{1,9}|\d{0,9}\.?\d{1,9}", re.ASCII)


class Averages:
    """Averaged copies of some roles' networks, floating buffers included.

    After each update avg <- avg + (1 - b) * (weights - avg) with b = 0.5^(batch / half-life) and half-life =
    min(half_life_images, rampup_ratio * images so far), so that the average forgets the first steps of a short run.
    """

    def __init__(self, nets: Nets, roles: tuple[str, ...], half_life_images: float, rampup_ratio: float) -> None:
        self.half_life_images = half_life_images
        self.rampup_ratio = rampup_ratio
        self.nets: Nets = {role: copy.deepcopy(nets[role]).requires_grad_(False).eval() for role in roles}
        self._pairs = [(self.nets[role], nets[role]) for role in roles]
        self._floating: tuple[list[Tensor], list[Tensor]] | None = None

    @torch.no_grad()
    def update(self, batch_images: int, images_seen: int) -> None:
        """Moves the averages; `images_seen` counts this batch too."""
        half_life = min(self.half_life_images, self.rampup_ratio * images_seen)
        average = get_ema_multi_avg_fn(0.5 ** (batch_images / half_life) if half_life else 0.0)
        average(*self._tensors(), None)
        for averaged, net in self._pairs:
            for target, source in zip(averaged.buffers(), net.buffers(), strict=True):
                if not source.is_floating_point():
                    target.copy_(source)

    def _tensors(self) -> tuple[list[Tensor], list[Tensor]]:
        if self._floating is None:
            averages, current = [], []
            for average, net in self._pairs:
                for target, source in zip(_all_tensors(average), _all_tensors(net), strict=True):
                    if source.is_floating_point():
                        averages.append(target)
                        current.append(source.detach())
            self._floating = averages, current
        return self._floating


def _all_tensors(net: nn.Module) -> list[Tensor]:
    return [parameter.data for parameter in net.parameters()] + list(net.buffers())


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

    def saved(self) -> bytes:
        """The content of a checkpoint; a run that has not ended is loaded from its averages and progress."""
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
        return buffer.getvalue()

    def load(self, checkpoint: bytes | memoryview) -> None:
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


@dataclass(frozen=True)
class SnapshotSchedule:
    """Amounts of training after which, or an interval at which, a snapshot is due."""

    marks: tuple[Budget, ...]
    every: Budget | None

    @classmethod
    def of(cls, settings: TrainingSettings) -> SnapshotSchedule:
        """Reads `training.snapshots`.

        Raises:
            ParibusError: An entry is neither a fraction of the budget nor an amount.
        """
        where = "training.snapshots"
        if isinstance(settings.snapshots, str):
            word, _, amount = settings.snapshots.partition(" ")
            if word != "every":
                raise ParibusError(
                    "Snapshots are a list, or one interval.",
                    where=where,
                    got=repr(settings.snapshots),
                    expected='["1/4", "10epochs"] or "every 10epochs"',
                )
            return cls((), Budget.parse(amount, where))
        return cls(tuple(_mark(entry, settings.budget, where) for entry in settings.snapshots), None)

    def due(self, pace: Pace, state: TrainingState) -> int:
        """How many snapshots were due up to now; a snapshot is due whenever this number rises."""
        if self.every is not None:
            return int(pace.fraction(self.every, state))
        return sum(pace.fraction(mark, state) >= 1 for mark in self.marks)


def _mark(entry: str, budget: Budget, where: str) -> Budget:
    if not _SHARE.fullmatch(entry):  # Fraction itself would compute 1e999999999
        return Budget.parse(entry, where)
    try:
        share = Fraction(entry)
    except ZeroDivisionError:
        share = Fraction(0)
    if not 0 < share <= 1:
        raise ParibusError("A snapshot's share of the budget lies between 0 and 1.", where=where, got=entry)
    return Budget(float(share) * budget.amount, budget.unit)
