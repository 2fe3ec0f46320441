"""What is drawn of a plane, on critics and decoders whose gradients are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from paribus.base.registry import objectives
from paribus.config import ImageShape
from paribus.laboratory.frames import PAIRINGS, as_images, generated, judged_at, lattice, push
from paribus.models import build_networks
from paribus.objectives.adversarial import AdversarialObjective
from paribus.objectives.base import Batch, Draw
from paribus.objectives.gan import GAN
from paribus.objectives.infogan import InfoGAN
from paribus.objectives.r3gan import R3GAN
from paribus.objectives.vae import VAE
from paribus.objectives.wgan import WGAN
from paribus.recipes import model_names, resolve

SLOPE = torch.tensor([0.7, -0.4])
PLACES = torch.tensor([[0.0, 0.0], [0.5, -0.5], [-0.9, 0.3]])


class Plane(nn.Module):
    """A critic of the form SLOPE . x + 0.1, with as many further outputs, 0, as are asked for."""

    def __init__(self, others: int = 0) -> None:
        super().__init__()
        self.others = others

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.with_features(images, labels)[0]

    def with_features(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        value = images.flatten(1) @ SLOPE[:, None] + 0.1
        return torch.cat([value, value.new_zeros(len(value), self.others)], 1), [images]


class Stretch(nn.Module):
    """A decoder to 0.3 z, before the tanh."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return as_images(torch.atanh(0.3 * z))


def pushed(objective: AdversarialObjective, others: int = 0) -> Tensor:
    nets = {"G": Stretch(), "D": Plane(others)}
    real = torch.zeros(PAIRINGS * len(PLACES), 2)
    return push(objective, nets, PLACES, Batch(as_images(real), None, len(real), 0), Draw(0))


def judged_values() -> Tensor:
    return PLACES @ SLOPE + 0.1


def test_the_lattice_runs_along_x_first_and_stays_inside() -> None:
    assert lattice(2).tolist() == [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]
    assert lattice(3, 1.5)[-1].numpy() == pytest.approx(1.0)


def test_a_critic_that_is_a_plane_pushes_alike_everywhere() -> None:
    """A Wasserstein GAN's G loses -D: each sample is pushed along the critic's slope, however many there are."""
    assert torch.allclose(pushed(WGAN(latent_dim=2)), SLOPE.expand(3, 2))


@pytest.mark.parametrize(
    ("loss", "weight"),
    [
        ("non-saturating", lambda f: torch.sigmoid(-f)),  # of -log sigma(f)
        ("minimax", torch.sigmoid),  # of log(1 - sigma(f))
        ("hinge", torch.ones_like),
        ("least-squares", lambda f: 1 - f),
    ],
)
def test_the_push_of_each_loss_is_its_derivative_times_the_slope(loss: Any, weight: Callable[[Tensor], Tensor]) -> None:
    expected = weight(judged_values())[:, None] * SLOPE
    assert torch.allclose(pushed(GAN(latent_dim=2, loss=loss)), expected, atol=1e-6)


def test_the_push_of_a_pairing_loss() -> None:
    """All real points lie at 0, where D is 0.1: of -log sigma(f - r)."""
    expected = torch.sigmoid(0.1 - judged_values())[:, None] * SLOPE
    assert torch.allclose(pushed(R3GAN(latent_dim=2)), expected, atol=1e-6)


def test_codes_that_d_cannot_read_do_not_push() -> None:
    expected = torch.sigmoid(-judged_values())[:, None] * SLOPE
    assert torch.allclose(pushed(InfoGAN(latent_dim=2, categories=3, continuous=1), others=5), expected, atol=1e-6)


def test_values_and_points() -> None:
    assert torch.allclose(judged_at(Plane(2), PLACES), judged_values())
    z = torch.tensor([[1.0, -2.0], [0.0, 0.5]])
    assert torch.allclose(generated(WGAN(latent_dim=2), {"G": Stretch()}, z), 0.3 * z)


def test_what_objectives_say_of_d() -> None:
    assert GAN().judgement == "logit"
    assert GAN(loss="hinge").judgement == "score"
    assert WGAN().judgement == "score"
    assert VAE().judgement is None


@pytest.mark.parametrize("name", objectives.names())
def test_d_sees_images_where_an_objective_says_so(name: str) -> None:
    """Where there is a judgement D takes a point as an image; the others have no D, or one of latents."""
    model = next(model for model in model_names() if resolve(model).objective.name == name)
    config = resolve(model, {"backbone": {"name": "mlp", "width": 8}})
    nets = build_networks(config, ImageShape(2, 1, classes=3))
    if config.objective.judgement is None:
        assert not hasattr(nets.get("D"), "with_features")
    else:
        assert judged_at(nets["D"], PLACES).shape == (3,)
