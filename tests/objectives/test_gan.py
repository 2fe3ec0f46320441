"""The four losses against their formulas, on networks with known outputs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from paribus.errors import ParibusError
from paribus.objectives.base import Batch, Draw, couples_images
from paribus.objectives.gan import GAN
from tests.conftest import made_data, tiny_config

REAL, FAKE = 0.7, -0.4


class _KnownDiscriminator(nn.Module):
    """REAL for bright images, FAKE for dark ones."""

    def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return torch.where(images.flatten(1).mean(1, keepdim=True) > 0, REAL, FAKE)


class _DarkGenerator(nn.Module):
    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return torch.full((len(z), 1, 2, 2), -9.0)


def losses(**settings: object) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    nets = {"D": _KnownDiscriminator(), "G": _DarkGenerator()}
    batch = Batch(torch.full((6, 1, 2, 2), 0.9), None, 100, 0)
    discriminator, generator = GAN(latent_dim=2, **settings).phases()
    return discriminator.loss(nets, batch, Draw(0)), generator.loss(nets, batch, Draw(0))


def log_sigmoid(x: float) -> float:
    return -math.log(1 + math.exp(-x))


CROSS_ENTROPY = -log_sigmoid(REAL) - log_sigmoid(-FAKE)


@pytest.mark.parametrize(
    ("loss", "of_d", "of_g"),
    [
        ("non-saturating", CROSS_ENTROPY, -log_sigmoid(FAKE)),
        ("minimax", CROSS_ENTROPY, log_sigmoid(-FAKE)),
        ("hinge", (1 - REAL) + (1 + FAKE), -FAKE),
        ("least-squares", (REAL - 1) ** 2 / 2 + FAKE**2 / 2, (FAKE - 1) ** 2 / 2),
    ],
)
def test_losses(loss: str, of_d: float, of_g: float) -> None:
    discriminator, generator = losses(loss=loss)
    assert discriminator["loss"].item() == pytest.approx(of_d, rel=1e-6)
    assert generator["loss"].item() == pytest.approx(of_g, rel=1e-6)
    assert discriminator["accuracy_real"].item() == 1
    assert discriminator["accuracy_fake"].item() == 1


def test_label_smoothing_is_one_sided() -> None:
    smooth = losses(label_smoothing=0.1)[0]["loss"].item()
    assert smooth == pytest.approx(-0.9 * log_sigmoid(REAL) - 0.1 * log_sigmoid(-REAL) - log_sigmoid(-FAKE), rel=1e-6)


def test_smoothing_has_no_meaning_for_the_hinge_loss() -> None:
    with pytest.raises(ParibusError, match="label_smoothing needs a loss with a target"):
        tiny_config("gan", "objective.loss=hinge", "objective.label_smoothing=0.1")


def test_one_pass_over_both_batches_equals_two() -> None:
    """Without batch norm D sees real and generated images in one pass; the loss must not notice."""
    from paribus.models import build_networks

    data, config = made_data(), tiny_config("gan")
    nets = build_networks(config, data.shape)
    batch = Batch(data.train.images[:8].float() / 127.5 - 1, None, 40, 0)
    together = config.objective.phases()[0].loss(nets, batch, Draw(1))["loss"]
    nets["D"].add_module("unused", nn.BatchNorm1d(1))  # makes the objective believe that images are coupled
    assert couples_images(nets["D"])
    apart = config.objective.phases()[0].loss(nets, batch, Draw(1))["loss"]
    torch.testing.assert_close(together, apart)


def test_dropout_is_in_the_discriminator_alone() -> None:
    from paribus.models import build_networks

    nets = build_networks(tiny_config("gan", "objective.dropout=0.5"), made_data().shape)
    assert any(isinstance(module, nn.Dropout) for module in nets["D"].modules())
    assert not any(isinstance(module, nn.Dropout) for module in nets["G"].modules())
