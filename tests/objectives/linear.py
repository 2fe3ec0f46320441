"""A linear Gaussian model, whose posterior and marginal likelihood have closed forms: x = w z + noise, one pixel."""

from __future__ import annotations

import math

import torch
from torch import Tensor, distributions, nn

W, SIGMA = 0.2, 0.3
PRECISION = 1 + W**2 / SIGMA**2


class ExactEncoder(nn.Module):
    """Mean and log variance of the true posterior, the mean shifted by `off`."""

    def __init__(self, off: float = 0.0) -> None:
        super().__init__()
        self.off = off

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        mean = images.flatten(1) * W / SIGMA**2 / PRECISION + self.off
        return torch.cat([mean, torch.full_like(mean, -math.log(PRECISION))], 1)


class LinearDecoder(nn.Module):
    """w z, before the tanh that the objective applies."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.atanh((W * z).clamp(-0.999999, 0.999999)).reshape(-1, 1, 1, 1)


def images(repeats: int = 1) -> Tensor:
    """Seven pixels (7 * repeats, 1, 1, 1), each in a row of its copies."""
    return torch.linspace(-0.6, 0.6, 7).reshape(-1, 1, 1, 1).repeat_interleave(repeats, 0)


def marginal_nats() -> Tensor:
    """-log p(x) (7,)."""
    return -distributions.Normal(0.0, math.sqrt(W**2 + SIGMA**2)).log_prob(images().flatten())
