"""The convolutional networks of tikayyolla-2020 and chaturvedula-2023: counts, sides, and what each setting does."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, leaky_relu

from paribus.backbones.conv import WIDTHS, Conv
from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.recipes import resolve

MNIST = ImageShape(1, 28)
PLANS = list(WIDTHS)


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def up_shapes(net: nn.Module, latent_dim: int) -> list[tuple[int, ...]]:
    """Shapes after each dense layer, after the reshape, and after each transposed convolution."""
    shapes: list[tuple[int, ...]] = []
    for module in net.modules():
        if isinstance(module, (nn.Linear, nn.Unflatten, nn.ConvTranspose2d)):
            module.register_forward_hook(lambda _module, _given, output: shapes.append(tuple(output.shape[1:])))
    net(torch.zeros(1, latent_dim))
    return shapes


def down_shapes(net: nn.Module, image: ImageShape) -> list[tuple[int, ...]]:
    _, features = net.with_features(torch.zeros(1, image.channels, image.size, image.size))
    return [tuple(stage.shape[1:]) for stage in features]


def test_chaturvedula_gan_is_the_published_network() -> None:
    """Dense 7x7x128, dense 14x14x64 as 7x7x256, transposed 64 and 1; four convolutions and one output; 5x5 kernels."""
    net = Conv(plan="chaturvedula-gan")
    up, down = net.up(100, MNIST), net.down(MNIST, 1)
    dense = 100 * 6272 + 6272 + 6272 * 12544 + 12544
    assert count(up) == dense + 25 * 256 * 64 + 64 + 25 * 64 + 1
    assert count(up) == pytest.approx(79.7e6, rel=0.01)
    kernels = 25 * (1 * 64 + 64 * 128 + 128 * 256 + 256 * 512)
    assert count(down) == kernels + 64 + 128 + 256 + 512 + 2 * 2 * 512 + 1
    assert count(down) == pytest.approx(4.3e6, rel=0.01)
    assert up_shapes(up, 100) == [(7 * 7 * 128,), (14 * 14 * 64,), (256, 7, 7), (64, 14, 14), (1, 28, 28)]
    assert down_shapes(down, MNIST) == [(64, 14, 14), (128, 7, 7), (256, 4, 4), (512, 2, 2)]
    assert down.head[0].in_features == 2048


def test_chaturvedula_vae_is_the_published_network() -> None:
    """Convolutions 32, 64 and dense 512, 256; dense 256, 512, 7x7x64 and transposed 64, 1; 3x3 kernels."""
    net = Conv(plan="chaturvedula-vae")
    encoder, decoder = net.down(MNIST, 20), net.up(10, MNIST)
    convolutions = 9 * 32 + 32 + 9 * 32 * 64 + 64
    assert count(encoder) == convolutions + (3136 * 512 + 512) + (512 * 256 + 256) + (256 * 20 + 20)
    dense = (10 * 256 + 256) + (256 * 512 + 512) + (512 * 3136 + 3136)
    assert count(decoder) == dense + 9 * 64 * 64 + 64 + 9 * 64 + 1
    assert down_shapes(encoder, MNIST) == [(32, 14, 14), (64, 7, 7), (512,), (256,)]
    assert up_shapes(decoder, 10) == [(256,), (512,), (3136,), (64, 7, 7), (64, 14, 14), (1, 28, 28)]


@pytest.mark.parametrize(
    ("depth", "maps"),
    [
        (2, [(32, 14, 14), (64, 7, 7)]),
        (3, [(32, 14, 14), (64, 7, 7), (128, 4, 4)]),
        (4, [(32, 14, 14), (64, 7, 7), (128, 4, 4), (256, 2, 2)]),
    ],
)
def test_tikayyolla_halves_and_doubles_back(depth: int, maps: list[tuple[int, ...]]) -> None:
    net = Conv(depth=depth)
    assert down_shapes(net.down(MNIST, 4), MNIST) == maps
    assert up_shapes(net.up(2, MNIST), 2) == [(math.prod(maps[-1]),), *maps[::-1], (1, 28, 28)]


def test_tikayyolla_counts() -> None:
    net = Conv(depth=3)
    assert count(net.down(MNIST, 4)) == 9 * (32 + 32 * 64 + 64 * 128) + 32 + 64 + 128 + 4 * 4 * 128 * 4 + 4
    dense = 2 * 4 * 4 * 128 + 4 * 4 * 128
    assert count(net.up(2, MNIST)) == dense + 9 * (128 * 64 + 64 * 32 + 32) + 64 + 32 + 1


def test_a_side_of_one_stays() -> None:
    image = ImageShape(3, 8)
    net = Conv(depth=4, width=2)
    assert down_shapes(net.down(image, 1), image) == [(2, 4, 4), (4, 2, 2), (8, 1, 1), (16, 1, 1)]
    assert up_shapes(net.up(5, image), 5)[1:] == [(16, 1, 1), (8, 1, 1), (4, 2, 2), (2, 4, 4), (3, 8, 8)]


def test_chaturvedula_at_64() -> None:
    """The number of doublings follows the size, so the dense layers stay as small as they are at 28x28."""
    image = ImageShape(3, 64)
    gan, vae = Conv(plan="chaturvedula-gan", width=4), Conv(plan="chaturvedula-vae", width=4)
    maps = [(16, 4, 4), (16, 8, 8), (8, 16, 16), (4, 32, 32), (3, 64, 64)]
    assert up_shapes(gan.up(5, image), 5) == [(4 * 4 * 8,), (4 * 4 * 16,), *maps]
    assert down_shapes(gan.down(image, 1), image) == [(4, 32, 32), (8, 16, 16), (16, 8, 8), (32, 4, 4)]
    maps = [(32, 4, 4), (32, 8, 8), (16, 16, 16), (8, 32, 32), (3, 64, 64)]
    assert up_shapes(vae.up(5, image), 5) == [(32,), (64,), (4 * 4 * 32,), *maps]
    assert down_shapes(vae.down(image, 1), image) == [(4, 32, 32), (8, 16, 16), (16, 8, 8), (32, 4, 4), (64,), (32,)]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("size", [8, 9, 15, 28, 29, 45, 64, 128])
def test_every_plan_fits_every_size(plan: str, size: int) -> None:
    image, net = ImageShape(3, size, classes=2), Conv(plan=plan, width=2)
    z, labels = torch.randn(2, 3), torch.tensor([0, 1])
    images = net.up(3, image)(z, labels)
    assert images.shape == (2, 3, size, size)
    assert net.down(image, 5, vector=3)(images, labels, z).shape == (2, 5)


@pytest.mark.parametrize("plan", PLANS)
def test_width_is_the_plans_own_where_it_is_left_out(plan: str) -> None:
    assert Conv(plan=plan).width == WIDTHS[plan]
    assert Conv(plan=plan, width=5).width == 5
    config = resolve("gan", overrides=["backbone.name=conv", "backbone.width=5", f"backbone.plan={plan}"])
    assert type(config)(**config.tree()) == config


def test_depth_is_refused_where_it_does_nothing() -> None:
    with pytest.raises(ParibusError, match="depth belongs to plan tikayyolla"):
        resolve("gan", overrides=["backbone.name=conv", "backbone.plan=chaturvedula-gan", "backbone.depth=3"])


@pytest.mark.parametrize("plan", PLANS)
def test_the_activation_follows_every_hidden_layer_and_no_output(plan: str) -> None:
    for name, expected in (("relu", nn.ReLU), ("leaky-relu", nn.LeakyReLU)):
        net = Conv(plan=plan, width=2, activation=name)
        for part in (net.up(3, MNIST), net.down(MNIST, 2)):
            kinds = [m for m in part.modules() if not list(m.children())]
            layers = [m for m in kinds if isinstance(m, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d))]
            activations = [m for m in kinds if isinstance(m, (nn.ReLU, nn.LeakyReLU))]
            assert len(activations) == len(layers) - 1
            assert all(type(m) is expected for m in activations)
            assert all(m.negative_slope == 0.2 for m in activations if isinstance(m, nn.LeakyReLU))
            assert kinds[-1] is layers[-1]


@pytest.mark.parametrize("plan", ["tikayyolla", "chaturvedula-gan"])
def test_a_residual_block_by_hand(plan: str) -> None:
    torch.manual_seed(0)
    net = Conv(plan=plan, width=3, residual_blocks=1).down(MNIST, 1)
    block = net.trunk[0][1]
    first, second = (layer for layer in block.modules() if isinstance(layer, nn.Conv2d))
    maps, border = torch.randn(2, 3, 7, 7), first.kernel_size[0] // 2
    assert border == (1 if plan == "tikayyolla" else 2)
    inner = leaky_relu(conv2d(maps, first.weight, first.bias, padding=border), 0.2)
    expected = leaky_relu(maps + conv2d(inner, second.weight, second.bias, padding=border), 0.2)
    torch.testing.assert_close(block(maps), expected)


def test_residual_blocks_stand_on_the_same_maps_in_both_networks() -> None:
    more, fewer = Conv(width=4, depth=3, residual_blocks=2), Conv(width=4, depth=3)
    added = 2 * sum(2 * (9 * c * c + c) for c in (4, 8, 16))
    assert count(more.down(MNIST, 1)) - count(fewer.down(MNIST, 1)) == added
    assert count(more.up(3, MNIST)) - count(fewer.up(3, MNIST)) == added
    assert down_shapes(more.down(MNIST, 1), MNIST) == down_shapes(fewer.down(MNIST, 1), MNIST)


def test_first_weights_are_glorots() -> None:
    torch.manual_seed(0)
    net = Conv(width=8).down(MNIST, 1)
    second = net.trunk[1][0][0]
    bound = math.sqrt(6 / (9 * 8 + 9 * 16))
    assert 0.95 * bound < second.weight.abs().max() <= bound
    assert not any(m.bias.any() for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear)))


@pytest.mark.parametrize("plan", PLANS)
def test_mixtures_of_classes(plan: str) -> None:
    torch.manual_seed(0)
    net = Conv(plan=plan, width=2).up(3, ImageShape(1, 12, classes=4))
    z, labels = torch.randn(2, 3), torch.tensor([1, 3])
    torch.testing.assert_close(net(z, labels), net(z, torch.eye(4)[labels]))
    halves = torch.tensor([[0.5, 0.5, 0, 0]] * 2)
    assert not torch.allclose(net(z, halves), net(z, labels))
