"""Which size, models and budget to begin with, from what is known of the images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from paribus.config import ImageShape
from paribus.recipes.choice import FULLY_CONNECTED_PIXELS, choose_models
from paribus.results.score import Fact

SMALLEST, LARGEST = 8, 128
"""Sizes in pixels that models are built for."""
SIZES = (64, 32)
"""Sizes to begin with, the first that is not above the images': four times the pixels take about four times as long."""
SMALLER_SHARE = 0.05
"""Share of the images that may be smaller than the size, and are enlarged."""
FEWEST_KIMG, EPOCHS, MOST_KIMG = 200, 10, 1000
"""Thousands of images of a first run at least, times that it sees each image, and thousands at most."""
SEEDS = 3


@dataclass(frozen=True)
class Recommendation:
    """What to begin with.

    Attributes:
        models: Names of presets, the plainest first.
        budget: Of each run.
        seeds: Runs of each model: fewer than three name no order.
        reasons: Why these.
    """

    models: tuple[str, ...]
    budget: str
    seeds: int
    reasons: tuple[Fact, ...]


def recommended(shape: ImageShape, count: int, rarest_class: int = 0) -> Recommendation:
    """Models, budget and seeds of a first comparison.

    Args:
        shape: The images' shape, with their classes; 0 for unlabelled ones.
        count: Training images.
        rarest_class: Training images of the class that has the fewest; 0 without labels.
    """
    choice = choose_models(shape, rarest_class)
    kimg = min(MOST_KIMG, max(FEWEST_KIMG, 100 * math.ceil(EPOCHS * count / 100_000)))
    fitting = shape.pixels <= FULLY_CONNECTED_PIXELS
    reasons = [
        Fact(
            code="models_for_small_images" if fitting else "models_for_large_images",
            figures={"size": shape.size, "channels": shape.channels, "numbers": shape.pixels},
        )
    ]
    if "cvae" in choice.models:
        reasons.append(Fact(code="classes_well_filled", figures={"least": rarest_class}))
    reasons.append(Fact(code="budget_in_epochs", figures={"kimg": kimg, "epochs": 1000 * kimg / max(1, count)}))
    return Recommendation(choice.models, f"{kimg}kimg", SEEDS, tuple(reasons))


def recommended_size(shorter_sides: Sequence[int]) -> tuple[int, Fact]:
    """The size to begin with, and why.

    Args:
        shorter_sides: The shorter side of each image in pixels, ascending; at least one.
    """
    low, high = shorter_sides[0], shorter_sides[-1]
    if low == high and SMALLEST <= low <= SIZES[0]:
        return low, Fact(code="size_of_the_images", figures={"size": low})
    side = shorter_sides[math.floor(SMALLER_SHARE * len(shorter_sides))]
    size = next((size for size in SIZES if size <= side), max(SMALLEST, side))
    return size, Fact(code="size_to_begin_with", figures={"size": size, "side": side, "largest": LARGEST})
