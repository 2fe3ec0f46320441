import math

import pytest
import torch

from paribus.metrics.distances import class_counts, frechet_distance, frechet_estimate, frechet_within_classes


def normal(n, d, seed):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact(n, mean, scales, seed):
    """Rows whose mean is `mean` and whose covariance is diag(scales²), without any sampling error."""
    rows = normal(n, len(scales), seed)
    rows = rows - rows.mean(0)
    rows = rows @ torch.linalg.inv(torch.linalg.cholesky(rows.T @ rows / (n - 1))).T
    return rows * torch.tensor(scales, dtype=torch.float64) + torch.tensor(mean, dtype=torch.float64)


def shuffled(parts, seed=0):
    rows = torch.cat(parts)
    labels = torch.cat([torch.full((len(part),), c) for c, part in enumerate(parts)])
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    return rows[order], labels[order]


def test_the_mean_of_closed_forms_whatever_the_classes_shares():
    real = [exact(40, (0.0, 0.0), (1.0, 1.0), 1), exact(90, (5.0, 0.0), (1.0, 2.0), 2)]
    fake = [exact(70, (3.0, 4.0), (1.0, 1.0), 3), exact(30, (5.0, 0.0), (4.0, 2.5), 4)]
    found = frechet_within_classes(*shuffled(real), *shuffled(fake, 1))
    assert found.value == pytest.approx((25 + (3**2 + 0.5**2)) / 2, rel=1e-8)
    errors = [frechet_estimate(r, f).error for r, f in zip(real, fake, strict=True)]
    assert found.error == pytest.approx(math.hypot(*errors) / 2, rel=0.2)  # other blocks, as rows come in another order


def test_muddled_classes_are_seen_within_and_not_over_all():
    real, labels = shuffled([normal(500, 4, 1) - 3, normal(500, 4, 2) + 3])
    fake, asked = shuffled([normal(500, 4, 3) - 3, normal(500, 4, 4) + 3], 1)
    good, muddled = (frechet_within_classes(real, labels, fake, of).value for of in (asked, 1 - asked))
    print(f"seeds 1 to 4: {good:.3f}, muddled {muddled:.3f}, over all {frechet_distance(real, fake):.3f}")
    assert good < 0.1 and frechet_distance(real, fake) < 0.1
    assert muddled == pytest.approx(4 * 6**2, rel=0.05)


def test_one_image_a_class_leaves_the_real_ones_variance():
    real, labels = shuffled([exact(100, (c, 0.0, 0.0), (1.0, 2.0, 3.0), c) for c in range(3)])
    fake = torch.tensor([[c, 0.0, 0.0] for c in range(3)]).repeat(50, 1)
    found = frechet_within_classes(real, labels, fake, torch.arange(3).repeat(50))
    assert found.value == pytest.approx(1 + 4 + 9, rel=1e-6)


def test_counts_of_the_smaller_side_and_classes_without_images():
    real, fake = torch.tensor([0, 0, 0, 1, 3]), torch.tensor([0, 0, 1, 1, 2])
    assert class_counts(real, fake).tolist() == [2, 1, 0, 0]
    rows = normal(5, 2, 0)
    assert frechet_within_classes(rows, real, rows, fake).value == frechet_distance(rows[:3], rows[:2])
    assert math.isnan(frechet_within_classes(rows, real, rows, fake + 4).value)
