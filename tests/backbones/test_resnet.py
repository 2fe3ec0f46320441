"""SNGAN's networks: counts, norms, where the class enters."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from paribus.backbones.blocks import ConditionalBatchNorm
from paribus.backbones.resnet import ResNet
from paribus.config import ImageShape
from paribus.objectives.base import couples_images

CIFAR = ImageShape(3, 32, classes=10)


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_counts_at_32x32_are_those_of_the_published_networks() -> None:
    """Three up-blocks of 256 channels; four down-blocks of 128, the first two of which halve the side."""
    up_block = 2 * (9 * 256 * 256 + 256) + 256 * 256 + 256 + 2 * 2 * 10 * 256
    up = (128 + 1) * 256 * 16 + 3 * up_block + 2 * 256 + 9 * 256 * 3 + 3
    assert count(ResNet().up(128, CIFAR)) == up
    convolution = 9 * 128 * 128 + 128
    first = 9 * 3 * 128 + 128 + convolution + 3 * 128 + 128
    second = 2 * convolution + 128 * 128 + 128
    down = first + second + 4 * convolution + 128 + 1 + 10 * 128
    assert count(ResNet().down(CIFAR, 1, projection=True)) == down


def test_sides_of_the_maps() -> None:
    net = ResNet(width=2).down(ImageShape(3, 32), 1)
    _, features = net.with_features(torch.randn(2, 3, 32, 32))
    assert [tuple(f.shape[1:]) for f in features] == [(2, 16, 16), (2, 8, 8), (2, 8, 8), (2, 8, 8), (2,)]


def test_every_weight_of_down_is_normed_if_wanted() -> None:
    image = ImageShape(1, 16, classes=3)
    layers = (nn.Conv2d, nn.Linear, nn.Embedding)
    for wanted in (True, False):
        net = ResNet(width=4, spectral_norm=wanted)
        down = [m for m in net.down(image, 1, projection=True).modules() if isinstance(m, layers)]
        assert all(parametrize.is_parametrized(m, "weight") == wanted for m in down)
        assert not any(parametrize.is_parametrized(m) for m in net.up(4, image).modules())


def test_top_singular_values_are_one() -> None:
    torch.manual_seed(0)
    net = ResNet(width=8).down(ImageShape(3, 16, classes=5), 1, projection=True)
    for module in net.modules():
        if parametrize.is_parametrized(module, "weight"):
            for _ in range(100):
                _ = module.weight  # each access in training mode is an iteration
            assert torch.linalg.matrix_norm(module.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.01)


def test_the_class_is_in_the_gains_or_beside_z() -> None:
    torch.manual_seed(0)
    image, z = ImageShape(1, 16, classes=3), torch.randn(4, 5)
    zeros, ones = torch.zeros(4, dtype=torch.int64), torch.ones(4, dtype=torch.int64)
    normed = ResNet(width=4).up(5, image)
    assert couples_images(normed)
    assert normed.first.in_features == 5
    assert torch.equal(normed(z, zeros), normed(z, ones))  # gains and biases start the same for every class
    norm = next(m for m in normed.modules() if isinstance(m, ConditionalBatchNorm))
    with torch.no_grad():
        norm.gain.weight[:, 1] = 0.5
    assert not torch.allclose(normed(z, zeros), normed(z, ones))

    plain = ResNet(width=4, norm="none").up(5, image)
    assert not couples_images(plain)
    assert plain.first.in_features == 8
    assert not torch.allclose(plain(z, zeros), plain(z, ones))
    torch.testing.assert_close(plain(z, zeros)[:2], plain(z[:2], zeros[:2]))


def test_residual_blocks_keep_the_side() -> None:
    image = ImageShape(3, 32)
    more, fewer = ResNet(width=4, residual_blocks=2), ResNet(width=4)
    assert count(more.up(4, image)) - count(fewer.up(4, image)) == 2 * (2 * (9 * 8 * 8 + 8) + 4 * 8)
    assert count(more.down(image, 1)) - count(fewer.down(image, 1)) == 2 * 2 * (9 * 4 * 4 + 4)
    _, features = more.down(image, 1).with_features(torch.randn(2, 3, 32, 32))
    assert [f.shape[-1] for f in features[:-1]] == [16, 16, 16, 8, 8, 8]
