"""Directions of linear layers, where they are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from paribus.latent.directions import (
    activation_directions,
    affine_weights,
    closed_form_directions,
    principal_directions,
)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


AXES = torch.linalg.qr(normal(4, 4, seed=0)).Q.T
"""Orthonormal directions in z, as rows."""
OUTPUTS = torch.linalg.qr(normal(12, 4, seed=1)).Q.T
"""Orthonormal directions of the layer's output, as rows."""
SCALES = torch.tensor([5.0, 3.0, 2.0, 0.5], dtype=torch.float64)
WEIGHTS = AXES.T @ (SCALES[:, None] * OUTPUTS)
"""(latent, features): a step along row k of AXES moves the output by SCALES[k]."""


def layer(z: Tensor) -> Tensor:
    return z.double() @ WEIGHTS - 0.7


def same_lines(found: Tensor, expected: Tensor) -> Tensor:
    """|cosine| of each pair of rows."""
    return (found.double() * expected).sum(1).abs()


def test_weights_are_read_off_a_layer() -> None:
    torch.testing.assert_close(affine_weights(layer, 4), WEIGHTS)


def test_the_closed_form_finds_the_directions_that_move_the_output_most() -> None:
    found = closed_form_directions(WEIGHTS)
    assert same_lines(found.vectors, AXES).tolist() == pytest.approx([1, 1, 1, 1])
    assert found.strengths.tolist() == pytest.approx(SCALES.square().tolist())
    moved = (found.vectors @ WEIGHTS).norm(dim=1)
    assert moved.tolist() == pytest.approx(SCALES.tolist())
    assert torch.equal(found.leading(2).vectors, found.vectors[:2])


def test_signs_are_decided() -> None:
    found = closed_form_directions(WEIGHTS).vectors
    assert all(float(row[row.abs().argmax()]) > 0 for row in found)


def test_components_of_activations_are_taken_back_to_z() -> None:
    # the latents' covariance is not the identity: other axes than the closed form's
    latents = normal(4000, 4, seed=2) * torch.tensor([1.0, 1.0, 4.0, 1.0]) + 3.0
    latents = (latents - latents.mean(0)) @ AXES
    found = activation_directions(latents, layer(latents), 3)
    # now the third axis moves the output with deviation 8, the first with 5, the second with 3
    assert same_lines(found.vectors, AXES[[2, 0, 1]]).tolist() == pytest.approx([1, 1, 1], abs=5e-3)
    variances = torch.tensor([64.0, 25.0, 9.0])
    assert found.strengths.tolist() == pytest.approx((variances / (98 + 0.25)).tolist(), rel=0.08)


def test_regression_is_exact_where_latents_and_components_share_axes() -> None:
    # a full design with exactly uncorrelated columns: no sampling error
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * 4)
    latents = signs @ AXES
    found = activation_directions(latents, layer(latents), 4)
    assert same_lines(found.vectors, AXES).tolist() == pytest.approx([1, 1, 1, 1])
    assert found.strengths.tolist() == pytest.approx((SCALES.square() / SCALES.square().sum()).tolist())


def test_components_that_do_not_vary_are_left_out() -> None:
    flat = WEIGHTS - AXES.T[:, 2:] @ (SCALES[2:, None] * OUTPUTS[2:])
    latents = normal(100, 4, seed=3)
    assert len(activation_directions(latents, latents @ flat, 4).vectors) == 2


@pytest.mark.parametrize("shape", [(30, 6), (6, 30)])
def test_principal_directions_are_singular_vectors(shape: tuple[int, int]) -> None:
    rows = normal(*shape, seed=4) + 2
    _, singular, vectors = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    found = principal_directions(rows)
    assert same_lines(found.vectors[:5], vectors[:5]).tolist() == pytest.approx([1] * 5)
    assert found.strengths.tolist() == pytest.approx((singular.square() / (shape[0] - 1)).tolist(), abs=1e-9)


def test_principal_directions_of_rows_on_a_line() -> None:
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])
    found = principal_directions(rows)
    assert found.vectors[0].tolist() == pytest.approx([0.6, 0.8])
    assert found.strengths.tolist() == pytest.approx([25.0, 0.0], abs=1e-12)
    assert math.isclose(float(rows.double().var(0).sum()), float(found.strengths.sum()))
