"""Draws from the middle of the prior."""

from __future__ import annotations

import torch
from torch import Tensor


def truncated_normal(n: int, latent_dim: int, bound: float, generator: torch.Generator) -> Tensor:
    """Latents (n, latent_dim) float32 of a standard normal distribution cut off beyond `bound` on both sides.

    By the inverse of the distribution function, so that generators of one seed give the same places in it whatever
    the bound is. Drawing again what falls outside has the same distribution.

    Source: arXiv:1809.11096, section 3.1 (the truncation trick).
    """
    uniform = torch.rand(n, latent_dim, generator=generator, dtype=torch.float64)
    below = torch.special.ndtr(torch.tensor(-bound, dtype=torch.float64))
    return torch.special.ndtri(below + uniform * (1 - 2 * below)).clamp(-bound, bound).float()
