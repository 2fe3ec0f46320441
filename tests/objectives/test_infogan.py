"""InfoGAN's codes, and its information term against torch.distributions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Normal

from paribus.models import build_networks
from paribus.objectives.base import Batch, Draw
from paribus.objectives.infogan import LEAST_VARIANCE, InfoGAN
from tests.conftest import fit_in, made_data, tiny_config

N = 6


class Echo(nn.Module):
    """Puts out given numbers, the same in each call: those of generated images after those of real ones."""

    def __init__(self, outputs: Tensor) -> None:
        super().__init__()
        self.outputs = nn.Parameter(outputs)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.outputs[-len(images) :]


class Flat(nn.Module):
    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.zeros(len(z), 1, 2, 2)


def terms_of(phase: int, **settings: Any) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """A phase's terms, D's outputs for real and generated images, and the codes."""
    objective = InfoGAN(latent_dim=3, categories=4, continuous=2, **settings)
    outputs = torch.randn(2 * N, 1 + 4 + 2 * 2, generator=torch.Generator().manual_seed(0))
    nets = {"D": Echo(outputs), "G": Flat()}
    terms = objective.phases()[phase].loss(nets, Batch(torch.zeros(N, 1, 2, 2), None, 100, 0), Draw(0))
    return terms, outputs, objective.prior(N, Draw(0))


def test_latents_are_noise_a_category_and_uniform_codes() -> None:
    z = InfoGAN(latent_dim=3).prior(4000, Draw(0))
    assert z.shape == (4000, 3 + 10 + 2)
    assert z[:, :3].std().item() == pytest.approx(1, abs=0.03)
    category, codes = z[:, 3:13], z[:, 13:]
    assert torch.equal(category.sum(1), torch.ones(4000))
    assert torch.equal(category.amax(1), torch.ones(4000))
    assert ((category.mean(0) - 0.1).abs() < 0.02).all()
    assert codes.abs().max() <= 1
    assert codes.var().item() == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("phase", [0, 1])
def test_information_is_that_of_torch_distributions(phase: int) -> None:
    terms, outputs, z = terms_of(phase, categorical_weight=0.8, continuous_weight=0.3)
    of_fake = outputs[N:]
    categorical = -Categorical(logits=of_fake[:, 1:5]).log_prob(z[:, 3:7].argmax(1)).mean()
    deviations = (LEAST_VARIANCE + of_fake[:, 7:9].exp()).sqrt()
    continuous = -Normal(of_fake[:, 5:7], deviations).log_prob(z[:, 7:9]).sum(1).mean()
    torch.testing.assert_close(terms["categorical_nats"], categorical)
    torch.testing.assert_close(terms["continuous_nats"], continuous)
    entropy = math.log(4) + 2 * math.log(2)
    torch.testing.assert_close(terms["information"], entropy - categorical - continuous)

    r, f = (torch.sigmoid(part[:, 0].double()) for part in outputs.split(N))
    adversarial = -(r.log().mean() + (1 - f).log().mean()) if phase == 0 else -f.log().mean()
    expected = adversarial.float() + 0.8 * categorical + 0.3 * continuous
    torch.testing.assert_close(terms["loss"], expected)


def test_accuracies() -> None:
    terms, outputs, _ = terms_of(0)
    assert terms["accuracy_real"].item() == pytest.approx((outputs[:N, 0] > 0).float().mean().item())
    assert terms["accuracy_fake"].item() == pytest.approx((outputs[N:, 0] < 0).float().mean().item())


def test_the_variance_has_a_floor() -> None:
    """A code read without error from a variance of 0 would be worth infinitely much."""
    objective = InfoGAN(latent_dim=3, categories=2, continuous=1)
    z = objective.prior(1, Draw(0))
    outputs = torch.cat([torch.zeros(1, 3), z[:, 5:], torch.full((1, 1), -300.0)], dim=1)
    nets = {"D": Echo(outputs), "G": Flat()}
    found = objective.phases()[1].loss(nets, Batch(torch.zeros(1, 1, 2, 2), None, 9, 0), Draw(0))["continuous_nats"]
    assert found.item() == pytest.approx(0.5 * math.log(2 * math.pi * LEAST_VARIANCE), rel=1e-5)


def test_without_continuous_codes() -> None:
    objective = InfoGAN(latent_dim=3, categories=4, continuous=0)
    assert objective.prior(5, Draw(0)).shape == (5, 7)
    nets = {"D": Echo(torch.zeros(N, 5)), "G": Flat()}
    terms = objective.phases()[1].loss(nets, Batch(torch.zeros(N, 1, 2, 2), None, 9, 0), Draw(0))
    assert terms["continuous_nats"].item() == 0
    assert terms["categorical_nats"].item() == pytest.approx(math.log(4))
    assert terms["information"].item() == pytest.approx(0, abs=1e-6)


def test_networks_have_room_for_the_codes() -> None:
    config = tiny_config("gan", "objective.name=infogan", "objective.conditional=true")
    data = made_data()
    nets = build_networks(config, data.shape)
    z = config.objective.prior(5, Draw(0))
    labels = data.train.labels[:5]
    images = config.objective.generate(nets, z, labels)
    assert nets["D"](images, labels).shape == (5, 1 + 10 + 2 * 2)


def test_codes_are_learned(tmp_path: Path) -> None:
    """After so few steps the category can be read from the image: log 3 nats at first, then less than half of that."""
    rates = [f"training.optimizer.{role}.learning_rate=0.004" for role in "GD"]
    config = tiny_config(
        "gan",
        "objective.name=infogan",
        "objective.categories=3",
        "backbone.width=64",
        "training.budget=120updates",
        *rates,
    )
    nets = fit_in(tmp_path, config, made_data()).state.nets
    batch = Batch(torch.zeros(500, 1, 8, 8), None, 40, 0)
    generator = config.objective.phases()[1]
    fresh = build_networks(config, made_data().shape)
    assert generator.loss(fresh, batch, Draw(7))["categorical_nats"].item() == pytest.approx(math.log(3), abs=0.3)
    assert generator.loss(nets, batch, Draw(7))["categorical_nats"].item() < math.log(3) / 2
