"""Operations of a step, against torch's own counter."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from paribus.config import ImageShape
from paribus.models import build_networks
from paribus.objectives.base import Batch, Draw
from paribus.recipes import resolve
from paribus.training.step import flop_per_image


@pytest.mark.parametrize("model", ["gan", "vae", "conv-vae", "wgan-gp", "cvae-gan", "biggan", "r3gan", "iwae"])
def test_operations_are_those_of_torchs_own_counter(model: str) -> None:
    config = resolve(model, {"data": {"size": 16, "channels": 3}}, overrides=["backbone.width=8"])
    nets = build_networks(config, ImageShape(3, 16, 10))
    batch = Batch(torch.rand(4, 3, 16, 16) * 2 - 1, torch.arange(4), 100, 0)
    expected = 0.0
    for phase in config.objective.phases():
        for role, net in nets.items():
            net.requires_grad_(role in phase.trains)
        with FlopCounterMode(display=False) as counter:
            phase.loss(nets, batch, Draw(0, "flop"))["loss"].backward()
        expected += counter.get_total_flops() * phase.repeats / phase.every
    steps = max(phase.repeats for phase in config.objective.phases())
    assert flop_per_image(nets, config.objective.phases(), batch) == pytest.approx(expected / 4 / steps, rel=1e-12)
    assert expected > 0
