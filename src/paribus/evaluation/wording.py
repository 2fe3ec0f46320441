"""Protocols and progress in words: how many images, which, in what form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from paribus.data import ImageData, Split


def stage_words(stage: str, done: int, total: int) -> str:
    """A piece of work, and how much of it is done where it has parts."""
    return f"{stage} {done:,} of {total:,}" if total > 1 else stage


def samples_words(n: int, data: ImageData, how: str) -> str:
    """So many samples, how they came about, and their form."""
    return f"{n:,} samples ({how}{form_words(data.train.images)})"


def form_words(images: Tensor) -> str:
    """Type and size of images (N, C, H, W)."""
    return f"uint8 {images.shape[2]}x{images.shape[3]}x{images.shape[1]}"


def chosen_words(n: int, split: Split, name: str = "test") -> str:
    """Which images of a split; one that stands in another's place has a name of its own."""
    name = split.name or name
    return f"all {n:,} of {name}" if n == len(split) else f"{n:,} of {name} (fixed choice)"
