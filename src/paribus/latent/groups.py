"""Groups of images without labels: by what they show, how bright they are, and to which side they lean."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from paribus.latent.appearance import APPEARANCES

CLUSTERS = 10
BINS = 5
"""Of equal width, of brightness and of asymmetry."""
RARE = 0.1
"""Share of the images that count as rare."""


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
            cell = cell * max(CLUSTERS, BINS) + group
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
        edges[name] = torch.linspace(float(values.min()), float(values.max()), BINS + 1)[1:-1]
    return Groups(torch.from_numpy(found.cluster_centers_).to(features.dtype), edges)


def rare_cells(cells: Tensor) -> Tensor:
    """The smallest of the cells (n,) of n images: as many as hold at most a tenth of them together, at least one."""
    names, counts = cells.unique(return_counts=True)
    order = counts.argsort(stable=True)
    kept = int((counts[order].cumsum(0) <= RARE * len(cells)).sum())
    return names[order[: max(1, kept)]]
