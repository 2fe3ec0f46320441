"""The residual families' parts against formulas written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import is_parametrized

from paribus.backbones.blocks import (
    Attention,
    ConditionalBatchNorm,
    DownBlock,
    DownConvolution,
    Parts,
    Pool,
    UpBlock,
    UpConvolution,
    initialise,
    pooled,
    upsampled,
)
from paribus.backbones.residual import Routes, even_chunks
from paribus.backbones.resnet import ResNet
from paribus.config import ImageShape
from paribus.objectives.base import couples_images

F64 = torch.float64


def as_it_is(layer: nn.Module) -> nn.Module:
    return layer


def parts() -> Parts:
    return Parts(
        as_it_is, as_it_is, nn.ReLU(), lambda channels, condition: ConditionalBatchNorm(channels, condition, as_it_is)
    )


@pytest.mark.parametrize(("before", "after"), [(4, 8), (12, 23), (23, 45), (7, 14), (5, 9)])
def test_upsampling_takes_the_nearest_pixel(before: int, after: int) -> None:
    maps = torch.randn(2, 3, before, before)
    sources = [int(k * before / after) for k in range(after)]
    assert torch.equal(upsampled(maps, after), maps[:, :, sources][..., sources])


@pytest.mark.parametrize("side", [1, 2, 5, 8, 23])
def test_pooling_takes_means_of_the_pixels_that_are_there(side: int) -> None:
    maps = torch.randn(2, 3, side, side)
    half = -(-side // 2)
    expected = torch.empty(2, 3, half, half)
    for i in range(half):
        for j in range(half):
            expected[:, :, i, j] = maps[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean((2, 3))
    torch.testing.assert_close(pooled(maps), expected)


def assert_same_function(layer: nn.Module, maps: Tensor, plain: Tensor) -> None:
    """The layer's values and its parameters' gradients are those of the plain computation."""
    torch.testing.assert_close(layer(maps), plain)
    upstream = torch.randn_like(plain)
    ours = torch.autograd.grad((layer(maps) * upstream).sum(), list(layer.parameters()))
    theirs = torch.autograd.grad((plain * upstream).sum(), list(layer.parameters()))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("before", "after"), [(4, 8), (7, 14), (12, 23), (1, 2)])
def test_up_convolution_is_nearest_upsampling_and_a_convolution(before: int, after: int) -> None:
    torch.manual_seed(0)
    layer = UpConvolution(3, 5, after).to(F64)
    maps = torch.randn(2, 3, before, before, dtype=F64)
    plain = functional.conv2d(functional.interpolate(maps, size=(after, after)), layer.weight, layer.bias, padding=1)
    assert_same_function(layer, maps, plain)


@pytest.mark.parametrize("side", [8, 23, 2, 1])
def test_down_convolution_is_a_convolution_and_means(side: int) -> None:
    torch.manual_seed(0)
    layer = DownConvolution(3, 5).to(F64)
    maps = torch.randn(2, 3, side, side, dtype=F64)
    plain = pooled(functional.conv2d(maps, layer.weight, layer.bias, padding=1))
    assert_same_function(layer, maps, plain)


def test_conditional_batch_norm_by_hand() -> None:
    """(x - mean) / sqrt(var + eps) over images and pixels, times 1 + gain, plus bias, of each image's condition."""
    torch.manual_seed(0)
    norm = ConditionalBatchNorm(4, 3, as_it_is, eps=1e-2).to(F64)
    maps, condition = torch.randn(5, 4, 6, 6, dtype=F64) * 0.1 + 2, torch.randn(5, 3, dtype=F64)
    mean, variance = maps.mean((0, 2, 3)), maps.var((0, 2, 3), unbiased=False)
    expected = torch.empty_like(maps)
    for n in range(5):
        for c in range(4):
            gain = 1 + (norm.gain.weight[c] * condition[n]).sum()
            bias = (norm.bias.weight[c] * condition[n]).sum()
            expected[n, c] = (maps[n, c] - mean[c]) / (variance[c] + 1e-2).sqrt() * gain + bias
    torch.testing.assert_close(norm(maps, condition), expected)
    assert couples_images(norm)


def test_batch_norm_without_condition_has_gain_and_bias_of_its_own() -> None:
    norm = ConditionalBatchNorm(4, 0, as_it_is)
    maps = torch.randn(5, 4, 6, 6)
    torch.testing.assert_close(norm(maps), nn.BatchNorm2d(4)(maps))
    assert {name for name, _ in norm.named_parameters()} == {"norm.weight", "norm.bias"}


def test_attention_starts_as_the_identity() -> None:
    maps = torch.randn(2, 8, 5, 5)
    assert torch.equal(Attention(8, as_it_is)(maps), maps)


@pytest.mark.parametrize("side", [4, 5])
def test_attention_by_the_formula(side: int) -> None:
    """For each pixel: softmax over the pooled keys of <theta, phi>, the mean of g by it, a 1x1 convolution, gamma."""
    torch.manual_seed(0)
    layer = Attention(16, as_it_is).to(F64)
    with torch.no_grad():
        layer.gamma.fill_(0.7)
    maps = torch.randn(2, 16, side, side, dtype=F64)

    def matrix(convolution: nn.Module) -> Tensor:
        return convolution.weight[:, :, 0, 0]

    half = -(-side // 2)
    expected = torch.empty_like(maps)
    for n in range(2):
        x = maps[n]
        keys, values = [], []
        for i in range(half):
            for j in range(half):
                window = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].flatten(1)
                keys.append((matrix(layer.phi) @ window).amax(1))
                values.append((matrix(layer.g) @ window).amax(1))
        for i in range(side):
            for j in range(side):
                scores = torch.stack([key @ matrix(layer.theta) @ x[:, i, j] for key in keys])
                weights = scores.exp() / scores.exp().sum()
                attended = (weights[:, None] * torch.stack(values)).sum(0)
                expected[n, :, i, j] = x[:, i, j] + 0.7 * matrix(layer.output) @ attended
    torch.testing.assert_close(layer(maps), expected)
    assert layer.theta.out_channels == layer.phi.out_channels == 2
    assert layer.g.out_channels == 8


def test_what_a_penalty_differentiates_can_be_differentiated_twice() -> None:
    torch.manual_seed(0)
    leaky = Parts(as_it_is, as_it_is, nn.LeakyReLU(0.2), lambda channels, condition: nn.Identity())
    net = nn.Sequential(DownBlock(1, 4, leaky, down=True, first=True), Attention(4, as_it_is)).to(F64)
    nn.init.constant_(net[1].gamma, 0.5)
    maps = torch.randn(2, 1, 4, 4, dtype=F64, requires_grad=True)
    assert torch.autograd.gradgradcheck(net, (maps,))


@pytest.mark.parametrize(("before", "after"), [(4, 8), (12, 23)])
def test_up_block_in_the_published_order(before: int, after: int) -> None:
    """cBN, ReLU, up, 3x3, cBN, ReLU, 3x3 beside up, 1x1."""
    torch.manual_seed(0)
    block = UpBlock(3, 5, 2, parts(), size=after).to(F64)
    maps, condition = torch.randn(4, 3, before, before, dtype=F64), torch.randn(4, 2, dtype=F64)
    first, second = block.convolutions
    inner = functional.interpolate(block.norms[0](maps, condition).relu(), size=(after, after))
    inner = functional.conv2d(inner, first.weight, first.bias, padding=1)
    inner = functional.conv2d(block.norms[1](inner, condition).relu(), second.weight, second.bias, padding=1)
    skip = functional.conv2d(functional.interpolate(maps, size=(after, after)), block.skip.weight, block.skip.bias)
    torch.testing.assert_close(block(maps, condition), inner + skip)


def test_up_block_that_keeps_its_shape_has_a_plain_skip() -> None:
    assert UpBlock(4, 4, 0, parts()).skip is None
    assert UpBlock(4, 2, 0, parts()).skip is not None


@pytest.mark.parametrize("side", [8, 23])
@pytest.mark.parametrize("first", [False, True])
def test_down_block_in_the_published_order(side: int, first: bool) -> None:
    """[ReLU] 3x3, ReLU, 3x3, pool beside 1x1, pool."""
    torch.manual_seed(0)
    block = DownBlock(3, 5, parts(), down=True, first=first).to(F64)
    maps = torch.randn(2, 3, side, side, dtype=F64)
    one, two = block.convolutions
    inner = functional.conv2d(maps if first else maps.relu(), one.weight, one.bias, padding=1)
    inner = pooled(functional.conv2d(inner.relu(), two.weight, two.bias, padding=1))
    skip = pooled(functional.conv2d(maps, block.skip.weight, block.skip.bias))
    torch.testing.assert_close(block(maps), inner + skip)


def test_down_block_without_change_of_shape_has_a_plain_skip() -> None:
    assert DownBlock(4, 4, parts(), down=False).skip is None
    assert DownBlock(3, 4, parts(), down=False).skip is not None
    maps = torch.randn(2, 4, 8, 8)
    block = DownBlock(4, 4, parts(), down=False)
    nn.init.zeros_(block.convolutions[1].weight)
    nn.init.zeros_(block.convolutions[1].bias)
    assert torch.equal(block(maps), maps)


def test_pooling_over_all_pixels() -> None:
    maps = torch.tensor([[[[1.0, -2.0], [3.0, 4.0]]]])
    assert Pool(nn.ReLU(), "sum")(maps).tolist() == [[8.0]]
    assert Pool(nn.ReLU(), "mean")(maps).tolist() == [[2.0]]


@pytest.mark.parametrize(
    ("outputs", "projection", "critic"), [(1, True, True), (1, False, True), (4, True, True), (4, False, False)]
)
def test_critics_sum_with_a_normed_head_and_encoders_do_not(outputs: int, projection: bool, critic: bool) -> None:
    net = ResNet(width=4).down(ImageShape(1, 8, 2), outputs, vector=1, projection=projection)
    assert net.trunk[-1].how == ("sum" if critic else "mean")
    layers = [layer for layer in net.head if isinstance(layer, nn.Linear)]
    assert len(layers) == 2
    assert all(is_parametrized(layer, "weight") == critic for layer in layers)


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [(80, 4, [20, 20, 20, 20]), (4, 5, [1, 1, 1, 1, 0]), (6, 4, [2, 2, 1, 1]), (128, 4, [32, 32, 32, 32])],
)
def test_even_chunks(length: int, count: int, expected: list[int]) -> None:
    assert even_chunks(length, count) == expected


def test_routes() -> None:
    z, labels = torch.arange(12.0).view(2, 6), torch.tensor([1, 0])
    plain = Routes(6, 2, 3, z="first", class_in_first=False)
    first, conditions = plain(z, labels)
    assert torch.equal(first, z)
    assert all(torch.equal(c, torch.tensor([[0.0, 1.0], [1.0, 0.0]])) for c in conditions)

    embedding = nn.Linear(2, 5, bias=False)
    split = Routes(6, 2, 3, z="chunks", class_in_first=True, embedding=embedding, embedded=5)
    first, conditions = split(z, labels)
    embedded = embedding.weight.T[labels]
    torch.testing.assert_close(first, torch.cat([embedded, z[:, :2]], dim=1))
    for condition, chunk in zip(conditions, [z[:, 2:4], z[:, 4:5], z[:, 5:6]], strict=True):
        torch.testing.assert_close(condition, torch.cat([embedded, chunk], dim=1))
    assert (split.first, split.stages) == (7, [7, 6, 6])

    whole = Routes(6, 0, 2, z="everywhere", class_in_first=True)
    first, conditions = whole(z, None)
    assert all(torch.equal(part, z) for part in (first, *conditions))
    assert (whole.first, whole.stages) == (6, [6, 6])

    bare = Routes(6, 0, 2, z="first", class_in_first=False)
    assert bare(z, None)[1] == [None, None]
    assert bare.stages == [0, 0]


def test_initialisation() -> None:
    torch.manual_seed(0)
    normal = initialise(nn.Conv2d(64, 64, 3), "normal")
    assert normal.weight.std().item() == pytest.approx(0.02, rel=0.05)
    matrix = initialise(nn.Conv2d(4, 8, 3), "orthogonal").weight.flatten(1)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(8), atol=1e-5, rtol=0)
    glorot = initialise(nn.Conv2d(64, 64, 3), "glorot").weight
    assert glorot.abs().max().item() == pytest.approx((2 * 6 / (128 * 9)) ** 0.5, rel=0.01)
    glorot = initialise(nn.Linear(300, 200), "glorot").weight
    assert glorot.abs().max().item() == pytest.approx((6 / 500) ** 0.5, rel=0.01)
    zero = initialise(nn.Linear(3, 2), "zero")
    assert zero.weight.abs().sum() == zero.bias.abs().sum() == normal.bias.abs().sum() == 0
