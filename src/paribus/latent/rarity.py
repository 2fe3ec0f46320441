"""What is rare: groups of images without labels, and weights that bring images with rare latents forward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

CLUSTERS = 10
APPEARANCE_BINS = 5
"""Of equal width, of brightness and of asymmetry."""
RARE = 0.1
"""Share of the images that count as rare."""
HISTOGRAM_BINS = 10
"""Of the densities of latents."""


def brightness(images: Tensor) -> Tensor:
    """Mean pixel (n,) of images uint8 (n, C, H, W): 0 for black, 1 for white."""
    return images.float().mean((1, 2, 3)) / 255


def asymmetry(images: Tensor) -> Tensor:
    """Mean pixel of the right half minus that of the left (n,), from -1 to 1; a middle column counts to neither."""
    half = images.shape[3] // 2
    return brightness(images[..., -half:]) - brightness(images[..., :half])


APPEARANCES = {"brightness": brightness, "asymmetry": asymmetry}
"""By name."""


@dataclass(frozen=True)
class Groups:
    """A way to sort images into groups.

    Args:
        centres: Of clusters of features (clusters, d).
        edges: By name of an appearance, the inner edges of its bins.
    """

    centres: Tensor
    edges: dict[str, Tensor]

    def of(self, images: Tensor, features: Tensor) -> dict[str, Tensor]:
        """Group (n,) of images uint8 (n, C, H, W) with features (n, d), by kind of group: content, brightness, ..."""
        found = {"content": torch.cdist(features, self.centres).argmin(1)}
        for name, edges in self.edges.items():
            found[name] = torch.bucketize(APPEARANCES[name](images), edges)
        return found

    def cells(self, images: Tensor, features: Tensor) -> Tensor:
        """One number (n,) for each combination of groups."""
        cell = torch.zeros(len(images), dtype=torch.int64)
        for group in self.of(images, features).values():
            cell = cell * max(CLUSTERS, APPEARANCE_BINS) + group
        return cell


def image_groups(images: Tensor, features: Tensor, seed: int = 0) -> Groups:
    """Groups found in images uint8 (n, C, H, W) with features (n, d): k-means, and bins from least to greatest.

    Equal widths, not equal counts: the few very bright or very one-sided images are what may go missing.
    """
    from sklearn.cluster import KMeans

    clusters = min(CLUSTERS, len(images))
    found = KMeans(clusters, n_init=4, random_state=seed % 2**32).fit(features.double().numpy())
    edges = {}
    for name, measure in APPEARANCES.items():
        values = measure(images)
        edges[name] = torch.linspace(float(values.min()), float(values.max()), APPEARANCE_BINS + 1)[1:-1]
    return Groups(torch.from_numpy(found.cluster_centers_).to(features.dtype), edges)


def rare_cells(cells: Tensor) -> Tensor:
    """The smallest of the cells (n,) of n images: as many as hold at most a tenth of them together, at least one."""
    names, counts = cells.unique(return_counts=True)
    order = counts.argsort(stable=True)
    kept = int((counts[order].cumsum(0) <= RARE * len(cells)).sum())
    return names[order[: max(1, kept)]]


def density_weights(latents: Tensor, bins: int = HISTOGRAM_BINS, constant: float = 0.0) -> Tensor:
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
