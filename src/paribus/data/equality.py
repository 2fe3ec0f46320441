"""Which images are equal, pixel for pixel: by a hash of each decoded image."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from paribus.results.score import Fact

_BYTES = 8  # of 128,000 images two different ones share a hash with probability 4e-10


def image_hashes(images: np.ndarray) -> np.ndarray:
    """A hash of each image's pixels.

    Args:
        images: uint8 (N, C, H, W), in memory or a memory map; read one after the other.

    Returns:
        uint64 (N,), the same on every machine.
    """
    digests = (hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=_BYTES).digest() for image in images)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def equal_images(images: Mapping[str, np.ndarray]) -> list[Fact]:
    """What there is to say of equal images within the training split, and between it and the others.

    Args:
        images: uint8 (N, C, H, W) by split: train, validation and test.
    """
    train = image_hashes(images["train"])
    found = []
    for split in ("validation", "test"):
        hashes = image_hashes(images[split])
        if n := int(np.isin(hashes, train).sum()):
            found.append(Fact(code="equal_to_training", figures={"split": split, "n": n, "of": len(hashes)}))
    if n := len(train) - len(np.unique(train)):
        found.append(Fact(code="repeated_images", figures={"n": n, "of": len(train)}))
    return found
