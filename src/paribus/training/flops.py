"""Floating-point operations, counted by running one step."""

from __future__ import annotations

import copy

import torch

from paribus.base.torch_internals import FlopCounter
from paribus.objectives.base import Batch, Draw, Nets, Phase


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
        with FlopCounter() as counter:
            phase.loss(nets, batch, Draw(0, "flop", device=batch.images.device))["loss"].backward()
        total += counter.total * phase.repeats / phase.every
    return total / (len(batch) * max(phase.repeats for phase in phases))
