"""Can a classifier tell samples from real images? The classifier two-sample test."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from paribus.base.randomness import generator, keyed_seed
from paribus.base.torch_internals import Adam
from paribus.metrics.estimates import Estimate, feature_pair

HIDDEN, EPOCHS, LEAST_BATCH, MOST_STEPS = 20, 100, 64, 32
"""Units and epochs as in the paper; batches grow with the rows, so that an epoch has at most 32 steps."""


def two_sample_accuracy(real: Tensor, fake: Tensor) -> Estimate:
    """Share of held-out rows of both sets that a small network tells apart: 0.5 is chance, 1 is told apart always.

    Equally many rows of both sets are halved by a fixed draw. A network with one hidden layer of 20 ReLU learns on one
    half for 100 epochs of Adam which set a row is of, and is asked about the other half. Features are standardised
    by the half that it learns on. The total variation distance of the two distributions is at least 2a - 1.

    The error is that of Agresti and Coull, which is not 0 where no row, or every row, is told apart.

    Comparable only when encoder, number of images and resolution agree: more images teach a better classifier.

    Source: arXiv 1610.06545 (section 3, and the network of section 4). Features of an encoder stand in the place of
    pixels, as its section 5 does with a residual network's.

    Args:
        real: Features (n, d), n of at least 4.
        fake: Features (m, d), m of at least 4.
    """
    real, fake = feature_pair(real, fake, at_least=4, dtype=torch.float32)
    n = min(len(real), len(fake))
    halves = []
    for name, rows in (("real", real), ("fake", fake)):
        order = torch.randperm(len(rows), generator=generator("metrics", "two samples", name, len(rows)))[:n]
        halves.append((rows[order[: n // 2]], rows[order[n // 2 :]]))
    (real_seen, real_asked), (fake_seen, fake_asked) = halves
    seen, asked = torch.cat([real_seen, fake_seen]), torch.cat([real_asked, fake_asked])
    mean, std = seen.mean(0), seen.std(0).clamp_min(1e-6)
    classifier = _fitted((seen - mean) / std, _labels(real_seen, fake_seen))
    with torch.no_grad():
        said = classifier((asked - mean) / std).squeeze(1)
    right = torch.where(said == 0, 0.5, ((said > 0) == (_labels(real_asked, fake_asked) > 0)).float())
    total, hits = len(asked), float(right.sum())
    smoothed = (hits + 2) / (total + 4)
    return Estimate(hits / total, math.sqrt(smoothed * (1 - smoothed) / (total + 4)))


def _labels(real: Tensor, fake: Tensor) -> Tensor:
    """1 for real rows, 0 for the others."""
    return torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])


def _fitted(rows: Tensor, labels: Tensor) -> nn.Module:
    """The classifier, trained by a fixed draw that no other random number depends on."""
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(keyed_seed("metrics", "two samples", "network"))
        net = nn.Sequential(nn.Linear(rows.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        optimizer, batch = Adam(net.parameters()), max(LEAST_BATCH, -(-len(rows) // MOST_STEPS))
        for _ in range(EPOCHS):
            for part in torch.randperm(len(rows)).split(batch):
                loss = nn.functional.binary_cross_entropy_with_logits(net(rows[part]).squeeze(1), labels[part])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return net
