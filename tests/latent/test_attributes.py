"""Boundaries and attribute vectors where the attribute is linear in z."""

from __future__ import annotations

import math

import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.latent.appearance import asymmetry, brightness
from paribus.latent.attributes import linear_boundary, mean_difference, without

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
    left = without(NORMAL, others)
    assert (others.double() @ left).abs().max() < 1e-12
    assert left.tolist() == pytest.approx([0, 0, -1, 0, 0])
    one = without(NORMAL, torch.tensor([[0.0, 0.0, 2.0, 0.0, 0.0]]))  # n1 - (n1 . n2) n2, to length 1
    assert one.tolist() == pytest.approx([1, 0, 0, 0, 0])
    with pytest.raises(ParibusError, match="Nothing is left"):
        without(NORMAL, -3 * NORMAL[None])


@pytest.mark.parametrize("function", [linear_boundary, mean_difference])
def test_examples_of_both_kinds_are_needed(function) -> None:
    has = torch.arange(100) < 9
    with pytest.raises(ParibusError, match="too few examples") as error:
        function(Z[:100], has)
    assert error.value.got == "9 images with it and 91 without"


def test_appearance() -> None:
    images = torch.zeros(2, 1, 5, 5, dtype=torch.uint8)
    images[0, :, :, 3:] = 255
    images[1, :, :, 2] = 255  # the middle column leans to no side
    assert brightness(images).tolist() == pytest.approx([0.4, 0.2])
    assert asymmetry(images).tolist() == pytest.approx([1, 0])
