"""Gradients that are too long are shortened, and the rates of layers that read pixels are cut."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from paribus.backbones.mlp import MLP, PixelLayer
from paribus.base.errors import ParibusError
from paribus.config import ImageShape, Optimizer
from paribus.models.files import weights_of
from paribus.recipes import RunConfig, resolve
from paribus.training.optimizers import build_optimizers, clip_gradients, set_scheduled
from tests.conftest import fit_in, made_data, tiny_config


def weights_with(folder: Path, *overrides: str) -> bytes:
    return weights_of(fit_in(folder, tiny_config("vae", *overrides), made_data()).model.nets)


def test_a_gradient_within_its_bound_keeps_every_bit(tmp_path: Path) -> None:
    unbounded = weights_with(tmp_path / "a")
    assert weights_with(tmp_path / "b", "training.gradient_clip=1e9") == unbounded
    assert weights_with(tmp_path / "c", "training.gradient_clip.E=1e9") == unbounded


def test_a_bound_that_bites_changes_the_weights(tmp_path: Path) -> None:
    """By gradient descent, whose steps follow the gradient's length."""
    descent = ("training.optimizer.E.kind=sgd", "training.optimizer.G.kind=sgd")
    unbounded, bounded = (weights_with(tmp_path / o[-1], *descent, o) for o in ("training.gradient_clip=null",
                          "training.gradient_clip.E=1"))  # fmt: skip
    assert bounded != unbounded


def test_a_gradient_is_shortened_over_all_parameters_together() -> None:
    net = nn.Linear(3, 2)
    net.weight.grad, net.bias.grad = torch.full((2, 3), 3.0), torch.full((2,), 4.0)
    clip_gradients(torch.optim.SGD(net.parameters()), 0.5)
    length = torch.cat([net.weight.grad.flatten(), net.bias.grad]).norm()
    assert length == pytest.approx(0.5, rel=1e-5)
    assert net.bias.grad[0] / net.weight.grad[0, 0] == pytest.approx(4 / 3)


def test_a_bound_names_a_network_of_the_objective(tmp_path: Path) -> None:
    with pytest.raises(ParibusError, match=r"some of E, G(.*\n)*.*training\.gradient_clip\.E=") as caught:
        fit_in(tmp_path, tiny_config("vae", "training.gradient_clip.D=1"), made_data())
    assert caught.value.where == "training.gradient_clip"


def test_a_bound_is_positive() -> None:
    with pytest.raises(ParibusError, match=r"training\.gradient_clip"):
        resolve("vae", overrides=["training.gradient_clip=0"])


def encoder_rates(config: RunConfig, image: ImageShape) -> list[float]:
    nets = config.objective.roles(config.backbone, image)
    optimizer = build_optimizers(config, nets)["E"]
    set_scheduled(optimizer, config.training.optimizer["E"], 0)
    return [group["lr"] for group in optimizer.param_groups]


def test_the_rate_of_a_layer_that_reads_many_pixels_is_cut() -> None:
    """One update moves a hidden unit no further at 64 pixels in colour than at the 784 that rates were chosen on."""
    config = resolve("vae")
    assert encoder_rates(config, ImageShape(1, 28)) == [0.003]
    assert encoder_rates(config, ImageShape(3, 64)) == [0.003, 2.4 / 12288]
    assert encoder_rates(resolve("vae", overrides=["training.optimizer.E.kind=sgd"]), ImageShape(3, 64)) == [0.003]


def test_a_schedule_stays_below_the_cut() -> None:
    config = resolve("vae", {"training": {"optimizer": {"E": {"learning_rate": {"start": 1, "end": 0, "images": 8}}}}})
    nets = config.objective.roles(config.backbone, ImageShape(1, 28))
    optimizer = build_optimizers(config, nets)["E"]
    rates = []
    for images in (0, 8):
        set_scheduled(optimizer, config.training.optimizer["E"], images)
        rates.append([group["lr"] for group in optimizer.param_groups])
    assert rates == [[1.0, 2.4 / 784], [0.0, 0.0]]


def test_one_update_moves_a_hidden_unit_alike_at_every_size() -> None:
    """By Adam, on one bright image: the first layer's output moves by its rate times the inputs."""
    moves = []
    for size in (28, 64, 128):
        torch.manual_seed(0)
        image = ImageShape(3, size)
        config = resolve("vae")
        nets = config.objective.roles(MLP(width=8), image)
        optimizer = build_optimizers(config, nets)["E"]
        (layer,) = [module for module in nets["E"].modules() if isinstance(module, PixelLayer)]
        bright = torch.ones(1, image.pixels)
        before = layer(bright).detach()
        layer(bright).sum().backward()
        set_scheduled(optimizer, Optimizer(learning_rate=0.003), 0)
        optimizer.step()
        moves.append(float((layer(bright).detach() - before).abs().max()))
    assert moves == pytest.approx([2.4] * 3, rel=0.01)


def test_a_bound_of_a_preset_can_be_taken_off_and_stays_with_its_objective() -> None:
    assert resolve("vae-gan").training.gradient_clip == {"E": 5e4}
    assert resolve("vae-gan", overrides=["training.gradient_clip=null"]).training.gradient_clip is None
    assert resolve("vae-gan", overrides=["objective.name=gan"]).training.gradient_clip is None
