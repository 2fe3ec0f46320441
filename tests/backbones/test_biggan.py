"""BigGAN's and BigGAN-deep's networks: published counts, where z and class go, norms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.utils import parametrize

from paribus.backbones.base import Backbone, stage_sizes
from paribus.backbones.biggan import BigGAN
from paribus.backbones.biggan_deep import BigGANDeep
from paribus.backbones.blocks import Attention, ConditionalBatchNorm
from paribus.backbones.residual import UpStage
from paribus.config import ImageShape
from paribus.objectives.base import couples_images

CIFAR = ImageShape(3, 32, classes=10)
LAYERS = (nn.Conv2d, nn.Linear, nn.Embedding)


def family(plan: str, **settings: Any) -> Backbone:
    return BigGANDeep(plan=plan[5:], **settings) if plan.startswith("deep-") else BigGAN(plan=plan, **settings)


PLANS = ["a", "b", "hinrichsen", "deep-studiogan", "deep-hinrichsen"]


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("plan", "latent_dim", "up", "down"),
    [("a", 128, 4.30e6, 4.21e6), ("b", 80, 9.42e6, 2.42e6), ("deep-studiogan", 128, 7.76e6, 2.91e6)],
)
def test_published_parameter_counts(plan: str, latent_dim: int, up: float, down: float) -> None:
    backbone = family(plan)
    assert count(backbone.up(latent_dim, CIFAR)) == pytest.approx(up, rel=0.002)
    assert count(backbone.down(CIFAR, 1, projection=True)) == pytest.approx(down, rel=0.002)


def test_hinrichsens_cut_of_the_table() -> None:
    """Linear(20 + 128) -> 16ch, then 16 -> 16 -> 8 -> 4; five halvings and one more block at 16ch."""
    assert (BigGAN(plan="hinrichsen").width, BigGANDeep(plan="hinrichsen").width) == (96, 128)
    backbone = BigGAN(plan="hinrichsen", width=3)
    up, down = backbone.up(80, CIFAR), backbone.down(CIFAR, 1, projection=True)
    assert (up.first.in_features, up.first.out_features) == (148, 16 * 16 * 3)
    assert [stage.blocks[-1].convolutions[0].in_channels for stage in up.stages] == [48, 48, 24]
    assert up.last.in_channels == 12
    assert all(block.convolutions[1].out_channels == 48 for block in down.trunk[:-1])
    deep = BigGANDeep(plan="hinrichsen", width=3).up(128, CIFAR)
    assert (deep.first.in_features, deep.first.out_features) == (256, 16 * 16 * 3)
    assert [len(stage.blocks) for stage in deep.stages] == [2, 2, 2]
    assert deep.last.in_channels == 12
    net = BigGAN(plan="hinrichsen", width=1).down(ImageShape(3, 32), 1)
    _, features = net.with_features(torch.randn(1, 3, 32, 32))
    assert [f.shape[-1] for f in features[:-1]] == [16, 8, 4, 2, 1, 1]
    net = BigGAN(plan="hinrichsen", width=1).down(ImageShape(3, 45), 1)
    _, features = net.with_features(torch.randn(1, 3, 45, 45))
    assert [f.shape[-1] for f in features[:-1]] == [23, 12, 6, 3, 2, 2]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("size", [8, 9, 28, 45, 128])
@pytest.mark.parametrize("classes", [0, 3])
def test_every_plan_fits_every_size(plan: str, size: int, classes: int) -> None:
    torch.manual_seed(0)
    image = ImageShape(3 if size % 2 else 1, size, classes)
    backbone = family(plan, width=2, attention=True)
    labels = torch.tensor([0, 1]) if classes else None
    up, down = backbone.up(4, image), backbone.down(image, 1, projection=True)
    images = up(torch.randn(2, 4), labels)
    assert images.shape == (2, image.channels, size, size)
    output = down(images, labels)
    assert output.shape == (2, 1)
    parameters = [*up.parameters(), *down.parameters()]
    torch.autograd.grad(output.sum(), parameters)  # raises if the output does not depend on one of them
    assert backbone.down(image, 8)(images, labels).shape == (2, 8)  # an encoder


@pytest.mark.parametrize("plan", PLANS)
def test_outer_maps_follow_the_size_rule(plan: str) -> None:
    up = family(plan, width=2).up(4, ImageShape(3, 45))
    sides: list[int] = []
    for stage in up.stages:
        stage.register_forward_hook(lambda module, inputs, output: sides.append(output.shape[-1]))
    up(torch.randn(2, 4))
    assert sides == stage_sizes(45)[-2::-1] == [12, 23, 45]


def stage_outputs(up: nn.Module, z: Tensor, labels: Tensor) -> list[Tensor]:
    outputs: list[Tensor] = []
    hooks = [stage.register_forward_hook(lambda m, i, output: outputs.append(output)) for stage in up.stages]
    up(z, labels)
    for hook in hooks:
        hook.remove()
    return outputs


@pytest.mark.parametrize("plan", ["b", "hinrichsen"])
def test_a_chunk_of_z_reaches_only_its_stage_and_what_follows(plan: str) -> None:
    torch.manual_seed(0)
    up = family(plan, width=2).up(8, CIFAR).eval()
    z, labels = torch.randn(3, 8), torch.tensor([0, 1, 2])
    before = stage_outputs(up, z, labels)
    for k in range(4):  # chunk 0 is the first layer's, chunk k stage k's
        changed = z.clone()
        changed[:, 2 * k : 2 * k + 2] += 1
        after = stage_outputs(up, changed, labels)
        for stage in range(1, 4):
            same = torch.equal(before[stage - 1], after[stage - 1])
            assert same == (stage < k), f"chunk {k}, stage {stage}"


def test_plan_b_splits_80_into_four() -> None:
    routes = BigGAN(plan="b", width=2).up(80, CIFAR).routes
    assert routes.chunks == [20, 20, 20, 20]
    assert (routes.first, routes.stages) == (20, [148, 148, 148])


def test_in_plan_a_each_norm_has_its_own_embedding() -> None:
    up = BigGAN(width=2).up(4, CIFAR)
    norms = [m for m in up.modules() if isinstance(m, ConditionalBatchNorm)]
    assert [n.gain.weight.shape == (8, 10) for n in norms[:-1]] == [True] * 6
    assert norms[-1].gain is None and norms[-1].norm.affine
    assert not any(parametrize.is_parametrized(n.gain) for n in norms[:-1])
    assert up.first.in_features == 4
    unconditional = BigGAN(width=2).up(4, ImageShape(3, 32))
    assert all(m.gain is None for m in unconditional.modules() if isinstance(m, ConditionalBatchNorm))


def test_deep_gives_all_of_z_and_the_class_to_every_norm() -> None:
    up = BigGANDeep(width=2).up(4, CIFAR)
    norms = [m for m in up.modules() if isinstance(m, ConditionalBatchNorm)]
    assert len(norms) == 3 * 2 * 4 + 1
    assert all(n.gain.in_features == 128 + 4 for n in norms[:-1])
    assert BigGANDeep(width=2).up(4, ImageShape(3, 32)).routes.stages == [4, 4, 4]


@pytest.mark.parametrize("plan", PLANS)
def test_mixtures_of_classes(plan: str) -> None:
    torch.manual_seed(0)
    up = family(plan, width=4).up(8, ImageShape(1, 16, classes=3)).eval()
    z = torch.randn(2, 8)
    pure = torch.eye(3)[[0, 2]]
    torch.testing.assert_close(up(z, pure), up(z, torch.tensor([0, 2])))
    mixed = up(z, torch.full((2, 3), 1 / 3))
    assert not torch.allclose(mixed, up(z, pure), atol=1e-7)
    with pytest.raises(ValueError, match="without labels"):
        up(z)


@pytest.mark.parametrize("plan", PLANS)
def test_top_singular_values_are_one(plan: str) -> None:
    torch.manual_seed(0)
    image = ImageShape(3, 16, classes=5)
    backbone = family(plan, width=2, attention=True)
    up, down = backbone.up(8, image), backbone.down(image, 1, projection=True)
    bare = [m for m in (*up.modules(), *down.modules()) if isinstance(m, LAYERS) and not parametrize.is_parametrized(m)]
    if plan == "a":  # the norms' embeddings, two each
        assert len(bare) == 2 * 2 * 2
    else:
        assert bare == [up.routes.embedding]
    for module in (*up.modules(), *down.modules()):
        if parametrize.is_parametrized(module, "weight"):
            with torch.no_grad():
                module.parametrizations.weight.original.normal_()
            for _ in range(100):
                _ = module.weight  # each access in training mode is an iteration
            assert torch.linalg.matrix_norm(module.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("plan", PLANS)
def test_without_spectral_norm_no_weight_is_divided(plan: str) -> None:
    image = ImageShape(3, 16, classes=5)
    backbone = family(plan, width=2, attention=True, spectral_norm=False)
    up, down = backbone.up(8, image), backbone.down(image, 1, projection=True)
    normed = family(plan, width=2, attention=True)
    for net, other in ((up, normed.up(8, image)), (down, normed.down(image, 1, projection=True))):
        assert not any(parametrize.is_parametrized(m) for m in net.modules())
        assert count(net) == count(other)


@pytest.mark.parametrize(
    ("plan", "spectral", "batch", "orthogonal"),
    [("a", 1e-8, 1e-5, False), ("b", 1e-6, 1e-4, True), ("deep-studiogan", 1e-6, 1e-4, True)],
)
def test_eps_and_initialisation(plan: str, spectral: float, batch: float, orthogonal: bool) -> None:
    torch.manual_seed(0)
    backbone = family(plan, width=8)
    up, down = backbone.up(20, CIFAR), backbone.down(CIFAR, 1)
    for module in (*up.modules(), *down.modules()):
        if isinstance(module, nn.BatchNorm2d):
            assert module.eps == batch
        if parametrize.is_parametrized(module, "weight"):
            assert module.parametrizations.weight[0].eps == spectral
            matrix = module.parametrizations.weight.original.flatten(1)
            if orthogonal:
                least = matrix if len(matrix) <= matrix.shape[1] else matrix.T
                torch.testing.assert_close(least @ least.T, torch.eye(len(least)), atol=1e-4, rtol=0)
            elif matrix.numel() > 2000:
                assert matrix.std().item() == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize("plan", ["b", "deep-studiogan"])
@pytest.mark.parametrize(("size", "in_up", "in_down"), [(32, 16, 16), (45, 23, 23), (64, 32, 32), (8, 4, 8)])
def test_attention_stands_at_half_of_the_side(plan: str, size: int, in_up: int, in_down: int) -> None:
    image = ImageShape(1, size)
    backbone = family(plan, width=2)
    found: list[int] = []
    for net, inputs in ((backbone.up(4, image), (2, 4)), (backbone.down(image, 1), (2, 1, size, size))):
        layers = [m for m in net.modules() if isinstance(m, Attention)]
        assert len(layers) == 1
        layers[0].register_forward_hook(lambda module, inputs, output: found.append(output.shape[-1]))
        net(torch.randn(*inputs))
    assert found == [in_up, in_down]
    without = family(plan, width=2, attention=False)
    nets = (without.up(4, image), without.down(image, 1))
    assert not any(isinstance(m, Attention) for net in nets for m in net.modules())


def test_a_plan_brings_its_own_width_and_attention() -> None:
    assert (BigGAN().plan, BigGAN().width, BigGAN().attention) == ("a", 64, False)
    assert (BigGAN(plan="b").width, BigGAN(plan="b").attention) == (96, True)
    assert (BigGAN(plan="hinrichsen").width, BigGAN(plan="hinrichsen").attention) == (96, False)
    assert (BigGANDeep().width, BigGANDeep().attention) == (128, True)
    assert not BigGANDeep(plan="hinrichsen").attention
    chosen = BigGAN(plan="b", width=8, attention=False)
    assert (chosen.width, chosen.attention) == (8, False)
    for backbone in (BigGAN(plan="b"), chosen):
        assert BigGAN(**backbone.model_dump()) == backbone
    with pytest.raises(ValidationError, match="'a', 'b' or 'hinrichsen'"):
        BigGAN(plan="c")


@pytest.mark.parametrize("plan", PLANS)
def test_only_up_couples_images(plan: str) -> None:
    backbone = family(plan, width=2)
    assert couples_images(backbone.up(4, CIFAR))
    assert not couples_images(backbone.down(CIFAR, 1, projection=True))


@pytest.mark.parametrize("plan", PLANS)
def test_residual_blocks_come_before_the_others(plan: str) -> None:
    image = ImageShape(3, 32)
    more, fewer = family(plan, width=2, residual_blocks=2), family(plan, width=2)
    stages = [stage for stage in more.up(8, image).modules() if isinstance(stage, UpStage)]
    plain = [stage for stage in fewer.up(8, image).modules() if isinstance(stage, UpStage)]
    assert [len(a.blocks) - len(b.blocks) for a, b in zip(stages, plain, strict=True)] == [2, 0, 0]
    assert [block.size for block in stages[0].blocks][-3:] == [None, None, 8]
    images = torch.randn(1, 3, 32, 32)
    sides = [f.shape[-1] for f in more.down(image, 1).with_features(images)[1]]
    sides_before = [f.shape[-1] for f in fewer.down(image, 1).with_features(images)[1]]
    assert sides == [sides_before[0]] * 2 + sides_before


def test_two_more_blocks_double_hinrichsens_generator() -> None:
    more = count(BigGAN(plan="hinrichsen", width=24, residual_blocks=2).up(80, CIFAR))
    fewer = count(BigGAN(plan="hinrichsen", width=24).up(80, CIFAR))
    assert 1.9 < more / fewer < 2.3


def test_deep_up_block_in_the_published_order() -> None:
    """cBN, ReLU, 1x1; cBN, ReLU, up, 3x3; cBN, ReLU, 3x3; cBN, ReLU, 1x1 beside the first channels, up."""
    torch.manual_seed(0)
    block = BigGANDeep(plan="hinrichsen", width=2).up(8, ImageShape(3, 32)).eval().stages[1].blocks[1]
    maps, condition = torch.randn(2, 32, 8, 8), torch.randn(2, 8)
    inner = maps
    for k, (norm, layer) in enumerate(zip(block.norms, block.convolutions, strict=True)):
        inner = norm(inner, condition).relu()
        inner = doubled(inner) if k == 1 else inner
        inner = nn.functional.conv2d(inner, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)
    assert [layer.kernel_size[0] for layer in block.convolutions] == [1, 3, 3, 1]
    assert [layer.out_channels for layer in block.convolutions] == [8, 8, 8, 16]
    torch.testing.assert_close(block(maps, condition), inner + doubled(maps[:, :16]), atol=1e-5, rtol=1e-4)


def doubled(maps: Tensor) -> Tensor:
    return maps.repeat_interleave(2, 2).repeat_interleave(2, 3)


def test_deep_down_block_in_the_published_order() -> None:
    """ReLU, 1x1, ReLU, 3x3, ReLU, 3x3, ReLU, pool, 1x1 beside pool."""
    torch.manual_seed(0)
    block = BigGANDeep(width=4).down(ImageShape(3, 32), 1).eval().trunk[1][0]
    maps = torch.randn(2, 16, 8, 8)
    inner = maps
    for layer in block.convolutions[:-1]:
        inner = nn.functional.conv2d(inner.relu(), layer.weight, layer.bias, padding=layer.kernel_size[0] // 2)
    last = block.convolutions[-1]
    inner = nn.functional.conv2d(nn.functional.avg_pool2d(inner.relu(), 2), last.weight, last.bias)
    torch.testing.assert_close(block(maps), inner + nn.functional.avg_pool2d(maps, 2), atol=1e-5, rtol=1e-4)
