"""Averaged weights: an exponential moving average whose half-life grows with the run."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from paribus.objectives.base import Nets


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
