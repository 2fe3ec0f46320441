"""Wasserstein GAN on critics and generators with known outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from paribus.models import build_networks
from paribus.objectives.base import Batch, Draw
from paribus.objectives.wgan import WGAN
from tests.conftest import fit_in, made_data, tiny_config

N, PIXELS = 6, 16
BATCH = Batch(torch.ones(N, 1, 4, 4), None, 100, 0)


class HalfSquare(nn.Module):
    """scale |x|^2 / 2 + offset; keeps what it sees."""

    def __init__(self, scale: float = 0.7) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.offset = nn.Parameter(torch.tensor(3.0))
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        self.seen.append(images.detach())
        return self.scale * images.flatten(1).square().sum(1, keepdim=True) / 2 + self.offset


class Black(nn.Module):
    """Images of -1, whatever the latent."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.full((len(z), 1, 4, 4), -40.0)


class Grey(nn.Module):
    """Images of tanh(level)."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.level.expand(len(z), 1, 4, 4)


def test_losses_of_both() -> None:
    """D = 0.7 |x|^2 / 2 + 3 at 16 pixels of 1 and of tanh(0.5)."""
    critic, generator = WGAN(latent_dim=2, constraint="clip").phases()
    nets = {"D": HalfSquare(), "G": Grey(0.5)}
    at_real, at_fake = 0.35 * PIXELS + 3, 0.35 * PIXELS * torch.tensor(0.5).tanh().item() ** 2 + 3
    terms = critic.loss(nets, BATCH, Draw(0))
    assert set(terms) == {"loss", "wasserstein"}
    assert terms["loss"].item() == pytest.approx(at_fake - at_real, rel=1e-5)
    assert terms["wasserstein"].item() == pytest.approx(at_real - at_fake, rel=1e-5)
    assert generator.loss(nets, BATCH, Draw(0))["loss"].item() == pytest.approx(-at_fake, rel=1e-5)


def test_penalty_has_one_share_for_each_image() -> None:
    """Between 1 and -1 an image is 2 share - 1 throughout, and the gradient's length is 0.7 |2 share - 1| 4."""
    nets = {"D": HalfSquare(), "G": Black()}
    terms = WGAN(latent_dim=2, penalty_weight=2.5).phases()[0].loss(nets, BATCH, Draw(0))
    between = nets["D"].seen[-1]
    shares = between[:, 0, 0, 0]
    assert torch.equal(between, shares.view(-1, 1, 1, 1).expand_as(between))
    assert len(shares.unique()) == N
    assert ((shares >= -1) & (shares <= 1)).all()
    penalty = ((0.7 * 4 * shares.abs() - 1) ** 2).mean().item()
    assert terms["penalty"].item() == pytest.approx(penalty, rel=1e-5)
    assert terms["wasserstein"].item() == pytest.approx(0, abs=1e-5)  # |1| and |-1| are the same to this critic
    assert terms["loss"].item() == pytest.approx(2.5 * penalty, rel=1e-5)


def test_every_repeat_has_fresh_latents_and_shares() -> None:
    phase = WGAN(latent_dim=2).phases()[0]
    assert phase.repeats == 5
    nets = {"D": HalfSquare(), "G": Black()}
    for repeat in range(2):
        phase.loss(nets, BATCH, Draw(0, "D", repeat, 0))
    assert not torch.equal(nets["D"].seen[1], nets["D"].seen[3])


def test_clipping_bounds_the_critic_alone(tmp_path: Path) -> None:
    objective = WGAN(latent_dim=2, constraint="clip", clip=0.05)
    nets = {"D": HalfSquare(), "G": Grey(0.5)}
    after = objective.phases()[0].after
    assert after is not None
    with torch.no_grad():
        after(nets, BATCH)
    assert [p.item() for p in nets["D"].parameters()] == pytest.approx([0.05, 0.05])
    assert nets["G"].level.item() == 0.5
    assert WGAN().phases()[0].after is None

    config = tiny_config("gan", "objective.name=wgan", "objective.constraint=clip")
    trained = fit_in(tmp_path, config, made_data()).state.nets["D"]
    assert max(p.abs().max().item() for p in trained.parameters()) <= 0.01 * (1 + 1e-6)


def test_penalty_of_a_real_critic_is_that_of_autograd_one_image_at_a_time() -> None:
    data = made_data(size=16)
    config = tiny_config(
        "dcgan", "objective.name=wgan", "backbone.norm=none", "objective.conditional=true", "objective.latent_dim=4"
    )
    nets = build_networks(config, data.shape)
    batch = Batch(data.train.images[:4].float() / 127.5 - 1, data.train.labels[:4], 40, 0)
    objective: Any = config.objective
    terms = objective.phases()[0].loss(nets, batch, Draw(0))

    draw = Draw(0)
    real, fake = objective.real_and_fake(nets, objective.prior(4, draw), batch, draw)
    share = draw.uniform(4, 1, 1, 1)
    total = 0.0
    for k in range(4):
        image = (share[k] * real[k] + (1 - share[k]) * fake[k]).detach()[None]
        jacobian = torch.autograd.functional.jacobian(lambda x, k=k: nets["D"](x, batch.labels[k : k + 1]), image)
        total += (jacobian.norm().item() - 1) ** 2
    assert terms["penalty"].item() == pytest.approx(total / 4, rel=1e-4)


def test_a_trained_critic_reaches_the_known_optimum() -> None:
    """All images are 1 or tanh(0), 4 apart: with slope s the loss is 10 (s - 1)^2 - 4 s, least at s = 1.2: -4.4."""
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    nets: dict[str, nn.Module] = {"D": _WithLabels(critic), "G": Grey(0.0)}
    phase = WGAN(latent_dim=2).phases()[0]
    for rate in (0.01, 0.001, 0.0001):
        optimizer = torch.optim.Adam(critic.parameters(), lr=rate, betas=(0.0, 0.9))
        for step in range(100):
            terms = phase.loss(nets, BATCH, Draw(0, step))
            optimizer.zero_grad()
            terms["loss"].backward()
            optimizer.step()
    assert terms["loss"].item() == pytest.approx(-4.4, rel=0.02)
    assert terms["wasserstein"].item() == pytest.approx(1.2 * 4, rel=0.05)


class _WithLabels(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.net(images)
