"""Latents on a plane, and neighbours counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from paribus.latent.projections import neighbour_agreement, projected

ROWS = torch.randn(60, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0, 2.0, 0.5, 0.1])


def test_principal_components_are_those_of_scikit_learn() -> None:
    expected = PCA(2).fit_transform(ROWS.double().numpy())
    assert np.abs(projected(ROWS, "pca").numpy()) == pytest.approx(np.abs(expected), abs=1e-6)


def test_two_dimensions_stay_and_one_becomes_a_line() -> None:
    assert torch.equal(projected(ROWS[:, :2], "tsne"), ROWS[:, :2].double())
    line = projected(ROWS[:, :1], "pca")
    assert line.shape == (60, 2) and line[:, 1].abs().max() == 0


def test_tsne_keeps_groups_apart() -> None:
    groups = torch.arange(60) % 2
    places = projected(ROWS + 40 * groups[:, None], "tsne", seed=1)
    assert neighbour_agreement(places, groups) == 1
    assert torch.equal(places, projected(ROWS + 40 * groups[:, None], "tsne", seed=1))


def test_neighbours_by_hand() -> None:
    latents = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    labels = torch.tensor([0, 0, 1, 1])
    # nearest others: 1, 0, 1, 2 -> same class: yes, yes, no, yes
    assert neighbour_agreement(latents, labels, k=1) == pytest.approx(0.75)
    # two nearest: (1, 2), (0, 2), (1, 0), (2, 1) -> 1, 1, 0, 1 of 2
    assert neighbour_agreement(latents, labels, k=2) == pytest.approx(3 / 8)
