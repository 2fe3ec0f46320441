"""Which size, models and budget follow from the images."""

from __future__ import annotations

import pytest

from paribus.config import Budget, ImageShape
from paribus.recipes import model_names
from paribus.recipes.recommendation import recommended, recommended_size


@pytest.mark.parametrize(
    ("sides", "size", "code"),
    [
        ([28] * 20, 28, "size_of_the_images"),
        ([64] * 20, 64, "size_of_the_images"),
        ([128] * 20, 64, "size_to_begin_with"),
        ([50] * 95 + [300] * 5, 32, "size_to_begin_with"),
        ([10] + [200] * 99, 64, "size_to_begin_with"),  # one small image does not make all small
        ([12] * 50 + [20] * 50, 12, "size_to_begin_with"),
        ([3] * 20, 8, "size_to_begin_with"),
    ],
)
def test_size_follows_from_the_files(sides: list[int], size: int, code: str) -> None:
    found, why = recommended_size(sides)
    assert (found, why.code) == (size, code)


@pytest.mark.parametrize(
    ("count", "budget"), [(200, "200kimg"), (20_000, "200kimg"), (60_000, "600kimg"), (10**6, "1000kimg")]
)
def test_budget_follows_from_the_number_of_images(count: int, budget: str) -> None:
    found = recommended(ImageShape(3, 64), count)
    assert found.budget == budget == str(Budget.parse(found.budget))
    assert set(found.models) <= set(model_names())


def test_models_come_with_their_reasons() -> None:
    small, large = recommended(ImageShape(1, 28), 1000), recommended(ImageShape(3, 64, 2), 1000, 400)
    assert [fact.code for fact in small.reasons] == ["models_for_small_images", "budget_in_epochs"]
    assert [fact.code for fact in large.reasons] == [
        "models_for_large_images",
        "classes_well_filled",
        "budget_in_epochs",
    ]
    assert "vae" in small.models and "cvae" in large.models and "vae" not in large.models
