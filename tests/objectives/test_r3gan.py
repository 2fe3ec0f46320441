"""The relativistic loss and its two penalties on critics with known outputs and gradients."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from paribus.base.errors import ParibusError
from paribus.config import Optimizer, Schedule
from paribus.models import build_networks
from paribus.objectives.base import Batch, Draw, couples_images
from paribus.objectives.r3gan import R3GAN
from tests.conftest import made_data, tiny_config

SCALE = 0.7


class HalfSquare(nn.Module):
    """SCALE |x|^2 / 2, with the gradient SCALE x."""

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return SCALE * images.flatten(1).square().sum(1, keepdim=True) / 2


class Latents(nn.Module):
    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return z.view(-1, 1, 2, 2)


REAL = torch.rand(6, 1, 2, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1


def both(images_seen: int = 0, **settings: Any) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    objective = R3GAN(latent_dim=4, **settings)
    nets, batch = {"D": HalfSquare(), "G": Latents()}, Batch(REAL, None, 100, images_seen)
    of_d, of_g = [phase.loss(nets, batch, Draw(0)) for phase in objective.phases()]
    return of_d, of_g, torch.tanh(Draw(0).normal(6, 4)).view(6, 1, 2, 2)


def by_hand(real: Tensor, fake: Tensor) -> tuple[float, float, float, float]:
    """Both pairing terms, R1 and R2, image by image."""
    pairing_d = pairing_g = r1 = r2 = 0.0
    for x, y in zip(real.flatten(1).tolist(), fake.flatten(1).tolist(), strict=True):
        of_x, of_y = (SCALE * sum(v * v for v in image) / 2 for image in (x, y))
        pairing_d += math.log1p(math.exp(-(of_x - of_y))) / len(real)
        pairing_g += math.log1p(math.exp(-(of_y - of_x))) / len(real)
        r1 += sum((SCALE * v) ** 2 for v in x) / len(real)
        r2 += sum((SCALE * v) ** 2 for v in y) / len(real)
    return pairing_d, pairing_g, r1, r2


def test_both_losses() -> None:
    of_d, of_g, fake = both(gamma=0.3)
    pairing_d, pairing_g, r1, r2 = by_hand(REAL, fake)
    assert of_d["pairing"].item() == pytest.approx(pairing_d, rel=1e-5)
    assert of_d["r1"].item() == pytest.approx(r1, rel=1e-5)
    assert of_d["r2"].item() == pytest.approx(r2, rel=1e-5)
    assert of_d["loss"].item() == pytest.approx(pairing_d + 0.15 * (r1 + r2), rel=1e-5)
    assert of_g["loss"].item() == pytest.approx(pairing_g, rel=1e-5)


def test_accuracy_is_the_share_of_pairs_in_order() -> None:
    of_d, _, fake = both()
    right = REAL.flatten(1).norm(dim=1) > fake.flatten(1).norm(dim=1)
    assert of_d["accuracy"].item() == pytest.approx(right.float().mean().item())


@pytest.mark.parametrize(("images_seen", "gamma"), [(0, 0.4), (500, 0.25), (1000, 0.1), (5000, 0.1)])
def test_gamma_may_be_a_schedule(images_seen: int, gamma: float) -> None:
    scheduled = both(images_seen, gamma=Schedule(start=0.4, end=0.1, images=1000))[0]["loss"]
    assert scheduled.item() == pytest.approx(both(gamma=gamma)[0]["loss"].item(), rel=1e-6)


def test_gamma_is_not_negative() -> None:
    with pytest.raises(ParibusError, match=r"objective\.gamma.*(\n.*)*must be from 0 to"):
        tiny_config("gan", "objective.name=r3gan", "objective.gamma=-1")


def test_a_schedule_can_be_set_from_the_command_line() -> None:
    value = "{start: 0.05, end: 0.005, images: 1000}"
    config = tiny_config("gan", "objective.name=r3gan", f"objective.gamma={value}")
    assert config.objective.gamma == Schedule(start=0.05, end=0.005, images=1000)  # type: ignore[attr-defined]


def test_default_optimizers_move_as_published() -> None:
    for role in ("G", "D"):
        optimizer = R3GAN.optimizers[role]
        assert optimizer.at(0) == pytest.approx({"learning_rate": 2e-4, "beta1": 0.0, "beta2": 0.9})
        assert optimizer.at(1e9) == pytest.approx({"learning_rate": 5e-5, "beta1": 0.0, "beta2": 0.99})
    assert isinstance(R3GAN.optimizers["G"], Optimizer)


def networks() -> tuple[Any, dict[str, nn.Module], Batch]:
    data = made_data(size=16)
    config = tiny_config(
        "dcgan", "objective.name=r3gan", "backbone.norm=none", "objective.conditional=true", "objective.latent_dim=4"
    )
    batch = Batch(data.train.images[:4].float() / 127.5 - 1, data.train.labels[:4], 40, 0)
    return config.objective, build_networks(config, data.shape), batch


def test_penalties_of_a_real_critic_are_those_of_autograd_one_image_at_a_time() -> None:
    objective, nets, batch = networks()
    terms = objective.phases()[0].loss(nets, batch, Draw(0))
    draw = Draw(0)
    groups = objective.real_and_fake(nets, objective.prior(4, draw), batch, draw)
    for name, images in zip(("r1", "r2"), groups, strict=True):
        squares = [
            torch.autograd.functional.jacobian(
                lambda x, k=k: nets["D"](x, batch.labels[k : k + 1]), images[k : k + 1].detach()
            ).square().sum()
            for k in range(4)
        ]  # fmt: skip
        torch.testing.assert_close(terms[name], torch.stack(squares).mean(), rtol=1e-4, atol=1e-9)


def test_one_pass_over_both_batches_equals_two() -> None:
    objective, nets, batch = networks()
    together = objective.phases()[0].loss(nets, batch, Draw(1))
    nets["D"].add_module("unused", nn.BatchNorm1d(1))  # makes the objective believe that images are coupled
    assert couples_images(nets["D"])
    torch.testing.assert_close(objective.phases()[0].loss(nets, batch, Draw(1)), together)


def test_the_critic_runs_in_full_precision_under_autocast() -> None:
    objective, nets, batch = networks()
    seen: list[Tensor] = []
    nets["D"].register_forward_hook(lambda module, inputs, output: seen.extend([*inputs[:1], output]))
    with torch.autocast("cpu", torch.bfloat16):
        terms = objective.phases()[0].loss(nets, batch, Draw(0))
    assert {tensor.dtype for tensor in seen} == {torch.float32}
    assert {value.dtype for value in terms.values()} == {torch.float32}
