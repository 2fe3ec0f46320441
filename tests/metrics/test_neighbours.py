import contextlib
import io
import math

import numpy as np
import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.metrics import neighbours
from paribus.metrics.neighbours import precision_recall_density_coverage
from tests.tensors import Largest


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_package(real, fake, k):
    with contextlib.redirect_stdout(io.StringIO()):  # it prints the counts
        import prdc

        return prdc.compute_prdc(real.numpy(), fake.numpy(), nearest_k=k)


def by_definition(real, fake, k):
    """All distances from differences, with <=."""

    def distances(a, b):
        return np.sqrt(np.square(a[:, None] - b[None]).sum(-1))

    real, fake = real.double().numpy(), fake.double().numpy()
    real_radii = np.sort(distances(real, real) + np.diag([np.inf] * len(real)), 1)[:, k - 1]
    fake_radii = np.sort(distances(fake, fake) + np.diag([np.inf] * len(fake)), 1)[:, k - 1]
    across = distances(real, fake)
    in_real, in_fake = across <= real_radii[:, None] * (1 + 1e-12), across <= fake_radii[None] * (1 + 1e-12)
    return {
        "precision": in_real.any(0).mean(),
        "recall": in_fake.any(1).mean(),
        "density": in_real.sum(0).mean() / k,
        "coverage": in_real.any(1).mean(),
    }


CASES = {
    "same distribution": (normal(300, 16), normal(280, 16, 1), 5),
    "shifted": (normal(200, 8), normal(333, 8, 1) + 1, 3),
    "narrow fake": (normal(250, 4), normal(150, 4, 1) * 0.3, 5),
    "many features": (normal(60, 200), normal(70, 200, 1), 5),
    "one neighbour": (normal(100, 3), normal(100, 3, 1), 1),
    "as few as can be": (normal(7, 2), normal(7, 2, 1), 5),
}


@pytest.mark.parametrize("case", CASES)
def test_equal_to_the_reference_package(case):
    real, fake, k = CASES[case]
    assert precision_recall_density_coverage(real, fake, k) == pytest.approx(by_package(real, fake, k), abs=1e-5)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("block", [64, 1000])
def test_blocks_change_nothing(case, block, monkeypatch):
    real, fake, k = CASES[case]
    expected = precision_recall_density_coverage(real, fake, k)
    monkeypatch.setattr(neighbours, "_TILE", math.isqrt(block))
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    monkeypatch.setattr(neighbours, "_CHUNK", block)
    assert precision_recall_density_coverage(real, fake, k) == expected


def test_identical_sets_are_precise_and_covered():
    rows = normal(100, 5)
    found = precision_recall_density_coverage(rows, rows.clone())
    assert (found["precision"], found["recall"], found["coverage"]) == (1, 1, 1)
    assert found["density"] == pytest.approx(6 / 5)  # the point itself and its five neighbours, over k


def test_a_set_of_one_repeated_point_by_hand():
    # every radius is 0: the copies lie on the edges, nothing else is inside
    real = torch.tensor([[0.0], [0.0], [0.0], [5.0]])
    fake = torch.tensor([[0.0], [0.0], [0.0], [1.0]])
    # real radii (k=2): 0, 0, 0, 5; fake radii: 0, 0, 0, 1; distances |real - fake|: 0 0 0 1 (three times), 5 5 5 4
    # in real balls: fake 0 in those of three zeros and of 5 (5 <= 5): 4 each; fake 1: in that of 5 only (4 <= 5)
    assert precision_recall_density_coverage(real, fake, k=2) == {
        "precision": 1.0,
        "recall": 0.75,  # the real 5 is 4 or 5 away from fake points
        "density": (4 + 4 + 4 + 1) / 4 / 2,
        "coverage": 1.0,
    }


def test_points_on_a_line_by_hand():
    real = torch.tensor([[0.0], [1.0], [3.0], [7.0]])  # radii (k=1): 1, 1, 2, 4
    fake = torch.tensor([[-1.0], [2.0], [20.0]])  # radii: 3, 3, 18
    # in real balls: -1 in that of 0; 2 in those of 1 and 3; 20 in none
    # in fake balls: 0, 1 and 3 in the first two; 7 in that of 20
    assert precision_recall_density_coverage(real, fake, k=1) == {
        "precision": pytest.approx(2 / 3),
        "recall": 1.0,
        "density": 1.0,
        "coverage": 0.75,
    }


@pytest.mark.parametrize("centre", [0.0, 1e4])
@pytest.mark.parametrize("copies", [1, 30])
def test_near_duplicates_around_large_norms_are_seen(centre, copies):
    # clusters 100 apart from each other, points within one 1e-4 apart: |a|^2 + |b|^2 - 2ab in float32 sees none of it
    sites = (normal(8, 6, 1) * 1000).repeat_interleave(copies * 7, 0) + centre
    real = sites + 1e-4 * normal(len(sites), 6, 2)
    fake = sites + 1e-4 * normal(len(sites), 6, 3) * torch.tensor([1.0, 30.0]).repeat(len(sites) // 2)[:, None]
    expected = by_definition(real, fake, 5)
    assert 0.2 < expected["precision"] < 0.9
    assert precision_recall_density_coverage(real, fake, 5) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e12, 1e30])
def test_the_scale_of_features_does_not_matter(scale):
    real, fake, k = CASES["shifted"]
    expected = precision_recall_density_coverage(real, fake, k)
    assert precision_recall_density_coverage(real * scale, fake * scale, k) == pytest.approx(expected, abs=1e-12)


def test_very_different_scales_within_one_set():
    real = normal(120, 4) * torch.logspace(-25, 3, 120, dtype=torch.float64)[:, None]
    fake = normal(120, 4, 1) * torch.logspace(-25, 3, 120, dtype=torch.float64)[:, None]
    expected = by_definition(real, fake, 5)
    assert precision_recall_density_coverage(real, fake, 5) == pytest.approx(expected, abs=1e-12)


def test_a_collapsed_model_is_precise_and_covers_nothing():
    real = normal(400, 8)
    found = precision_recall_density_coverage(real, real[:1].expand(300, 8))
    assert found["precision"] == 1
    assert found["recall"] == pytest.approx(1 / 400)
    assert found["coverage"] < 0.05


def test_reduced_precision_that_training_allowed_does_not_leak_in():
    real, fake, k = CASES["same distribution"]
    expected = precision_recall_density_coverage(real, fake, k)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert precision_recall_density_coverage(real, fake, k) == expected
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_no_tensor_holds_all_pairs(monkeypatch):
    monkeypatch.setattr(neighbours, "_TILE", 1 << 7)
    monkeypatch.setattr(neighbours, "_BLOCK", 1 << 14)
    monkeypatch.setattr(neighbours, "_CHUNK", 1 << 14)
    largest = []
    for n in (500, 2000):
        with Largest() as mode:
            precision_recall_density_coverage(normal(n, 4), normal(n, 4, 1))
        largest.append(mode.seen)
    assert largest[1] < 4 * (1 << 14) < 2000 * 2000 / 50


def test_too_few_points():
    with pytest.raises(ParibusError, match="5 real and 9 fake points, k = 5"):
        precision_recall_density_coverage(normal(5, 2), normal(9, 2))
