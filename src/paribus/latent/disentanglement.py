"""How far latent dimensions depend on each other, and how far each tells of one known factor alone."""

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


BINS = 20
"""Of equal width, into which a latent dimension is cut for its mutual information with a factor."""
PAIRS = 64
"""Pairs of images whose difference is one example of the beta-VAE score."""
TRAINED, TESTED = 1500, 750
"""Examples that its classifier is fitted to, and scored on."""


def shared_information(latents: Tensor, factors: Tensor) -> Tensor:
    """Mutual information of each latent dimension with each factor, over the factor's entropy: (latent, factors).

    Args:
        latents: (n, latent); each dimension is cut into 20 bins from its least to its greatest value.
        factors: int64 (n, factors), values counted from 0.
    """
    rows = latents.double()
    low, high = rows.min(0).values, rows.max(0).values
    reach = torch.where(high > low, high - low, 1.0)
    codes = ((rows - low) / reach * BINS).long().clamp(max=BINS - 1)
    shares = [
        [_mutual_information_nats(code, factor) / max(_entropy_nats(factor), 1e-12) for factor in factors.T]
        for code in codes.T
    ]
    return torch.tensor(shares, dtype=torch.float64)


def mutual_information_gap(shares: Tensor) -> float:
    """MIG: how far the most informative dimension is ahead of the second, over the factor's entropy; mean of factors.

    1 where each factor is told wholly by one dimension and no other; 0 where two tell the same. Finite n and bins bias
    the information upwards, alike for all dimensions, so that the gap of noise is near 0.

    Source: arXiv:1802.04942, equation 6, estimated as in arXiv:1811.12359.

    Args:
        shares: (latent, factors), as of `shared_information`.
    """
    return float(_gaps(shares).mean())


def separated_predictability(latents: Tensor, factors: Tensor, categorical: Tensor) -> float:
    """SAP: how far the dimension that predicts a factor best is ahead of the second; the mean over factors.

    A dimension's score is its squared correlation with a factor that has an order, and for one that has none the
    balanced accuracy of the nearest class mean, scaled so that chance is 0.

    Source: arXiv:1711.00848, section 3. We differ in the nearest mean in place of a support vector machine, and in
    that scale.

    Args:
        latents: (n, latent).
        factors: int64 (n, factors), values counted from 0.
        categorical: bool (factors,), which of them have no order.
    """
    rows = latents.double()
    scores = [
        _class_scores(rows, factor) if unordered else _squared_correlations(rows, factor)
        for factor, unordered in zip(factors.T, categorical.tolist(), strict=True)
    ]
    return float(_gaps(torch.stack(scores, 1)).mean())


def beta_vae_score(latents: Tensor, factors: Tensor, seed: int = 0) -> float:
    """The beta-VAE score: how well one can tell which factor two images share from how their latents differ.

    An example is a factor, chosen at random, and the mean |z - z'| of 64 pairs of images that share its value and are
    otherwise drawn at random; a linear classifier has to name the factor. Its accuracy on new examples, 1 / factors by
    chance. It does not ask that a factor have one dimension of its own.

    Source: Higgins et al. 2017, section 3. We differ in dividing each dimension by its deviation.

    Args:
        latents: (n, latent) of images in which every factor varies.
        factors: int64 (n, factors).
        seed: Of the pairs.
    """
    from sklearn.linear_model import LogisticRegression

    deviations = latents.double().std(0)
    rows = torch.where(deviations > 1e-9, latents.double() / deviations, 0.0)
    draw = generator("beta-VAE score", seed)
    count = TRAINED + TESTED
    fixed = torch.randint(factors.shape[1], (count,), generator=draw)
    differences = torch.empty(count, rows.shape[1], dtype=torch.float64)
    for k in range(factors.shape[1]):
        chosen = (fixed == k).nonzero()[:, 0]
        first = torch.randint(len(rows), (len(chosen), PAIRS), generator=draw)
        second = _partners(factors[:, k], first, draw)
        differences[chosen] = (rows[first] - rows[second]).abs().mean(1)
    model = LogisticRegression(C=100.0, max_iter=2000)
    model.fit(differences[:TRAINED].numpy(), fixed[:TRAINED].numpy())
    return float(model.score(differences[TRAINED:].numpy(), fixed[TRAINED:].numpy()))


def _partners(values: Tensor, rows: Tensor, draw: torch.Generator) -> Tensor:
    """For each row one drawn from all that have its value."""
    order = values.argsort(stable=True)
    counts = values.bincount()
    starts = counts.cumsum(0) - counts
    own = values[rows]
    within = (torch.rand(rows.shape, generator=draw, dtype=torch.float64) * counts[own]).long()
    return order[starts[own] + within]


def _gaps(scores: Tensor) -> Tensor:
    """Best minus second best of each column; one row alone is ahead of nothing."""
    if len(scores) == 1:
        return scores[0]
    best = scores.topk(2, dim=0).values
    return best[0] - best[1]


def _entropy_nats(values: Tensor) -> float:
    shares = values.bincount().double() / len(values)
    return -float(torch.special.xlogy(shares, shares).sum())


def _mutual_information_nats(first: Tensor, second: Tensor) -> float:
    joint = first * (int(second.max()) + 1) + second
    return _entropy_nats(first) + _entropy_nats(second) - _entropy_nats(joint)


def _squared_correlations(rows: Tensor, factor: Tensor) -> Tensor:
    x, y = rows - rows.mean(0), factor.double() - factor.double().mean()
    variances = x.square().sum(0) * y.square().sum()
    return torch.where(variances > 1e-18, (x * y[:, None]).sum(0).square() / variances, 0.0)


def _class_scores(rows: Tensor, factor: Tensor) -> Tensor:
    classes = int(factor.max()) + 1
    means = torch.stack([rows[factor == k].mean(0) for k in range(classes)])  # (classes, latent)
    guesses = (rows[:, None] - means).abs().argmin(1)  # (n, latent)
    right = guesses == factor[:, None]
    balanced = torch.stack([right[factor == k].double().mean(0) for k in range(classes)]).mean(0)
    return ((balanced - 1 / classes) / (1 - 1 / classes)).clamp_min(0)
