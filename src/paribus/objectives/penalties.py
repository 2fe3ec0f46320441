"""Penalties on a critic's gradient with respect to the images it sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def full_precision(images: Tensor) -> torch.autocast:
    """A context without autocast: rounding to 16 bits would spoil a gradient that is itself differentiated."""
    return torch.autocast(images.device.type, enabled=False)


def differentiable(images: Tensor) -> Tensor:
    """The same images (N, C, H, W) in fp32 with gradients of their own, cut off from what made them."""
    leaf = images.detach().float().requires_grad_()
    # torch's counter of operations hooks what modules are given, and fails at a leaf whose gradient is taken
    return leaf.view_as(leaf)


def squared_gradient_norms(scores: Sequence[Tensor], images: Sequence[Tensor]) -> list[Tensor]:
    """Squared lengths of the gradients of scores with respect to images, to be differentiated again.

    Args:
        scores: Scores (N, 1) of each group of images.
        images: The groups (N, C, H, W), each from `differentiable`.

    Returns:
        For each group (N,): the sum over channels and pixels of the squared derivatives of the sum of all scores. In a
        critic that joins the images of a batch (batch norm) an image's gradient takes in its effect on the others.
    """
    total = torch.stack([group.sum() for group in scores]).sum()
    gradients = torch.autograd.grad(total, list(images), create_graph=True)
    return [gradient.flatten(1).square().sum(1) for gradient in gradients]


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """WGAN-GP's penalty: the mean of (|gradient of the critic at x| - 1)^2, x = share real + (1 - share) fake.

    The length is the Euclidean one over channels and pixels. Everything runs in fp32.

    Args:
        critic: Images (N, C, H, W) to scores (N, 1).
        real: Images (N, C, H, W).
        fake: As many generated ones.
        share: How much of the real image, in [0, 1): (N, 1, 1, 1), one number for an image (not one for a pixel).

    Source: arXiv:1704.00028.
    """
    with full_precision(real):
        between = differentiable(share * real.float() + (1 - share) * fake.float())
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        return (torch.linalg.vector_norm(gradient.flatten(1), dim=1) - 1).square().mean()
