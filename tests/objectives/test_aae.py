"""The adversarial autoencoder's losses, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from paribus.objectives.autoencoder import AAE
from paribus.objectives.base import Batch, Draw
from tests.objectives import linear


class First(nn.Module):
    """Judges a latent by its value times `slope`."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.slope * z


class MeanEncoder(nn.Module):
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return 2 * images.flatten(1)


def terms(phase: int, slope: float, weight: float = 10.0) -> dict[str, Tensor]:
    settings = AAE(latent_dim=1, likelihood="gaussian", adversarial_weight=weight)
    nets = {"E": MeanEncoder(), "G": linear.LinearDecoder(), "D": First(slope)}
    return settings.phases()[phase].loss(nets, Batch(linear.images(2000), None, 7, 0), Draw(0))


def test_a_critic_that_knows_nothing_is_at_the_equilibrium() -> None:
    assert terms(0, 0.0)["loss"].item() == pytest.approx(2 * math.log(2), rel=1e-6)
    assert terms(1, 0.0)["adversarial"].item() == pytest.approx(math.log(2), rel=1e-6)


def test_losses_by_hand() -> None:
    z = 2 * linear.images().flatten()
    found = terms(1, 3.0, weight=5.0)
    expected = -(3 * z).sigmoid().log().mean()
    torch.testing.assert_close(found["adversarial"], expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(found["loss"], found["reconstruction"] + 5 * found["adversarial"])
    prior = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    of_prior = -(3 * prior).sigmoid().log().mean()
    of_encoded = -(1 - (3 * z).sigmoid()).log().mean()
    torch.testing.assert_close(terms(0, 3.0)["loss"], of_prior + of_encoded, rtol=0, atol=0.05)
