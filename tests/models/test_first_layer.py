"""The first layer that z enters, of every backbone."""

from __future__ import annotations

import pytest
import torch

from paribus.base.registry import backbones
from paribus.config import ImageShape
from paribus.models import Model, build_networks
from tests.conftest import tiny_config


@pytest.mark.parametrize("conditional", ["false", "true"])
@pytest.mark.parametrize("backbone", backbones.names())
def test_it_is_affine_in_z(backbone: str, conditional: str) -> None:
    config = tiny_config("gan", f"backbone.name={backbone}", f"objective.conditional={conditional}")
    shape = ImageShape(1, 8, 3)
    model = Model(config, {"G": build_networks(config, shape)["G"]}, shape)
    a, b = torch.randn(2, 1, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([1]) if conditional == "true" else None
    ends = [model.first_layer(z, labels) for z in (a + b, a, b, 0 * a)]
    torch.testing.assert_close(ends[0] + ends[3], ends[1] + ends[2])
    assert not torch.equal(ends[1], ends[2]) and ends[0].shape[0] == 1


def test_of_fully_connected_layers_it_is_the_first_ones_output() -> None:
    config = tiny_config("gan")
    model = Model(config, {"G": build_networks(config, ImageShape(1, 8))["G"]}, ImageShape(1, 8))
    z = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    linear = next(layer for layer in model.nets["G"].modules() if isinstance(layer, torch.nn.Linear))
    assert torch.equal(model.first_layer(z), linear(z))
