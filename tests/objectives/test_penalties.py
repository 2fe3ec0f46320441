"""Gradient penalties on critics whose gradients are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from paribus.objectives.penalties import differentiable, gradient_penalty, squared_gradient_norms

N, SHAPE = 6, (2, 4, 4)
PIXELS = 32


def images(seed: int) -> Tensor:
    return torch.randn(N, *SHAPE, generator=torch.Generator().manual_seed(seed))


def half_square(x: Tensor) -> Tensor:
    """A critic whose gradient at x is x."""
    return x.flatten(1).square().sum(1, keepdim=True) / 2


def test_penalty_of_a_linear_critic_is_exact() -> None:
    weight = torch.randn(PIXELS, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).float()
    penalty = gradient_penalty(lambda x: x.flatten(1) @ weight[:, None], images(0), images(1), torch.rand(N, 1, 1, 1))
    assert penalty.item() == pytest.approx((weight.norm().item() - 1) ** 2, rel=1e-5)


def test_penalty_tells_one_share_for_an_image_from_one_for_a_pixel() -> None:
    """Between all +1 and all -1 a quadratic critic's gradient has the length |2 share - 1| sqrt(pixels)."""
    real, fake = torch.ones(N, *SHAPE), -torch.ones(N, *SHAPE)
    for_images = torch.linspace(0, 0.9, N).view(-1, 1, 1, 1)
    lengths = (2 * for_images.flatten() - 1).abs() * PIXELS**0.5
    found = gradient_penalty(half_square, real, fake, for_images)
    assert found.item() == pytest.approx((lengths - 1).square().mean().item(), rel=1e-5)

    for_pixels = torch.rand(N, *SHAPE, generator=torch.Generator().manual_seed(0))
    lengths = (2 * for_pixels - 1).flatten(1).norm(dim=1)
    wrong = gradient_penalty(half_square, real, fake, for_pixels)
    assert wrong.item() == pytest.approx((lengths - 1).square().mean().item(), rel=1e-5)
    # its lengths all lie near sqrt(pixels / 3): the penalty would only be felt at one distance
    assert lengths.std() < 0.2 * (2 * for_images - 1).abs().mul(PIXELS**0.5).std()


def test_penalty_is_differentiated_with_respect_to_the_critic() -> None:
    """A critic a |x|^2 / 2 has gradients a x: the penalty's derivative is 2 E[(a |x| - 1) |x|]."""
    a = torch.tensor(0.7, requires_grad=True)
    real, fake, share = images(0), images(1), torch.rand(N, 1, 1, 1)
    gradient_penalty(lambda x: a * half_square(x), real, fake, share).backward()
    lengths = (share * real + (1 - share) * fake).flatten(1).norm(dim=1)
    assert a.grad is not None
    assert a.grad.item() == pytest.approx((2 * (0.7 * lengths - 1) * lengths).mean().item(), rel=1e-5)


def test_penalty_of_a_flat_critic_is_one_without_infinite_derivatives() -> None:
    layer = nn.Linear(PIXELS, 1)
    nn.init.zeros_(layer.weight)
    penalty = gradient_penalty(lambda x: layer(x.flatten(1)), images(0), images(1), torch.rand(N, 1, 1, 1))
    penalty.backward()
    assert penalty.item() == 1
    assert layer.weight.grad is not None
    assert layer.weight.grad.isfinite().all()


def test_squared_norms_of_two_groups() -> None:
    real, fake = differentiable(images(0)), differentiable(images(1))
    at_real, at_fake = squared_gradient_norms([3 * half_square(real), half_square(fake)], [real, fake])
    torch.testing.assert_close(at_real, 9 * images(0).flatten(1).square().sum(1))
    torch.testing.assert_close(at_fake, images(1).flatten(1).square().sum(1))
    assert at_real.requires_grad


def test_penalties_run_in_full_precision_under_autocast() -> None:
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 16), nn.Tanh(), nn.Linear(16, 1))
    share = torch.rand(N, 1, 1, 1)
    expected = gradient_penalty(critic, images(0), images(1), share)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(gradient_penalty(critic, images(0), images(1), share), expected)


def test_differentiable_images_are_cut_off_from_the_generator() -> None:
    weight = torch.ones(1, requires_grad=True)
    made = differentiable((images(0) * weight).bfloat16())
    assert made.dtype == torch.float32
    assert not torch.autograd.grad(made.sum(), weight, allow_unused=True)[0]
