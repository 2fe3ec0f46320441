"""Are samples copies of training images? Two shares by nearest neighbours among features.

Evidence, not proof: they see what the encoder sees, and training images that were compared. A picture of the nearest
training images belongs beside them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.metrics.estimates import Estimate
from paribus.metrics.neighbours import TIE, nearest_distances


def copying(train: Tensor, held_out: Tensor, fake: Tensor, *, nearest: tuple[Tensor, Tensor] | None = None) -> Estimate:
    """Share of samples whose nearest training image is nearer than their nearest held-out image, as of equal sets.

    p = mean_i [d(x_i, train) < d(x_i, held_out)] + [d(x_i, train) = d(x_i, held_out)] / 2, for equally many images in
    both sets. The training set is the larger one as a rule, and to leave most of it out would hide copies of what was
    left out. So all N training and M held-out images are asked, and p's odds are multiplied by M / N. 0.5 is clean,
    for any N and M: among images of one distribution each is equally likely to be the nearest. A model that copies
    goes to 1. Small deviations to either side also come from splits that differ (other writers, other years) and from
    an encoder that was trained on the training images: what validation images score beside it shows both.

    The error is the standard deviation under exchange of training and held-out images: with w_j the share of samples
    whose nearest image of both sets is j and L = N + M, sqrt(L / (L - 1) * (sum_j w_j² - 1 / L) * L² / NM) / 4. It is
    what chance alone gives around 0.5, for these samples: unlike the binomial error it knows that samples share their
    neighbours, and a model that repeats one image gets an error of a half (where N = M).

    Comparable only when encoder, both sets of images and resolution agree.

    Source: the idea of arXiv 2004.05675, with one share in place of its rank test.

    Args:
        train: Features (N, d) of training images.
        held_out: Features (M, d) of images that the model never saw.
        fake: Features (n, d) of samples.
        nearest: What `nearest_distances(fake, train)` gave, where it is known already.
    """
    trained, trained_rows = nearest or nearest_distances(fake, train)
    unseen, unseen_rows = nearest_distances(fake, held_out)
    nearer, farther = trained * TIE < unseen, trained > unseen * TIE
    terms = torch.where(nearer, 1.0, torch.where(farther, 0.0, 0.5)).double()
    images = len(train) + len(held_out)
    weights = torch.zeros(images, dtype=torch.float64)  # training images first
    weights.index_add_(0, trained_rows, terms)
    weights.index_add_(0, unseen_rows + len(train), 1 - terms)
    spread = float((weights / len(terms)).square().sum()) - 1 / images
    share = float(terms.mean())
    expected = len(train) / images
    value = share * (1 - expected) / (share * (1 - expected) + (1 - share) * expected)
    error = math.sqrt(max(0.0, spread) * images / (images - 1) / (expected * (1 - expected))) / 4
    return Estimate(value, error)


def authenticity(train: Tensor, fake: Tensor, *, nearest: tuple[Tensor, Tensor] | None = None) -> Estimate:
    """Share of samples that lie farther from their nearest training image than that image lies from its own nearest.

    AuthPct, as a share: mean_i [d(x_i, t_i) > min_{t ≠ t_i} d(t_i, t)], with t_i the training image nearest to x_i.
    0 for exact copies. It has no clean value of its own: read it beside what held-out images get, which depends on the
    data and on the number of training images. Higher is better up to there; noise gets 1.

    The error is the binomial one, over the draw of samples alone.

    Comparable only when encoder, training images, their number and resolution agree.

    Source: the authenticity of arXiv 2102.08921, in features of the caller's choice; AuthPct in arXiv 2302.04440 is
    100 times this.

    Args:
        train: Features (N, d) of training images, N of at least 2.
        fake: Features (n, d) of samples.
        nearest: What `nearest_distances(fake, train)` gave, where it is known already.
    """
    if len(train) < 2:
        raise ParibusError("A training image needs another one.", where="authenticity", got="1 training image")
    distances, rows = nearest or nearest_distances(fake, train)
    asked, back = rows.unique(return_inverse=True)
    own, _ = nearest_distances(train[asked], train, own=asked)
    share = float((distances > own[back] * TIE).double().mean())
    return Estimate(share, math.sqrt(share * (1 - share) / len(distances)))
