"""Are samples copies of training images? Two shares by nearest neighbours among features.

Evidence, not proof: they see what the encoder sees, and training images that were compared. A picture of the nearest
training images belongs beside them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from paribus.errors import ParibusError
from paribus.metrics.estimates import Estimate, feature_pair
from paribus.metrics.neighbours import TIE, nearest_distances


def copying(train: Tensor, held_out: Tensor, fake: Tensor) -> Estimate:
    """Share of samples whose nearest training image is nearer than their nearest held-out image; ties count a half.

    mean_i [d(x_i, train) < d(x_i, held_out)] + [d(x_i, train) = d(x_i, held_out)] / 2, with equally many images in both
    sets. 0.5 is clean: a model that knows the distribution alone has no reason to be nearer to either. A model that
    copies goes to 1; above 0.5 by much less may also mean that the two splits differ (other writers, other years).

    The error is the standard deviation under exchange of training and held-out images: with w_j the share of samples
    whose nearest image of the 2m is j, sqrt(2m / (2m - 1) * (sum_j w_j² - 1 / 2m)) / 2. It is what chance alone gives
    around 0.5, for these samples: unlike the binomial error it knows that samples share their neighbours, and a model
    that repeats one image gets an error near a half.

    Comparable only when encoder, both sets of images, the number of samples and resolution agree.

    Source: the idea of arXiv 2004.05675, with one share in place of its rank test.

    Args:
        train: Features (m, d) of training images.
        held_out: Features (m, d) of images that the model never saw.
        fake: Features (n, d) of samples.

    Raises:
        ParibusError: The two sets differ in size.
    """
    if len(train) != len(held_out):
        raise ParibusError(
            "The larger set would be nearer by its number alone.",
            where="copying",
            got=f"{len(train)} training and {len(held_out)} held-out images",
            expected="equally many",
        )
    trained, nearest_trained = nearest_distances(fake, train)
    unseen, nearest_unseen = nearest_distances(fake, held_out)
    nearer, farther = trained * TIE < unseen, trained > unseen * TIE
    share = torch.where(nearer, 1.0, torch.where(farther, 0.0, 0.5)).double()
    images = 2 * len(train)
    weights = torch.zeros(images, dtype=torch.float64)  # training images first
    weights.index_add_(0, nearest_trained, share)
    weights.index_add_(0, nearest_unseen + len(train), 1 - share)
    spread = (weights / len(share)).square().sum() - 1 / images
    return Estimate(float(share.mean()), math.sqrt(max(0.0, float(spread)) * images / (images - 1)) / 2)


def authenticity(train: Tensor, fake: Tensor) -> Estimate:
    """Share of samples that lie farther from their nearest training image than that image lies from its own nearest.

    AuthPct, as a share: mean_i [d(x_i, t_i) > min_{t ≠ t_i} d(t_i, t)], with t_i the training image nearest to x_i.
    0 for exact copies. It has no clean value of its own: read it beside what held-out images get, which depends on the
    data and on the number of training images. Higher is better up to there; noise gets 1.

    The error is the binomial one, over the draw of samples alone.

    Comparable only when encoder, training images, their number and resolution agree.

    Source: the authenticity of arXiv 2102.08921, in features of the caller's choice; AuthPct in arXiv 2302.04440 is
    100 times this.

    Args:
        train: Features (m, d) of training images, m of at least 2.
        fake: Features (n, d) of samples.
    """
    train, fake = feature_pair(train, fake, at_least=1)
    if len(train) < 2:
        raise ParibusError("A training image needs another one.", where="authenticity", got="1 training image")
    distances, nearest = nearest_distances(fake, train)
    asked, back = nearest.unique(return_inverse=True)
    own, _ = nearest_distances(train[asked], train, own=asked)
    share = float((distances > own[back] * TIE).double().mean())
    return Estimate(share, math.sqrt(share * (1 - share) / len(fake)))
