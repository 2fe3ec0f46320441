"""Densities of images and of latents, in nats: summed over pixels or latent dimensions, one number an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def bernoulli_nats(images: Tensor, logits: Tensor) -> Tensor:
    """-log p(x|z) (N,) of pixels as independent Bernoulli variables: the binary cross-entropy.

    Args:
        images: (N, C, H, W) in [-1, 1], taken to [0, 1]. On grey pixels this is a surrogate, not a likelihood.
        logits: (N, C, H, W).
    """
    targets = (images + 1) / 2
    return binary_cross_entropy_with_logits(logits, targets, reduction="none").flatten(1).sum(1)


def gaussian_nats(images: Tensor, means: Tensor, log_sigma: Tensor | float) -> Tensor:
    """-log p(x|z) (N,) of pixels as independent Gaussians of one deviation sigma, on the scale [-1, 1].

    0.5 * sum((x - mean)^2) / sigma^2 + D * log sigma + D/2 * log(2 pi), with D numbers an image.
    """
    log_sigma = torch.as_tensor(log_sigma, dtype=means.dtype, device=means.device)
    squares = (images - means).square().flatten(1)
    size = squares.shape[1]
    return 0.5 * squares.sum(1) * torch.exp(-2 * log_sigma) + size * (log_sigma + 0.5 * math.log(2 * math.pi))


def gaussian_kl_nats(means: Tensor, log_variances: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of every latent dimension (N, Z): 0.5 * (mean^2 + var - log var - 1)."""
    return 0.5 * (means.square() + log_variances.exp() - log_variances - 1)


def gaussian_log_density(z: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """Log N(z; mean, variance) elementwise: -0.5 * (log 2 pi + log var + (z - mean)^2 / var).

    The arguments may be of any shapes that fit each other.
    """
    return -0.5 * (math.log(2 * math.pi) + log_variances + (z - means).square() * torch.exp(-log_variances))


def gaussian_log_ratio(z: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """Log q(z|x) - log p(z), summed over the last dimension: q an independent Gaussian, p the standard normal."""
    prior = gaussian_log_density(z, torch.zeros_like(z), torch.zeros_like(z))
    return (gaussian_log_density(z, means, log_variances) - prior).sum(-1)
