"""Latents on a plane, and how well classes keep together."""

from __future__ import annotations

import torch
from torch import Tensor

from paribus.latent.directions import principal_directions

METHODS = ("pca", "tsne")
"""How many dimensions become two."""


def projected(latents: Tensor, method: str, seed: int = 0) -> Tensor:
    """Places (n, 2) float64 of latents (n, latent): the first two principal components, or t-SNE's.

    Two dimensions stay as they are. t-SNE shows who is whose neighbour; sizes of and distances between its groups mean
    little.
    """
    if latents.shape[1] == 2:
        return latents.double()
    centred = latents.double() - latents.double().mean(0)
    plane = centred @ principal_directions(latents).vectors[:2].T
    if plane.shape[1] == 1:
        return torch.cat([plane, torch.zeros_like(plane)], 1)
    if method == "pca":
        return plane
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(latents) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=seed % 2**32).fit_transform(latents.numpy())
    return torch.from_numpy(places).double()


def neighbour_agreement(latents: Tensor, labels: Tensor, k: int = 10) -> float:
    """Share of each latent's k nearest others that have its label, averaged over latents (n, latent), n > k.

    1 where every class lies apart; the sum of the squared class shares where classes are mixed.
    """
    distances = torch.cdist(latents.double(), latents.double()).fill_diagonal_(torch.inf)
    nearest = distances.topk(k, largest=False).indices  # (n, k)
    return float((labels[nearest] == labels[:, None]).double().mean())
