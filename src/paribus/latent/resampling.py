"""Weights that bring images with rare latents forward."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

BINS = 10


def density_weights(latents: Tensor, bins: int = BINS, constant: float = 0.0) -> Tensor:
    """DB-VAE: p (n,) float64, which sums to 1, proportional to the largest 1 / (density + constant) of its latents.

    Each dimension's density is that of a histogram over its range; a dimension that hardly varies has a high density
    and never counts.

    Source: Amini et al. 2019 (AIES), section 4. We differ as the recipe at hand does: the largest factor in place of
    the product over dimensions.

    Args:
        latents: Posterior means (n, latent).
        bins: Of each histogram.
        constant: The larger, the nearer all weights are to each other (the source's alpha).
    """
    rows = latents.double().numpy()
    largest = np.zeros(len(rows))
    for column in rows.T:
        if column.max() > column.min():
            density, edges = np.histogram(column, bins, density=True)
            places = np.clip(np.searchsorted(edges, column, side="right") - 1, 0, bins - 1)
            largest = np.maximum(largest, 1 / (density[places] + constant))
    weights = largest if largest.any() else np.ones(len(rows))
    return torch.from_numpy(weights / weights.sum())


def effective_count(weights: Tensor) -> float:
    """How many equally weighted draws the weights (n,) are worth: (sum p)² / sum p²."""
    return float(weights.sum().square() / weights.square().sum())
