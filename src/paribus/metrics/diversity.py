"""How far samples are from each other in an encoder's features, beside real images."""

from __future__ import annotations

import torch
from torch import Tensor

from paribus.base.randomness import generator
from paribus.metrics.estimates import Estimate, feature_pair, ratio_estimate


def diversity(real: Tensor, fake: Tensor) -> Estimate:
    """Mean distance of two samples in feature space over that of two real images.

    E |f(x) - f(x')| / E |f(y) - f(y')|, Euclidean, over disjoint random pairs of samples x, x' and of images y, y'.
    Never negative; 1 is best: below it samples are more alike than real images are, 0 for copies of one image, and
    above 1 there are outliers or noise. It sees how far samples spread, not where they are. The error is the delta
    method's; pairs share no image, and so are independent.

    Comparable only when encoder, reference split and resolution agree; n may differ, since both means are unbiased.

    Source: the diversity score of arXiv 1711.11586 and 1804.04732 (mean LPIPS distance of random pairs), with the
    evaluation's encoder in place of LPIPS, and over real images so that 1 means the same for every encoder.

    Args:
        real: Features (n, d), n of at least 2.
        fake: Features (m, d), m of at least 2.
    """
    real, fake = feature_pair(real, fake)
    return ratio_estimate(pair_distances(fake), pair_distances(real))


def pair_distances(features: Tensor) -> Tensor:
    """Distances of disjoint random pairs of rows (n, d): (n // 2,); the same pairs each time."""
    order = torch.randperm(len(features), generator=generator("metrics", "pairs", len(features)))
    first, second = order[: len(order) // 2 * 2].view(2, -1)
    return (features[first] - features[second]).norm(dim=1)
