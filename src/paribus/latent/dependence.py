"""How far latents depend on each other."""

from __future__ import annotations

import torch
from torch import Tensor

from paribus.base.randomness import generator


def correlation_matrix(latents: Tensor) -> Tensor:
    """Correlations (latent, latent) float64 of latents (n, latent); one that does not vary has 0 with others."""
    rows = latents.double() - latents.double().mean(0)
    deviations = rows.square().mean(0).sqrt()
    scaled = torch.where(deviations > 1e-9, rows / deviations, 0.0)
    matrix = scaled.T @ scaled / len(rows)
    return matrix.fill_diagonal_(1.0)


def total_correlation_nats(latents: Tensor) -> float:
    """Total correlation of the Gaussian with the latents' covariance: -1/2 log det of their correlation matrix.

    It is 0 for uncorrelated latents and infinite where one is a linear function of others. What dependence there is
    beyond correlation it does not see. It is biased upwards, by about latent² / 4n nats: read it beside
    `shuffled_total_correlation_nats` of the same latents.

    Args:
        latents: (n, latent).
    """
    return max(0.0, -0.5 * float(torch.linalg.slogdet(correlation_matrix(latents)).logabsdet))


def shuffled_total_correlation_nats(latents: Tensor, seed: int = 0) -> float:
    """The same of latents whose dimensions were each put into an order of their own: what chance alone gives."""
    columns = [
        column[torch.randperm(len(column), generator=generator("shuffled", seed, k))]
        for k, column in enumerate(latents.T)
    ]
    return total_correlation_nats(torch.stack(columns, 1))
