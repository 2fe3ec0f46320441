"""Scores of a classifier's probabilities: are samples recognisable, and are all classes there in the right shares?"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from paribus.base.randomness import generator
from paribus.metrics.estimates import Estimate, disjoint_blocks, feature_matrix, feature_pair
from paribus.results.statistics import jackknife_error

MISSING_BELOW = 0.1
"""A class counts as missing when its share is below this fraction of its real share."""


def classifier_score(probabilities: Tensor) -> Estimate:
    """The Inception Score's formula with the probabilities of any classifier: sure of each image, diverse over all.

    exp E_x KL(p(y|x) || p(y)), over all samples at once. From 1 to the number of classes; higher is better. It never
    looks at real images: a model that repeats one good image of each class gets the highest score.

    Comparable only when the classifier agrees and the numbers of samples are near each other. With the dataset's own
    classifier it is called `classifier_score`; `inception_score` is with Inception's 1,008 outputs and no other.

    Source: arXiv 1606.03498, section 4. We differ from the reference code in not averaging over 10 splits (each split
    is biased downwards); the error is a delete-one-block jackknife over 20 disjoint blocks.

    Args:
        probabilities: (n, classes), each row summing to 1.
    """
    rows = feature_matrix(probabilities, "probabilities of the", at_least=1)
    information = torch.special.xlogy(rows, rows).sum(1)  # minus each row's entropy, nats
    count, total, sums = len(rows), information.sum(), rows.sum(0)
    left_out = []
    for block in disjoint_blocks(count):
        left = count - len(block)
        if left > 0:
            left_out.append(_score(total - information[block].sum(), sums - rows[block].sum(0), left))
    return Estimate(_score(total, sums, count), jackknife_error(left_out))


def _score(information: Tensor, sums: Tensor, count: int | Tensor) -> float:
    marginal = (sums / count).clamp_min(0)
    return math.exp(max(0.0, float(information / count - torch.special.xlogy(marginal, marginal).sum())))


def mode_score(real: Tensor, fake: Tensor) -> Estimate:
    """The Inception Score's formula, lowered where classes come in other shares than among real images.

    exp(E_x KL(p(y|x) || p(y)) - KL(p(y) || p*(y))), with p(y) the mean over samples and p*(y) over real images. From
    near 0 to at most the number of classes; higher is better. Real images get what the classifier's certainty allows.

    Comparable only when the classifier and the reference agree and the numbers of samples are near each other.

    Source: arXiv 1612.02136 as stated in arXiv 1806.07755, section 2, and its code. With p*(y) in place of p(y) in the
    first term, as it is also found, real images cancel out: the two differ by KL(p(y) || p*(y)), so that this would be
    the Inception Score. The error is a delete-one-block jackknife over 20 disjoint blocks of either side.

    Args:
        real: Probabilities (m, classes), each row summing to 1.
        fake: Probabilities (n, classes) by the same classifier.
    """
    real, fake = feature_pair(real, fake, at_least=1)
    information, sums, totals = torch.special.xlogy(fake, fake).sum(1), fake.sum(0), real.sum(0)
    without_fake = [
        _mode_score(information.sum() - information[block].sum(), sums - fake[block].sum(0), totals)
        for block in disjoint_blocks(len(fake))
        if len(block) < len(fake)
    ]
    without_real = [
        _mode_score(information.sum(), sums, totals - real[block].sum(0))
        for block in disjoint_blocks(len(real))
        if len(block) < len(real)
    ]
    error = math.hypot(jackknife_error(without_fake), jackknife_error(without_real))
    return Estimate(_mode_score(information.sum(), sums, totals), error, tuple(without_real))


def _mode_score(information: Tensor, sums: Tensor, totals: Tensor) -> float:
    count = sums.sum()  # rows sum to 1
    return _score(information, sums, count) * math.exp(-class_histogram_divergence(totals / totals.sum(), sums / count))


def class_histogram(probabilities: Tensor) -> Tensor:
    """Share of rows (n, classes) whose most probable class is each class: (classes,) float64, summing to 1."""
    classes = probabilities.shape[1]
    return torch.bincount(probabilities.argmax(1).cpu(), minlength=classes).double() / len(probabilities)


def class_histogram_divergence(real: Tensor, fake: Tensor) -> float:
    """How far the classes' shares among samples are from those among real images.

    KL(fake || real) = sum_c fake_c ln(fake_c / real_c) in nats. Lower is better: 0 for equal shares, ln(classes) for
    samples of one class out of equally frequent ones. Infinite if samples have a class that the real images lack.

    Comparable only when the classifier, the reference and the number of samples agree (it is biased upwards by about
    (classes - 1) / 2n). Both histograms are to come from the same labeller: a classifier's mistakes then cancel.

    Source: the mode-collapse test of arXiv 1705.07761 and arXiv 1712.04086.

    Args:
        real: Shares (classes,), summing to 1.
        fake: Shares (classes,), summing to 1.
    """
    real, fake = real.double(), fake.double()
    return max(0.0, float((torch.special.xlogy(fake, fake) - torch.special.xlogy(fake, real)).sum()))


def proportional_labels(counts: Tensor, n: int) -> Tensor:
    """Classes in proportion to counts, in an order of which every beginning is in proportion, too.

    Image k (from 0) of a class with the share p comes at (k + u) / p, and the first n are taken (systematic sampling).
    The starts u are spread evenly over [0, 1) in an order of the classes that is shuffled once: fewer places than
    classes are not those of the first classes alone, and rare classes are not all late. The class of place i does not
    depend on n.

    Args:
        counts: Images of each class: (classes,), not all 0.
        n: How many classes are wanted.

    Returns:
        Classes int64 (n,); each comes as often as its share of n, up to about one.
    """
    present = counts.nonzero().flatten()
    shares = counts[present].double() / counts.sum()
    starts = (torch.randperm(len(present), generator=generator("proportional labels")) + 0.5) / len(present)
    most = (shares * (n + len(present))).ceil().long() + 1
    classes = torch.arange(len(present)).repeat_interleave(most)
    k = torch.arange(len(classes)) - (most.cumsum(0) - most)[classes]
    at = (k + starts[classes]) / shares[classes]
    return present[classes[torch.argsort(at, stable=True)[:n]]]


def class_agreement(probabilities: Tensor, labels: Tensor) -> Estimate:
    """Share of a conditional model's samples whose most probable class is the one that was asked for.

    The mean over the classes that were asked for, each counting alike. From 0 to 1; higher is better, and real images
    score the classifier's mean accuracy in a class. The error is the binomial one of each class, combined. It says
    nothing of variety: a model with one good image a class gets 1.

    Comparable only when the classifier agrees and the same classes were asked for in the same shares.

    Source: arXiv 1703.10155, section 4.2.

    Args:
        probabilities: (n, classes).
        labels: Classes (n,) that were asked for.
    """
    right, labels = (probabilities.argmax(1).cpu() == labels.cpu()).double(), labels.cpu()
    asked = labels.bincount()
    counts = asked[asked > 0].double()
    shares = labels.bincount(right)[asked > 0] / counts
    variance = (shares * (1 - shares) / counts).sum() / len(counts) ** 2
    return Estimate(float(shares.mean()), math.sqrt(float(variance)))


def missing_classes(real: Tensor, fake: Tensor) -> list[int]:
    """Classes that the samples lack: their share is under a tenth of the share among real images.

    Its length is the metric; lower is better. Classes without real images are not counted.

    Comparable only when classifier, reference and number of samples agree.

    Args:
        real: Shares (classes,), summing to 1.
        fake: Shares (classes,), summing to 1.
    """
    return torch.nonzero(fake < MISSING_BELOW * real).flatten().tolist()


def modes_found(fake: Tensor) -> int:
    """Number of classes that at least one sample is recognised as; higher is better, up to all classes.

    One sample is enough, so a class that is all but lost still counts: `missing_classes` is the stricter view.

    Comparable only when the classifier and the number of samples agree.

    Source: the count of modes of arXiv 1611.02163 and arXiv 1712.04086 (Stacked MNIST).

    Args:
        fake: Shares (classes,), summing to 1.
    """
    return int((fake > 0).sum())
