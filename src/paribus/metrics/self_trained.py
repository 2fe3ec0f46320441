"""An encoder that learns from unlabelled images alone: filters that stand for kinds of patches, found by clustering.

In the seconds that an evaluation may spend on it, filters from clustered patches tell more of what is in an image than
a small network trained by contrast for a minute does (`benchmarks/probe.py` has both).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from paribus.base.randomness import generator
from paribus.metrics.encoders import checked_images, checked_training_images, content_hash, one_thread, weights_id
from paribus.metrics.estimates import full_precision
from paribus.metrics.reference import cached_weights

_VERSION = 1  # part of the cache's key: raise it with any change to how filters are found or used
_FILTERS = 128
_FLAT = 1 / 8  # patches of a smaller standard deviation, on the scale [0, 1], are not stretched to full contrast
_SMOOTHING = 0.1  # added to each variance that is whitened, next to a mean of about 1
_THRESHOLD = 0.5  # in standard deviations of a filter's responses
_REGIONS = 2  # a response is averaged over each of 2x2 parts of the image
_MOST_POSITIONS = 27  # along a side, at which a filter is applied: all of a 32x32 image
_PATCHES, _ROUNDS, _IMAGES = 40_000, 12, 5_000
_AT_ONCE = 20  # images whose responses fit into a processor's cache


class SelfTrainedEncoder:
    """How strongly an image's regions respond to filters learned from the training images, in principal components.

    Patches of the training images are brought to equal contrast, whitened and clustered by their direction; the
    clusters' centres are filters. What a filter answers beyond a threshold is averaged over each quarter of the image;
    of all averages, each divided by its deviation, the leading principal components are the features, with a mean
    square of 1 over training images. It sees strokes, edges and textures and roughly where they are, and so blur, noise
    and missing kinds of images; it knows no objects.

    Source: the single-layer networks of Coates, Ng and Lee (AISTATS 2011) with the thresholds of Coates and Ng (ICML
    2011) and the spherical k-means of Coates and Ng (2012). We differ in far fewer filters, and in the principal
    components, since a distance between sets of images needs few features.

    Attributes:
        id: "self-" and the first 12 hex digits of the sha256 over filters and components.
        dimensions: 128, or 64 for images under 16x16, and at most the number of images.

    Args:
        train_images: uint8 (N, C, H, W), square; 5,000 of them are used, chosen by a fixed seed.
        fingerprint: Hash of the data, for the cache; by default of the images.
        cache: Root of the cache; None keeps nothing.
    """

    name = "self"

    def __init__(self, train_images: Tensor, *, fingerprint: str | None = None, cache: Path | None = None) -> None:
        checked_training_images(train_images, "SelfTrainedEncoder")
        self.fitted_on, self.channels, self.size, _ = train_images.shape
        key = ("self", _VERSION, fingerprint or content_hash(train_images), list(train_images.shape))
        weights = cached_weights(lambda: _fitted(train_images), key, cache)
        self._filters, self._thresholds = weights["filters"], weights["thresholds"]
        self._mean, self._directions = weights["mean"], weights["directions"]
        self.dimensions = self._directions.shape[1]
        self.id = weights_id(self.name, weights)

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Features (N, d) float32 of images uint8 (N, C, H, W)."""
        images = checked_images(images, self.channels, self.size, "SelfTrainedEncoder.features")
        if not len(images):
            return torch.zeros(0, self.dimensions)
        with full_precision():
            return (_responses(images, self._filters, self._thresholds) - self._mean) @ self._directions


@torch.no_grad()
def _fitted(images: Tensor) -> dict[str, Tensor]:
    """Filters, thresholds and components by a fixed seed: the same on the same processor type and torch build."""
    chosen = torch.randperm(len(images), generator=generator("metrics", "self"))[:_IMAGES]
    images = images[chosen.sort().values]
    with full_precision(), one_thread():
        filters, thresholds = _learned_filters(images)
        rows = _responses(images, filters, thresholds).double()
        deviation = rows.std(0).clamp_min(1e-6)
        mean, rows = rows.mean(0), (rows - rows.mean(0)) / deviation
        count = min(128 if images.shape[2] >= 16 else 64, len(images), rows.shape[1])
        directions = torch.linalg.eigh(rows.T @ rows).eigenvectors.flip(1)[:, :count]
        scale = (rows @ directions).square().mean().sqrt().clamp_min(1e-6)
    weights = {"filters": filters, "thresholds": thresholds, "mean": mean}
    weights["directions"] = directions / deviation[:, None] / scale
    return {name: value.float().contiguous() for name, value in weights.items()}


def _learned_filters(images: Tensor) -> tuple[Tensor, Tensor]:
    """Filters (K, C, size, size) and thresholds (K,) for patches of equal contrast, from images uint8 (N, C, H, W)."""
    draw, channels = generator("metrics", "self", "patches"), images.shape[1]
    size = 6 if images.shape[2] >= 16 else 4
    patches = _equalised(_random_patches(images, size, draw))
    mean = patches.mean(0)
    variances, axes = torch.linalg.eigh(torch.cov(patches.T).double())
    whiten = ((axes * (variances.clamp_min(0) + _SMOOTHING).rsqrt()) @ axes.T).float()
    centres = _directions_of_clusters((patches - mean) @ whiten, draw)
    filters = centres @ whiten
    responses = (patches - mean) @ filters.T
    thresholds = filters @ mean + _THRESHOLD * responses.std()
    # patches are equalised by subtracting their mean: filters may do it for them
    filters = filters - filters.mean(1, keepdim=True)
    return filters.view(-1, channels, size, size), thresholds


def _random_patches(images: Tensor, size: int, draw: torch.Generator) -> Tensor:
    """Rows (_PATCHES, C * size * size), on the scale [0, 1], cut from random places of random images uint8."""
    last = images.shape[2] - size
    image, top, left = (
        torch.randint(high, (_PATCHES, 1, 1), generator=draw) for high in (len(images), last + 1, last + 1)
    )
    along = torch.arange(size)
    cut = images[image, :, top + along[:, None], left + along].permute(0, 3, 1, 2)
    return cut.flatten(1).float() / 255


def _equalised(patches: Tensor) -> Tensor:
    """Rows minus their mean, divided by their deviation where it is not small."""
    patches = patches - patches.mean(1, keepdim=True)
    return patches / (patches.square().mean(1, keepdim=True) + _FLAT**2).sqrt()


def _directions_of_clusters(rows: Tensor, draw: torch.Generator) -> Tensor:
    """Spherical k-means: unit vectors (K, d), each the direction of the rows (n, d) that it is nearest to by angle."""
    centres = F.normalize(torch.randn(_FILTERS, rows.shape[1], generator=draw), dim=1)
    for _ in range(_ROUNDS):
        products, nearest = (rows @ centres.T).max(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, rows * products[:, None])
        others = rows[torch.randint(len(rows), (_FILTERS,), generator=draw)]  # in place of clusters without rows
        centres = F.normalize(torch.where(sums.norm(dim=1, keepdim=True) > 0, sums, others), dim=1)
    return centres


def _responses(images: Tensor, filters: Tensor, thresholds: Tensor) -> Tensor:
    """What each filter answers to patches of equal contrast, on average over each region: (N, K * regions)."""
    size = filters.shape[2]
    stride = -(-(images.shape[2] - size + 1) // _MOST_POSITIONS)
    parts = []
    for part in images.split(_AT_ONCE):
        pixels = part.float() / 255
        means, squares = (F.avg_pool2d(x.mean(1, keepdim=True), size, stride) for x in (pixels, pixels.square()))
        deviations = (squares - means.square() + _FLAT**2).sqrt()
        products = F.conv2d(pixels.contiguous(memory_format=torch.channels_last), filters, stride=stride)
        answers = products.div_(deviations).sub_(thresholds[:, None, None]).relu_()
        parts.append(F.adaptive_avg_pool2d(answers, _REGIONS).flatten(1))
    return torch.cat(parts)
