import math

import numpy as np
import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.metrics import neighbours
from paribus.metrics.memorization import authenticity, copying
from paribus.metrics.neighbours import nearest_distances


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def distances(a, b):
    return np.sqrt(np.square(a.numpy()[:, None] - b.numpy()[None]).sum(-1))


def by_definition(train, held_out, fake):
    """Copying and authenticity from all distances, of equally many training and held-out images."""
    trained, unseen = distances(fake, train), distances(fake, held_out)
    share = np.where(trained.min(1) < unseen.min(1), 1, np.where(trained.min(1) > unseen.min(1), 0, 0.5))
    within = distances(train, train) + np.diag([np.inf] * len(train))
    return share.mean(), (trained.min(1) > within.min(1)[trained.argmin(1)]).mean()


@pytest.mark.parametrize(("n", "m", "d"), [(300, 250, 8), (40, 400, 3), (500, 12, 40), (5, 2, 2)])
def test_equal_to_the_definition(n, m, d):
    train, held_out, fake = normal(m, d), normal(m, d, 1) * 1.1, normal(n, d, 2)
    fake[::3] = train[torch.arange(len(fake[::3])) % m] + 0.05 * normal(len(fake[::3]), d, 3)
    expected = by_definition(train, held_out, fake)
    assert copying(train, held_out, fake).value == pytest.approx(expected[0], abs=1e-12)
    assert authenticity(train, fake).value == pytest.approx(expected[1], abs=1e-12)


@pytest.mark.parametrize("block", [64, 1 << 22])
@pytest.mark.parametrize("centre", [0.0, 1e4])
def test_nearest_neighbours_among_near_duplicates(block, centre, monkeypatch):
    monkeypatch.setattr(neighbours, "_TILE", math.isqrt(block))
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    # clusters of 30 around large norms: far more near-duplicates than candidates that are kept
    sites = (normal(8, 6, 1) * 1000).repeat_interleave(30, 0) + centre
    points, queries = sites + 1e-4 * normal(240, 6, 2), sites[::5] + 1e-4 * normal(48, 6, 3)
    near, rows = nearest_distances(queries, points)
    expected = distances(queries, points)
    assert near.numpy() == pytest.approx(expected.min(1), rel=1e-9)
    assert rows.numpy().tolist() == expected.argmin(1).tolist()
    others, _ = nearest_distances(points, points, own=torch.arange(240))
    within = distances(points, points) + np.diag([np.inf] * 240)
    assert others.numpy() == pytest.approx(within.min(1), rel=1e-9)


def test_exact_copies_are_found():
    train, held_out = normal(500, 16), normal(500, 16, 1)
    copies = train[torch.randint(0, 500, (400,), generator=torch.Generator().manual_seed(2))]
    assert copying(train, held_out, copies).value == 1
    assert authenticity(train, copies).value == 0
    assert copying(held_out, train, copies).value == 0
    assert authenticity(held_out, copies).value > 0.4


def test_near_copies_far_from_the_origin_are_found():
    train, held_out = normal(300, 8) + 1e5, normal(300, 8, 1) + 1e5
    copies = train + 1e-6 * normal(300, 8, 2)
    assert copying(train, held_out, copies).value == 1
    assert authenticity(train, copies).value == 0


def test_fresh_draws_are_clean_and_the_error_is_their_spread():
    m, n, d, seeds = 120, 400, 6, 150  # more samples than images: they share neighbours
    scores = [copying(normal(m, d, 3 * s), normal(m, d, 3 * s + 1), normal(n, d, 3 * s + 2)) for s in range(seeds)]
    values = np.array([score.value for score in scores])
    spread, error = values.std(ddof=1), math.sqrt(np.mean([score.error**2 for score in scores]))
    print(
        f"seeds 0..449: mean {values.mean():.4f}, spread {spread:.4f}, error {error:.4f}, binomial {0.5 / n**0.5:.4f}"
    )
    assert abs(values.mean() - 0.5) < 4 * spread / seeds**0.5
    assert error == pytest.approx(spread, rel=0.15)
    assert error > 1.15 * 0.5 / n**0.5


@pytest.mark.parametrize(("m", "k"), [(600, 120), (80, 400)])
def test_sets_of_different_sizes_are_clean_at_a_half_too(m, k):
    n, d, seeds = 300, 6, 150
    scores = [copying(normal(m, d, 3 * s), normal(k, d, 3 * s + 1), normal(n, d, 3 * s + 2)) for s in range(seeds)]
    values = np.array([score.value for score in scores])
    spread, error = values.std(ddof=1), math.sqrt(np.mean([score.error**2 for score in scores]))
    print(f"seeds 0..449, {m} and {k}: mean {values.mean():.4f}, spread {spread:.4f}, error {error:.4f}")
    assert abs(values.mean() - 0.5) < 4 * spread / seeds**0.5 + spread**2  # the odds of a mean: a bias of its square
    assert error == pytest.approx(spread, rel=0.15)
    train, held_out = normal(m, d), normal(k, d, 1)
    assert copying(train, held_out, train[:60]).value == 1
    assert copying(train, held_out, held_out[:60]).value == 0


def test_odds_by_hand():
    train, held_out = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[10.0]])
    fake = torch.tensor([[0.1], [1.1], [2.1], [3.0], [9.0]])  # 4 of 5 nearer to one of 3: odds of 4 / 3
    assert copying(train, held_out, fake).value == pytest.approx(4 / 7)
    known = nearest_distances(fake, train)
    assert copying(train, held_out, fake, nearest=known) == copying(train, held_out, fake)
    assert authenticity(train, fake, nearest=known) == authenticity(train, fake)


def test_the_error_of_one_repeated_image_is_a_half():
    score = copying(normal(200, 4), normal(200, 4, 1), normal(1, 4, 2).expand(50, 4))
    assert score.value in (0, 1)
    assert score.error == pytest.approx(0.5)


def test_the_error_is_that_of_exchanged_images():
    train, held_out, fake = normal(40, 3), normal(40, 3, 1), normal(90, 3, 2)
    both, values = torch.cat([train, held_out]), []
    for seed in range(400):
        order = torch.randperm(80, generator=torch.Generator().manual_seed(seed))
        values.append(copying(both[order[:40]], both[order[40:]], fake).value)
    print(f"seeds 0..399: {np.std(values):.4f} against {copying(train, held_out, fake).error:.4f}")
    assert np.std(values) == pytest.approx(copying(train, held_out, fake).error, rel=0.1)


def test_ties_count_a_half():
    train, held_out = torch.tensor([[0.0], [5.0]]), torch.tensor([[0.0], [-3.0]])
    fake = torch.tensor([[0.0], [0.1], [6.0], [-4.0]])  # two nearest to an image that both sets hold
    assert copying(train, held_out, fake).value == 0.5
    assert copying(train, held_out, fake[:3]).value == pytest.approx(2 / 3)
    doubled = torch.tensor([[0.0], [0.0], [5.0]])  # the training image has a duplicate: its nearest is 0 away
    assert authenticity(doubled, torch.tensor([[0.0], [0.1]])).value == 0.5


def test_authenticity_by_hand():
    train = torch.tensor([[0.0], [1.0], [4.0]])  # nearest others at 1, 1, 3
    fake = torch.tensor([[0.4], [-2.0], [2.9], [9.0]])  # 0.4 < 1, 2 > 1, 1.1 < 3, 5 > 3
    score = authenticity(train, fake)
    assert score.value == 0.5
    assert score.error == 0.25


def test_sets_that_cannot_be_compared():
    with pytest.raises(ParibusError, match="2 and 3"):
        copying(normal(4, 2), normal(4, 2), normal(5, 3))
    with pytest.raises(ParibusError, match="needs another one"):
        authenticity(normal(1, 2), normal(5, 2))
    with pytest.raises(ParibusError, match="2 and 3"):
        authenticity(normal(4, 2), normal(5, 3))
