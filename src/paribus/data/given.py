"""Images to be measured: all of a source in its own order, brought to a form, and what was done to them for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from paribus.base.errors import ParibusError
from paribus.data.assembly import found_in, surveyed
from paribus.data.decoding import Recipe
from paribus.data.findings import tell
from paribus.data.images import ImageData
from paribus.data.memory import InMemory, in_memory, memory_data
from paribus.data.pixels import FloatRange
from paribus.data.sources import raw_data
from paribus.data.survey import FEWEST_IMAGES, first_shape
from paribus.results.score import Fact

_OF_FILES = (
    "runs_left_out",
    "empty_folders",
    "links_left_out",
    "files_left_out",
    "folders_left_out",
    "splits_left_out",
)
"""What a source says of its files; what it says of labels does not concern images that are measured."""


@dataclass(frozen=True)
class GivenImages:
    """Images that any program made.

    Attributes:
        images: uint8 (N, C, H, W).
        changes: How many images had each change of `data.decoding.Pixels`: reduced, enlarged, cropped, ...
    """

    images: torch.Tensor
    changes: Mapping[str, int]


def given_images(
    source: str | Path | ImageData | InMemory,
    *,
    size: int | None = None,
    channels: int | None = None,
    on_bad: str = "fail",
    float_range: FloatRange = "0..1",
) -> GivenImages:
    """All images of a folder, a file or a program, whatever splits they lie in; what is found in them is told.

    They are resized as the images of a data set are: a central square, then PIL's Lanczos filter, which does not alias,
    to reduce it, and its bicubic one to enlarge it.

    Args:
        source: What `load_data` takes.
        size: Height and width in pixels that they are brought to; by default their own.
        channels: 1 or 3; by default their own.
        on_bad: fail or skip: what to do with files that cannot be read.
        float_range: The range of pixels that are floats.

    Raises:
        ParibusError: As `load_data`.
    """
    if isinstance(source, ImageData):
        parts = [source.train.images, source.validation.images, source.test.images]
        source = torch.cat(parts)
    raw = memory_data(source, float_range=float_range) if in_memory(source) else raw_data(str(source), float_range)
    if len(raw) < FEWEST_IMAGES:
        raise ParibusError(
            "There are too few images to be compared.",
            where=raw.where,
            got=f"{len(raw)} image{'' if len(raw) == 1 else 's'}",
            expected=f"at least {FEWEST_IMAGES}, each by itself",
            fix="save every sample as a file of its own (paribus sample RUN --out FOLDER/), or as one array of images: "
            "a picture of many samples, a grid, cannot be taken apart",
        )
    wanted = Recipe(size, channels, cut=raw.cut)
    found = surveyed(raw, first_shape(raw, wanted), wanted, skip_bad=on_bad == "skip", folder=None)
    splits = [name for name, split in raw.splits.items() if split.count]
    together = [Fact(code="splits_together", figures={"names": tuple(splits)})] if len(splits) > 1 else []
    tell(raw.where, [*(note for note in raw.notes if note.code in _OF_FILES), *together, *found_in(found)])
    images = np.concatenate([store.images for store in found.stores.values()])
    return GivenImages(torch.from_numpy(np.ascontiguousarray(images)), dict(found.changes))
