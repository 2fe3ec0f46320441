"""Spectral norm against the singular value decomposition, and its share in the training loop."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from paribus.backbones.spectral_norm import spectral_norm


def test_the_largest_singular_value_becomes_one() -> None:
    torch.manual_seed(0)
    for layer in (nn.Linear(20, 10), nn.Conv2d(3, 8, 3), nn.Embedding(5, 12)):
        normed = spectral_norm(layer)
        for _ in range(100):
            _ = normed.weight  # each access in training mode is an iteration
        largest = torch.linalg.matrix_norm(normed.weight.flatten(1), 2).item()
        assert largest == pytest.approx(1.0, abs=1e-3)


def test_gradients_are_those_of_the_quotient() -> None:
    """d(W / sigma) with sigma = u'Wv and dsigma/dW = u v' (u and v fixed)."""
    torch.manual_seed(1)
    layer = spectral_norm(nn.Linear(6, 4, bias=False)).eval()
    inner = layer.parametrizations.weight
    weight, u = inner.original.detach().double(), nn.functional.normalize(inner[0].u.double(), dim=0)
    v = nn.functional.normalize(weight.T @ u, dim=0)
    after = nn.functional.normalize(weight @ v, dim=0)
    sigma = after @ weight @ v
    upstream = torch.randn(4, 6, dtype=torch.double)
    expected = upstream / sigma - (upstream * weight).sum() / sigma**2 * torch.outer(after, v)
    (layer.weight * upstream.float()).sum().backward()
    torch.testing.assert_close(inner.original.grad.double(), expected, atol=1e-5, rtol=1e-4)


def test_eval_mode_leaves_u_and_its_length_does_not_matter() -> None:
    torch.manual_seed(2)
    layer = spectral_norm(nn.Linear(6, 4)).eval()
    shorter = copy.deepcopy(layer)
    shorter.parametrizations.weight[0].u.mul_(0.3)  # what averaging does
    before = shorter.parametrizations.weight[0].u.clone()
    torch.testing.assert_close(shorter.weight, layer.weight)
    assert torch.equal(shorter.parametrizations.weight[0].u, before)


def test_one_iteration_for_many_passes_of_an_update() -> None:
    torch.manual_seed(3)
    layer = spectral_norm(nn.Linear(6, 4)).train()
    u = layer.parametrizations.weight[0].u
    with parametrize.cached():
        first = layer.weight
        after_first = u.clone()
        assert layer.weight is first
        layer(torch.randn(2, 6)).sum().backward(retain_graph=True)
        layer(torch.randn(2, 6)).sum().backward()
    assert torch.equal(u, after_first)
    assert layer.parametrizations.weight.original.grad is not None
