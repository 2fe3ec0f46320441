"""Draws from a normal distribution of pixels."""

from __future__ import annotations

import torch

from paribus.metrics.linear_model import linear_model_images


def test_draws_have_the_images_mean_and_covariance() -> None:
    seeded = torch.Generator().manual_seed(3)
    mixing = torch.randn(12, 12, generator=seeded) * 6
    images = (128 + torch.randn(3_000, 12, generator=seeded) @ mixing).round().clamp(0, 255).to(torch.uint8)
    drawn = linear_model_images(images.view(-1, 3, 2, 2), 50_000)
    assert drawn.shape == (50_000, 3, 2, 2) and drawn.dtype == torch.uint8
    own, made = images.double(), drawn.flatten(1).double()
    assert (own.mean(0) - made.mean(0)).abs().max() < 2
    assert (torch.cov(own.T) - torch.cov(made.T)).norm() < 0.1 * torch.cov(own.T).norm()


def test_draws_are_the_same_each_time_and_others_than_the_images() -> None:
    images = torch.randint(0, 256, (40, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    drawn = linear_model_images(images, 30)
    assert torch.equal(drawn, linear_model_images(images, 30))
    assert not any((images == image).all((1, 2, 3)).any() for image in drawn)
