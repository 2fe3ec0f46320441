"""The Fréchet distance within each class, for models that are asked for classes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from paribus.metrics.distances import frechet_distance, frechet_error
from paribus.metrics.estimates import Estimate


def frechet_within_classes(real: Tensor, real_labels: Tensor, fake: Tensor, fake_labels: Tensor) -> Estimate:
    """Mean over classes of the Fréchet distance between real images of a class and samples asked for it.

    (1/C) sum_c FD(real_c, fake_c); with Inception features the intra-class FID. Lower is better. Unlike the distance
    over all classes at once it rises when a model ignores the class it is asked for, or varies too little within one.
    Every class counts alike, however often it occurs. The error adds the variances of the classes' jackknife errors.

    Comparable only when encoder, reference split, number of samples a class and resolution agree: it is biased upwards
    by far more than the distance over all classes, which has C times the samples. Read it beside the floor.

    Source: the intra-FID of arXiv 1802.05637, section 4.1.

    Args:
        real: Features (n, d).
        real_labels: Their classes (n,).
        fake: Features (m, d).
        fake_labels: Classes (m,) that were asked for; those without 2 samples and 2 real images are left out.
    """
    counts = class_counts(real_labels, fake_labels)
    parts = [(real[real_labels == c], fake[fake_labels == c]) for c in torch.nonzero(counts >= 2).flatten()]
    if not parts:
        return Estimate(math.nan, math.nan)
    distances = [frechet_distance(*pair) for pair in parts]
    errors = [frechet_error(*pair) for pair in parts]
    return Estimate(sum(distances) / len(parts), math.hypot(*errors) / len(parts))


def class_counts(real_labels: Tensor, fake_labels: Tensor) -> Tensor:
    """Images of each class on the side that has fewer of them: (classes,), up to the highest label of both."""
    classes = int(max(real_labels.max(), fake_labels.max())) + 1
    return torch.minimum(*(torch.bincount(labels, minlength=classes) for labels in (real_labels, fake_labels)))
