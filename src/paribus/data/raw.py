"""A data set as its source holds it: undecoded, in the splits that the source has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from paribus.results.score import Fact

Encoded = bytes | Path | Image.Image | None
"""One picture before decoding: the content of a file, a file, or a picture made from an array; None where missing."""


@dataclass(frozen=True)
class RawSplit:
    """One split before decoding.

    Args:
        count: Number of images.
        pictures: Gives all pictures in order, from the first one at each call.
        where: `where(i)` names picture i in messages.
        labels: int64 (count,), or None.
        pixels: uint8 (count, H, W, C) where the source holds plain arrays; then `pictures` is only used to change them.
    """

    count: int
    pictures: Callable[[], Iterator[Encoded]]
    where: Callable[[int], str]
    labels: np.ndarray | None = None
    pixels: np.ndarray | None = None


@dataclass(frozen=True)
class CentreCut:
    """A cut of fixed corners, made only in pictures of one exact size (LFW's 250 x 250)."""

    width: int
    height: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class RawData:
    """A data set before decoding.

    Args:
        splits: By name: any of train, validation and test; or `all` alone, to be split here.
        where: The folder, file or Hub id, for messages.
        key: Everything that tells this content from another (names, sizes, times of change), for the cache.
        class_names: Name of each label, or None.
        notes: What the source has to say on how it was read.
        cut: A cut that the data set is always used with.
        channel_classes: Number of classes of a channel, where each is an image of its own; see `ImageData`.
        hub_id: Its id on the Hugging Face Hub, where it came from there.
    """

    splits: dict[str, RawSplit]
    where: str
    key: tuple[object, ...]
    class_names: tuple[str, ...] | None = None
    notes: tuple[Fact, ...] = ()
    cut: CentreCut | None = None
    channel_classes: int = 0
    hub_id: str | None = None

    def __len__(self) -> int:
        return sum(split.count for split in self.splits.values())


def files_key(kind: str, place: Path, files: list[Path]) -> tuple[object, ...]:
    """The key of a set that lies in these files, in or at a place."""
    stats = [(str(file.relative_to(place)), (s := _status(file)).st_size, s.st_mtime_ns) for file in files]
    return (kind, str(place.resolve()), tuple(stats))


def _status(file: Path) -> os.stat_result:
    """That of a file, or of a link to nothing or to itself."""
    try:
        return file.stat()
    except OSError:
        return file.lstat()
