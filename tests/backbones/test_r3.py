"""R3GAN's networks: counts, blocks that begin as the identity, initialisation, resampling."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, interpolate, leaky_relu

from paribus.backbones.r3 import R3, Basis, BilinearResampling, ResidualBlock
from paribus.config import ImageShape
from paribus.objectives.base import couples_images

GREY = ImageShape(1, 28)


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def block_count(channels: int, group_width: int) -> int:
    inner = 2 * channels
    return (channels * inner + inner) + (9 * group_width * inner + inner) + inner * channels


def test_counts_at_28x28() -> None:
    """Sides 7, 14, 28 with two blocks each, all of 256 channels in 32 groups of 16."""
    blocks = 6 * block_count(256, 16)
    assert count(R3().up(64, GREY)) == 64 * 256 + 256 * 49 + blocks + 256 + 1
    assert count(R3().down(GREY, 1)) == (256 + 256) + blocks + 256 * 49 + 256 + 1
    groups = {m.groups for m in R3().up(64, GREY).modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)}
    assert groups == {32}


def test_counts_at_64x64() -> None:
    """Sides 4 to 32 have all 32 channels, side 64 half of them, which takes one more 1x1 convolution."""
    image = ImageShape(3, 64, classes=10)
    net = R3(width=32, blocks=1, group_width=16)
    blocks = 4 * block_count(32, 16) + block_count(16, 16)
    assert count(net.up(5, image)) == 10 * 64 + (5 + 64) * 32 + 32 * 16 + blocks + 32 * 16 + 3 * 16 + 3
    joined = (32 + 10) * 128 + 128 + 128 * 2 + 2
    assert count(net.down(image, 2)) == (3 * 16 + 16) + blocks + 16 * 32 + 32 * 16 + joined


@pytest.mark.parametrize(("size", "sides"), [(28, [28, 28, 14, 7]), (45, [45, 45, 23, 12, 6]), (8, [8, 8, 4])])
def test_sides_of_the_maps(size: int, sides: list[int]) -> None:
    _, features = R3(width=4).down(ImageShape(3, size), 1).with_features(torch.zeros(1, 3, size, size))
    assert [stage.shape[-1] for stage in features] == [*sides, 1]
    assert features[-1].shape == (1, 4, 1, 1)


def test_widths_above_a_side_of_32() -> None:
    _, features = R3(width=8, blocks=1).down(ImageShape(1, 128), 1).with_features(torch.zeros(1, 1, 128, 128))
    assert [(f.shape[1], f.shape[2]) for f in features[1:-1]] == [(2, 128), (4, 64), (8, 32), (8, 16), (8, 8), (8, 4)]


def test_a_block_by_hand() -> None:
    torch.manual_seed(0)
    block, maps = ResidualBlock(4, 2, blocks=3), torch.randn(2, 4, 5, 5)
    assert torch.equal(block(maps), maps)
    with torch.no_grad():
        block.widen.bias.normal_()
        block.grouped.bias.normal_()
        block.narrow.weight.normal_()
    inner = leaky_relu(conv2d(maps, block.widen.weight, block.widen.bias), 0.2)
    kernels = torch.zeros(8, 8, 3, 3)  # groups of two channels as one kernel with blocks on the diagonal
    for group in range(4):
        rows = slice(2 * group, 2 * group + 2)
        kernels[rows, rows] = block.grouped.weight[rows].detach()
    inner = leaky_relu(conv2d(inner, kernels, block.grouped.bias, padding=1), 0.2)
    torch.testing.assert_close(block(maps), maps + conv2d(inner, block.narrow.weight), atol=1e-4, rtol=1e-4)


def test_both_networks_begin_linear() -> None:
    """Blocks are the identity and nothing else has an activation, so outputs add up as inputs do."""
    torch.manual_seed(0)
    net = R3(width=8)
    up, down = net.up(5, GREY), net.down(GREY, 3)
    a, b = torch.randn(2, 5), torch.randn(2, 5)
    torch.testing.assert_close(up(a + b), up(a) + up(b), atol=1e-4, rtol=1e-4)
    x, y = torch.randn(2, 1, 28, 28), torch.randn(2, 1, 28, 28)
    torch.testing.assert_close(down(x + y), down(x) + down(y), atol=1e-4, rtol=1e-4)
    for module in [*up.modules(), *down.modules()]:
        if isinstance(module, ResidualBlock):
            nn.init.normal_(module.narrow.weight)
    assert not torch.allclose(up(a + b), up(a) + up(b), atol=1e-2)
    assert not torch.allclose(down(x + y), down(x) + down(y), atol=1e-2)


def test_nothing_is_normalised_and_images_stand_alone() -> None:
    torch.manual_seed(0)
    net = R3(width=4)
    for part, given in ((net.up(5, GREY), torch.randn(3, 5)), (net.down(GREY, 2), torch.randn(3, 1, 28, 28))):
        assert not couples_images(part)
        assert not any("Norm" in type(m).__name__ for m in part.modules())
        torch.testing.assert_close(part(given)[:1], part(given[:1]), atol=1e-5, rtol=1e-4)


def test_initialisation() -> None:
    """Deviation gain / sqrt(fan-in), the gain shrunk by the fourth root of the number of blocks."""
    torch.manual_seed(0)
    net = R3(width=64, blocks=3).down(GREY, 1)
    blocks = [m for m in net.modules() if isinstance(m, ResidualBlock)]
    assert len(blocks) == 9
    gain = math.sqrt(2 / 1.04) * 9**-0.25
    for block in blocks:
        assert block.widen.weight.std().item() == pytest.approx(gain / math.sqrt(64), rel=0.05)
        assert block.grouped.weight.std().item() == pytest.approx(gain / math.sqrt(16 * 9), rel=0.05)
        assert not block.narrow.weight.any()
        assert block.narrow.bias is None
        assert not block.widen.bias.any()
        assert not block.grouped.bias.any()
    depthwise = net.trunk[-1]
    assert depthwise.weight.shape == (64, 1, 7, 7)
    assert depthwise.weight.std().item() == pytest.approx(1 / 7, rel=0.05)
    constant = R3(width=64).up(5, GREY).basis.constant
    assert constant.std().item() == pytest.approx(1, rel=0.05)


def test_outputs_begin_near_deviation_one() -> None:
    torch.manual_seed(0)
    images = R3(width=64).up(64, ImageShape(3, 32))(torch.randn(64, 64))
    assert 0.3 < images.std() < 3


@pytest.mark.parametrize("part", ["up", "down"])
def test_every_gradient_exists_at_the_first_step(part: str) -> None:
    """Behind a 1x1 that is 0 the gradients are 0, but there; that 1x1's own is not 0."""
    torch.manual_seed(0)
    net = R3(width=4)
    module = net.up(3, GREY) if part == "up" else net.down(GREY, 3)
    module(torch.randn(2, 3) if part == "up" else torch.randn(2, 1, 28, 28)).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None
        assert bool(parameter.grad.any()) == (".widen." not in name and ".grouped." not in name), name


@pytest.mark.parametrize(("width", "expected"), [(2, 4), (8, 16), (256, 16), (10, 4), (5, 2)])
def test_group_width_divides_the_channels(width: int, expected: int) -> None:
    net = R3(width=width, blocks=1).down(ImageShape(1, 8), 1)
    assert {m.grouped.weight.shape[1] for m in net.modules() if isinstance(m, ResidualBlock)} == {expected}


def test_residual_blocks_are_added_at_the_smallest_side() -> None:
    more, fewer = R3(width=8, residual_blocks=2), R3(width=8)
    image = ImageShape(1, 45)
    assert count(more.up(3, image)) - count(fewer.up(3, image)) == 2 * block_count(8, 16)
    down = more.down(image, 1)
    assert [sum(isinstance(m, ResidualBlock) for m in stage.modules()) for stage in down.trunk] == [0, 2, 2, 2, 4, 0]


@pytest.mark.parametrize(("before", "after"), [(14, 28), (28, 14), (12, 23), (23, 12), (23, 45), (45, 23), (9, 5)])
def test_resampling_is_antialiased_bilinear(before: int, after: int) -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, before, before)
    expected = interpolate(maps, size=(after, after), mode="bilinear", antialias=True)
    torch.testing.assert_close(BilinearResampling(before, after)(maps), expected)


def test_resampling_weights_by_hand() -> None:
    torch.testing.assert_close(BilinearResampling(8, 4).matrix[1], torch.tensor([0, 1, 3, 3, 1, 0, 0, 0]) / 8)
    torch.testing.assert_close(BilinearResampling(4, 8).matrix[3], torch.tensor([0, 3, 1, 0]) / 4)
    assert list(BilinearResampling(8, 4).state_dict()) == []  # nothing learned, nothing saved
    maps = torch.randn(2, 3, 6, 6).contiguous(memory_format=torch.channels_last)
    assert BilinearResampling(6, 12)(maps).is_contiguous(memory_format=torch.channels_last)


def test_penalties_can_differentiate_resampling_twice() -> None:
    maps = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    for before, after in ((5, 9), (5, 3)):
        resampling = BilinearResampling(before, after).double()
        assert torch.autograd.gradcheck(resampling, (maps,))
        assert torch.autograd.gradgradcheck(lambda x, part=resampling: part(x).square(), (maps,))


def test_the_basis_scales_a_constant() -> None:
    torch.manual_seed(0)
    basis = Basis(5, 0, 3, 4)
    z = torch.randn(2, 5)
    expected = torch.einsum("chw,ci,ni->nchw", basis.constant, basis.scale.weight, z)
    torch.testing.assert_close(basis(z, None), expected)


def test_the_class_is_embedded_beside_z() -> None:
    torch.manual_seed(0)
    net = R3(width=4).up(3, ImageShape(1, 12, classes=4))
    z, labels = torch.randn(2, 3), torch.tensor([1, 3])
    torch.testing.assert_close(net(z, labels), net(z, torch.eye(4)[labels]))
    mixed = net(z, torch.tensor([[0, 0.5, 0, 0.5]] * 2))  # all is linear at first
    torch.testing.assert_close(mixed, (net(z, torch.tensor([1, 1])) + net(z, torch.tensor([3, 3]))) / 2)
    assert not torch.allclose(net(z, labels), net(z, labels.flip(0)))
