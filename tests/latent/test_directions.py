"""Directions of linear layers, and boundaries of linear attributes, where they are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.latent.directions import (
    activation_directions,
    affine_weights,
    closed_form_directions,
    linear_boundary,
    mean_difference,
    orthogonalised,
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


Z = torch.randn(6000, 5, generator=torch.Generator().manual_seed(0))
NORMAL = torch.tensor([0.6, 0.0, -0.8, 0.0, 0.0])


def test_the_boundary_of_a_linear_attribute_is_found() -> None:
    has = Z @ NORMAL - 0.5 > 0  # 31 % have it
    found = linear_boundary(Z, has)
    assert float(found.normal @ NORMAL.double()) > 0.999
    assert found.offset == pytest.approx(-0.5, abs=0.05)
    assert found.accuracy > 0.98 and found.held_out == round(0.3 * int(has.sum())) + round(0.3 * int((~has).sum()))
    assert float(found.normal.norm()) == pytest.approx(1)


def test_a_decoders_attribute_is_found_through_its_images() -> None:
    matrix = torch.randn(5, 16, generator=torch.Generator().manual_seed(1))
    images = Z @ matrix
    found = linear_boundary(Z, images[:, 3] > 0)
    expected = (matrix[:, 3] / matrix[:, 3].norm()).double()
    assert float(found.normal @ expected) > 0.999


def test_the_accuracy_is_that_of_examples_left_out() -> None:
    has = torch.rand(400, generator=torch.Generator().manual_seed(2)) < 0.2  # nothing to be known of z
    wide = torch.randn(400, 150, generator=torch.Generator().manual_seed(3))
    found = linear_boundary(wide, has)
    assert found.accuracy < 0.65  # those it was fitted to would be told apart almost all
    with_noise = (Z @ NORMAL + torch.randn(6000, generator=torch.Generator().manual_seed(4))) > 0
    # the angle between the sum's two parts is a quarter turn: 1 - 1/4 lie on their side
    assert linear_boundary(Z, with_noise).accuracy == pytest.approx(0.75, abs=0.03)


def test_the_vector_is_the_difference_of_means() -> None:
    has = Z @ NORMAL > 0
    # E[t | t > 0] - E[t | t < 0] of a standard normal t
    torch.testing.assert_close(mean_difference(Z, has), 2 * math.sqrt(2 / math.pi) * NORMAL.double(), atol=0.06, rtol=0)


def test_projection_leaves_the_others_alone() -> None:
    others = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0, 0.0]])
    left = orthogonalised(NORMAL, others)
    assert (others.double() @ left).abs().max() < 1e-12
    assert left.tolist() == pytest.approx([0, 0, -1, 0, 0])
    one = orthogonalised(NORMAL, torch.tensor([[0.0, 0.0, 2.0, 0.0, 0.0]]))  # n1 - (n1 . n2) n2, to length 1
    assert one.tolist() == pytest.approx([1, 0, 0, 0, 0])
    with pytest.raises(ParibusError, match="Nothing is left"):
        orthogonalised(NORMAL, -3 * NORMAL[None])


@pytest.mark.parametrize("function", [linear_boundary, mean_difference])
def test_examples_of_both_kinds_are_needed(function) -> None:
    has = torch.arange(100) < 9
    with pytest.raises(ParibusError, match="too few examples") as error:
        function(Z[:100], has)
    assert error.value.got == "9 images with it and 91 without"
