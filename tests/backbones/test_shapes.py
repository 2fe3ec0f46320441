"""Sizes, counts and the way inputs are joined."""

from __future__ import annotations

import pytest
import torch

from paribus.backbones.base import Residual, stage_sizes
from paribus.backbones.dcgan import DCGAN
from paribus.backbones.mlp import MLP
from paribus.base.registry import backbones
from paribus.config import ImageShape


@pytest.mark.parametrize(
    ("size", "sizes"),
    [(8, [8, 4]), (28, [28, 14, 7]), (32, [32, 16, 8, 4]), (45, [45, 23, 12, 6]), (64, [64, 32, 16, 8, 4])],
)
def test_stage_sizes(size: int, sizes: list[int]) -> None:
    assert stage_sizes(size) == sizes


@pytest.mark.parametrize("backbone", backbones.names())
@pytest.mark.parametrize("size", [*range(8, 34), 45, 63, 64, 100, 127, 128])
def test_every_size_fits(backbone: str, size: int) -> None:
    image = ImageShape(3, size)
    net = backbones[backbone](width=2)
    images = net.up(3, image)(torch.randn(2, 3), None)
    assert images.shape == (2, 3, size, size)
    assert net.down(image, 5)(images).shape == (2, 5)


@pytest.mark.parametrize("backbone", backbones.names())
def test_down_joins_class_and_vector(backbone: str) -> None:
    image = ImageShape(1, 8, classes=4)
    net = backbones[backbone](width=4).down(image, 2, vector=3).eval()
    images, vector = torch.randn(2, 1, 8, 8), torch.randn(2, 3)
    first = net(images, torch.tensor([0, 1]), vector)
    assert not torch.allclose(first, net(images, torch.tensor([1, 1]), vector)[:1].expand(2, -1))
    assert not torch.allclose(first, net(images, torch.tensor([0, 1]), vector + 1))
    with pytest.raises(ValueError, match="without labels"):
        net(images, None, vector)


@pytest.mark.parametrize("backbone", backbones.names())
def test_features_end_where_the_head_begins(backbone: str) -> None:
    net = backbones[backbone](width=4).down(ImageShape(1, 16), 2).eval()
    images = torch.randn(2, 1, 16, 16)
    outputs, features = net.with_features(images)
    torch.testing.assert_close(net.head(features[-1].flatten(1)), outputs)
    torch.testing.assert_close(net(images), outputs)


@pytest.mark.parametrize("backbone", backbones.names())
def test_a_critic_projects_the_class(backbone: str) -> None:
    """D(x, y) - D(x, y') is the inner product of the features with the difference of the classes' embeddings."""
    net = backbones[backbone](width=4).down(ImageShape(1, 16, classes=3), 1, projection=True).eval()
    images = torch.randn(2, 1, 16, 16)
    first, features = net.with_features(images, torch.tensor([0, 0]))
    second = net(images, torch.tensor([2, 2]))
    weight = net.embedding.weight
    expected = features[-1].flatten(1) @ (weight[0] - weight[2])
    torch.testing.assert_close((first - second)[:, 0], expected, atol=1e-5, rtol=1e-4)


def test_vector_nets_use_vector_and_class() -> None:
    net = MLP().vector(5, 3, classes=2)
    vectors = torch.randn(4, 5)
    first = net(vectors, torch.tensor([0, 1, 0, 1]))
    assert first.shape == (4, 3)
    assert not torch.allclose(first, net(vectors, torch.tensor([1, 0, 1, 0])))
    assert not torch.allclose(first, net(vectors + 1, torch.tensor([0, 1, 0, 1])))


def test_mlp_counts_as_in_guo_2023() -> None:
    """Its GAN: z 64, one hidden layer of 256, 784 pixels."""
    image = ImageShape(1, 28)
    up = sum(p.numel() for p in MLP(width=256).up(64, image).parameters())
    down = sum(p.numel() for p in MLP(width=256).down(image, 1).parameters())
    assert up == 64 * 256 + 256 + 256 * 784 + 784
    assert down == 784 * 256 + 256 + 256 + 1


def test_dcgan_64_is_the_published_network() -> None:
    """z 100, 512-256-128-64 channels, 4x4 kernels, no biases beside batch norm."""
    count = sum(p.numel() for p in DCGAN(width=64).up(100, ImageShape(3, 64)).parameters())
    kernels = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    assert count == kernels + 2 * (512 + 256 + 128 + 64) + 3


@pytest.mark.parametrize("size", [28, 45])
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_dcgan_residual_blocks_stand_on_the_same_maps_in_both_networks(size: int, norm: str) -> None:
    image = ImageShape(1, size)
    more, fewer = DCGAN(width=4, norm=norm, residual_blocks=2), DCGAN(width=4, norm=norm)
    channels = [4 * 2**k for k in range(len(stage_sizes(size, 4)) - 1)]
    added = 2 * sum(2 * (9 * c * c + (2 * c if norm == "batch" else c)) for c in channels)
    for build in (lambda net: net.down(image, 1), lambda net: net.up(3, image)):
        assert count(build(more)) - count(build(fewer)) == added
    _, stages = more.down(image, 1).with_features(torch.randn(2, 1, size, size))
    assert [stage.shape[1] for stage in stages] == channels
    assert more.up(3, image)(torch.randn(2, 3)).shape == (2, 1, size, size)


def test_mlp_residual_blocks_keep_the_width() -> None:
    image = ImageShape(1, 8)
    more, fewer = MLP(width=16, depth=2, residual_blocks=3), MLP(width=16, depth=2)
    added = 2 * 3 * 2 * (16 * 16 + 16)
    assert count(more.down(image, 1)) - count(fewer.down(image, 1)) == added
    assert count(more.up(5, image)) - count(fewer.up(5, image)) == added


def test_a_residual_keeps_what_its_body_leaves_out() -> None:
    block = Residual(torch.nn.Linear(3, 3), torch.nn.ReLU())
    torch.nn.init.zeros_(block.body.weight)
    torch.nn.init.constant_(block.body.bias, -1.0)
    assert block(torch.tensor([[0.5, 1.5, 3.0]])).tolist() == [[0.0, 0.5, 2.0]]


def count(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())
