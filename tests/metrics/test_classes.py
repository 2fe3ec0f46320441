import math

import numpy as np
import pytest
import scipy.stats
import torch

from paribus.metrics.classes import (
    class_agreement,
    class_histogram,
    class_histogram_divergence,
    classifier_score,
    missing_classes,
    mode_score,
    modes_found,
    proportional_labels,
)


def test_score_of_certain_and_even_predictions_is_the_number_of_classes():
    assert classifier_score(torch.eye(7).repeat(20, 1)).value == pytest.approx(7)
    assert classifier_score(torch.full((50, 7), 1 / 7)).value == pytest.approx(1)
    assert classifier_score(torch.eye(7)[:1].repeat(20, 1)).value == pytest.approx(1)


def test_score_by_hand():
    rows = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]], dtype=torch.float64)
    middle = [1.6 / 3, 1.4 / 3]
    kl = [sum(p * math.log(p / q) for p, q in zip(row, middle, strict=True)) for row in rows.tolist()]
    assert classifier_score(rows).value == pytest.approx(math.exp(sum(kl) / 3), rel=1e-12)


def test_score_equals_the_mean_of_scipys_divergences():
    rows = torch.rand(200, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64) ** 4
    rows /= rows.sum(1, keepdim=True)
    expected = math.exp(scipy.stats.entropy(rows.numpy(), rows.mean(0).numpy()[None], axis=1).mean())
    assert classifier_score(rows).value == pytest.approx(expected, rel=1e-12)


def test_error_of_the_score_is_the_spread_over_fresh_draws():
    def draw(seed):
        logits = torch.randn(500, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2
        return classifier_score(logits.softmax(1))

    scores = [draw(seed) for seed in range(200)]
    spread = np.std([score.value for score in scores], ddof=1)
    mean = np.mean([score.error for score in scores])
    print(f"seeds 0..199: spread {spread:.5f}, mean jackknife error {mean:.5f}")
    assert mean == pytest.approx(spread, rel=0.15)
    assert math.isnan(classifier_score(torch.tensor([[0.5, 0.5]])).error)


def test_histogram_counts_the_most_probable_class():
    rows = torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1]])
    assert class_histogram(rows).tolist() == [0.5, 0.5, 0.0]


def test_divergence_equals_scipys_and_has_a_direction():
    real, fake = torch.tensor([0.2, 0.3, 0.5]), torch.tensor([0.6, 0.4, 0.0])
    assert class_histogram_divergence(real, fake) == pytest.approx(scipy.stats.entropy([0.6, 0.4, 0], [0.2, 0.3, 0.5]))
    assert class_histogram_divergence(real, real) == 0
    one, even = torch.eye(10)[0], torch.full((10,), 0.1)
    assert class_histogram_divergence(even, one) == pytest.approx(math.log(10), rel=1e-6)
    assert class_histogram_divergence(one, even) == math.inf


def test_agreement_is_the_mean_of_the_classes_shares_with_its_binomial_error():
    rows = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    found = class_agreement(rows, torch.tensor([0, 1, 0, 0]))
    assert found.value == pytest.approx((2 / 3 + 1) / 2)  # three were asked for class 0, one for class 1
    assert found.error == pytest.approx(scipy.stats.binom.std(3, 2 / 3) / 3 / 2)


@pytest.mark.parametrize(
    "counts", [[50, 50], [95, 5], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [9000, *[1] * 100], [3, 0, 4], [7]]
)
def test_labels_are_asked_for_as_often_as_they_are_among_training_images(counts):
    counts = torch.tensor(counts)
    asked = proportional_labels(counts, 5000)
    shares = counts.double() / counts.sum()
    assert len(asked) == 5000
    for n in (1, 3, 10, 64, 999, 5000):
        assert torch.equal(proportional_labels(counts, n), asked[:n])  # the class of a place does not depend on n
        difference = asked[:n].bincount(minlength=len(counts)) - n * shares
        assert difference.abs().max() <= 1.5, (n, difference)


def test_fewer_labels_than_classes_are_not_the_first_classes():
    asked = proportional_labels(torch.full((1000,), 7), 30)
    assert len(asked.unique()) == 30 and asked.max() > 700 and asked.min() < 300
    rare_first = proportional_labels(torch.tensor([9000, *[1] * 1000]), 200)
    assert (rare_first > 0).sum() == pytest.approx(200 * 1000 / 10000, abs=3)


def test_missing_classes_are_those_under_a_tenth_of_their_share():
    real = torch.tensor([0.5, 0.3, 0.2, 0.0])
    assert missing_classes(real, torch.tensor([0.941, 0.029, 0.03, 0.0])) == [1]
    assert missing_classes(real, torch.tensor([1.0, 0.0, 0.0, 0.0])) == [1, 2]
    assert missing_classes(real, real) == []


def probabilities(n, classes, seed, weights=None):
    logits = torch.randn(n, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2
    return (logits + (0 if weights is None else torch.tensor(weights).log())).softmax(1)


def test_mode_score_of_certain_predictions_by_hand():
    even, one = torch.eye(4).repeat(10, 1), torch.eye(4)[:1].repeat(40, 1)
    assert mode_score(even, even).value == pytest.approx(4)
    assert mode_score(even, one).value == pytest.approx(1 / 4)  # IS of 1, and a divergence of ln 4
    half = torch.eye(4)[:2].repeat(20, 1)
    assert mode_score(even, half).value == pytest.approx(2 / 2)
    assert mode_score(half, half).value == pytest.approx(2)
    assert mode_score(half, even).value == 0  # classes that real images lack


def test_mode_score_equals_scipys_divergences():
    real, fake = probabilities(150, 6, 0), probabilities(200, 6, 1, [3.0, 1, 1, 1, 1, 0.2])
    certain = scipy.stats.entropy(fake.numpy(), fake.mean(0).numpy()[None], axis=1).mean()
    uneven = scipy.stats.entropy(fake.mean(0).numpy(), real.mean(0).numpy())
    assert mode_score(real, fake).value == pytest.approx(math.exp(certain - uneven), rel=1e-9)
    # with the real shares in the first term, they cancel: what is left is the Inception Score
    against_real = scipy.stats.entropy(fake.numpy(), real.mean(0).numpy()[None], axis=1).mean()
    assert math.exp(against_real - uneven) == pytest.approx(classifier_score(fake).value, rel=1e-9)
    assert mode_score(fake, fake).value == pytest.approx(classifier_score(fake).value, rel=1e-9)


def test_error_of_the_mode_score_is_the_spread_over_fresh_draws():
    scores = [
        mode_score(probabilities(400, 5, 2 * s), probabilities(300, 5, 2 * s + 1, [3.0, 1, 1, 1, 1]))
        for s in range(150)
    ]
    spread, mean = np.std([score.value for score in scores], ddof=1), np.mean([score.error for score in scores])
    print(f"seeds 0..299: spread {spread:.5f}, mean jackknife error {mean:.5f}")
    assert mean == pytest.approx(spread, rel=0.15)


def test_modes_found_are_classes_with_a_sample():
    assert modes_found(torch.tensor([0.5, 0.001, 0.0, 0.499])) == 3
    assert modes_found(class_histogram(torch.eye(5)[[0, 0, 3]])) == 2
