"""Floating-point operations, counted by running one step."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from paribus.objectives.base import Batch, Draw, Nets, Phase


class _Counter(TorchDispatchMode):
    """Adds up the operations that pass, by torch's own formulas.

    `torch.utils.flop_counter.FlopCounterMode` finds the same and imports torch's compiler for it, over a second's work.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, so there is nothing to skip

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **kwargs, out_val=found)
        return found


def flop_per_image(nets: Nets, phases: tuple[Phase, ...], batch: Batch) -> float:
    """Operations (a multiply-add counts two) of one training step, divided by the images it sees.

    Counted over the matrix products and convolutions, forward and backward, on copies of the networks and the first
    few images of the batch; phases that run only in some steps count by their share. Torch's random state is left as it
    was.
    """
    with torch.random.fork_rng(devices=[]):
        return _counted(copy.deepcopy(nets), phases, batch.rows(0, min(len(batch), 4)))


def _counted(nets: Nets, phases: tuple[Phase, ...], batch: Batch) -> float:
    total = 0.0
    for phase in phases:
        for role, net in nets.items():
            net.requires_grad_(role in phase.trains)
        with _Counter() as counter:
            phase.loss(nets, batch, Draw(0, "flop", device=batch.images.device))["loss"].backward()
        total += counter.total * phase.repeats / phase.every
    return total / (len(batch) * max(phase.repeats for phase in phases))
