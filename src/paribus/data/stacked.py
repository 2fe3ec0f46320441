"""Stacked MNIST: three digits as the red, green and blue of one image, and so 1,000 classes for counting modes."""

from __future__ import annotations

import numpy as np
import torch

from paribus.base.randomness import keyed_seed
from paribus.data.arrays import array_split
from paribus.data.images import ImageData, Split
from paribus.data.raw import RawData, RawSplit
from paribus.results.score import Fact

CHANNELS = 3
COUNTS = {"train": 128_000, "test": 26_000}
"""Images of each split: as many as arXiv 1712.04086 trains on, and as it counts modes in."""


def stacked(source: ImageData) -> RawData:
    """Images whose channels are three images of a grey, labelled set, drawn with replacement from the same split.

    The class is that of the red, green and blue one, read as the digits of one number. The same source gives the same
    images always: only the bit generator's raw stream is used, which NumPy keeps the same for ever.

    Source: arXiv 1611.02163, section 4.2.2; sizes as in arXiv 1712.04086.

    Args:
        source: Training and test images (N, 1, H, W) with labels.
    """
    classes = source.shape.classes
    splits = {name: _split(name, getattr(source, name), count, classes) for name, count in COUNTS.items()}
    names = tuple("".join(map(str, np.unravel_index(i, (classes,) * CHANNELS))) for i in range(classes**CHANNELS))
    key = ("stacked", source.fingerprint, tuple(COUNTS.items()))
    note = Fact(code="stacked", figures={"name": source.name})
    return RawData(splits, f"images of {source.name}", key, names, (note,), channel_classes=classes)


def _split(name: str, source: Split, count: int, classes: int) -> RawSplit:
    assert source.labels is not None
    raw = np.random.PCG64(keyed_seed("stacked", name)).random_raw(count * CHANNELS)
    drawn = torch.from_numpy((raw % len(source)).astype(np.int64)).view(count, CHANNELS)
    powers = classes ** torch.arange(CHANNELS - 1, -1, -1)
    pixels = torch.stack([source.images[part, 0] for part in drawn.T], dim=-1)  # (count, H, W, 3)
    return array_split(pixels.numpy(), (source.labels[drawn] * powers).sum(1).numpy(), f"{name} image {{}}")
