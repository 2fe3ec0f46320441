"""One pass over all pictures of a set: decodes each, finds the common form, and names every one that is bad."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.data.decoding import LARGEST_SIZE, SMALLEST_SIZE, BadImage, Pixels, Recipe, decoded, strict_decoding
from paribus.data.png import LARGEST_FILE, plain_pngs
from paribus.data.raw import Encoded, RawData, RawSplit
from paribus.data.storage import Store

CHUNK = 256
FEWEST_IMAGES = 16
FLAT_LEVELS = 16
"""An image of fewer grey levels than these, of 256, shows next to nothing."""
_LISTED = 20
_AT_ONCE, _BYTES_AT_ONCE = 4_096, 32 << 20  # pictures; bytes, before and after decoding
_THREADED_BYTES = 4_096  # below this an image decodes faster than threads hand it over (measured: MNIST against LFW)


class ColourFound(Exception):
    """A colour picture in a set that looked grey."""


@dataclass
class Survey:
    """What the pass found.

    Args:
        shape: That of the first picture.
        wanted: The recipe as the user gave it: where its size is open every picture has to have the shape's, and where
            its channels are open a colour picture among grey ones makes all of them colour.
        stores: Decoded images of each source split, the bad ones left out.
        kept: Indices of those images within the source split.
        bad: (file, reason) of the others.
        changes: How many images had each change of `Pixels.changes`.
        pages: By format, frames and pages after the first ones.
        levels: Smallest and largest value of a pixel.
        flat: Images whose values lie within `FLAT_LEVELS` of each other.
        sizes: Smallest and largest size met, in pixels, after the crop to a square and before any resize.
    """

    shape: ImageShape
    wanted: Recipe
    stores: dict[str, Store] = field(default_factory=dict)
    kept: dict[str, list[int]] = field(default_factory=dict)
    bad: list[tuple[str, str]] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)
    sizes: tuple[int, int] = (1 << 30, 0)
    pages: Counter[str] = field(default_factory=Counter)
    levels: tuple[int, int] = (255, 0)
    flat: int = 0

    def take_as_it_is(self, name: str, pixels: np.ndarray) -> None:
        """Stores arrays (N, H, W, C) that have the wanted form already."""
        self.kept[name].extend(range(len(pixels)))
        self.sizes = min(self.sizes[0], pixels.shape[1]), max(self.sizes[1], pixels.shape[1])
        for start in range(0, len(pixels), CHUNK):
            self._store(name, pixels[start : start + CHUNK].transpose(0, 3, 1, 2))

    def take(self, name: str, split: RawSplit, start: int, results: Iterable[Pixels | BadImage]) -> None:
        """Stores a chunk of decoded pictures, and keeps the reasons of the bad ones."""
        shape = self.shape
        low, high = self.sizes
        good: list[bytes] = []
        for index, result in enumerate(results, start):
            if isinstance(result, BadImage):
                self.bad.append((split.where(index), str(result)))
                continue
            if result.channels > shape.channels:
                raise ColourFound
            low, high = min(low, result.size), max(high, result.size)
            self.changes.update(result.changes)
            if result.pages is not None:
                self.pages[result.pages[0]] += result.pages[1]
            self.kept[name].append(index)
            good.append(result.content)
        self.sizes = low, high
        usable = self.wanted.size is not None or (low == high == shape.size and high <= LARGEST_SIZE)
        if good and usable:
            flat = np.frombuffer(b"".join(good), np.uint8)
            images = flat.reshape(-1, shape.size, shape.size, shape.channels)
            self._store(name, images.transpose(0, 3, 1, 2))

    def _store(self, name: str, images: np.ndarray) -> None:
        low, high = images.min((1, 2, 3)), images.max((1, 2, 3))
        self.levels = min(self.levels[0], int(low.min())), max(self.levels[1], int(high.max()))
        self.flat += int((high - low < FLAT_LEVELS).sum())
        self.stores[name].append(images)


def first_shape(raw: RawData, recipe: Recipe) -> ImageShape:
    """The shape that a recipe gives the first good picture.

    Raises:
        ParibusError: No picture of the set can be read.
    """
    bad = []
    with strict_decoding():
        for split in raw.splits.values():
            for index, picture in enumerate(split.pictures()):
                try:
                    pixels = decoded(picture, recipe)
                except BadImage as reason:
                    bad.append((split.where(index), str(reason)))
                else:
                    return ImageShape(pixels.channels, pixels.size)
    raise bad_images_error(raw, bad)


def survey(raw: RawData, shape: ImageShape, wanted: Recipe, store: Callable[[str, int], Store]) -> Survey:
    """Decodes everything.

    Args:
        raw: The set.
        shape: See `Survey`.
        wanted: See `Survey`.
        store: `store(split, capacity)` makes the place for a split's images.

    Raises:
        ColourFound: A colour picture came up in a set that looked grey.
    """
    found = Survey(shape, wanted)
    with strict_decoding(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for name, split in raw.splits.items():
            found.stores[name] = store(name, split.count)
            found.kept[name] = []
            if split.pixels is not None and split.pixels.shape[1:] == (shape.size, shape.size, shape.channels):
                found.take_as_it_is(name, split.pixels)
                continue
            for start, results in _decoded_chunks(split, shape, wanted, pool):
                found.take(name, split, start, results)
    return found


def _decoded_chunks(
    split: RawSplit, shape: ImageShape, wanted: Recipe, pool: ThreadPoolExecutor
) -> Iterator[tuple[int, Iterable[Pixels | BadImage]]]:
    # an open size is checked, not forced; open channels are taken as the first picture's, a colour one then shows up
    lenient = wanted.channels is None and shape.channels == 1
    recipe = replace(wanted, channels=None if lenient else shape.channels)

    def one(picture: Encoded) -> Pixels | BadImage:
        try:
            return decoded(picture, recipe)
        except BadImage as reason:
            return reason

    for start, pictures in _gathered(split, shape):
        plain: dict[int, np.ndarray] = {}
        if shape.size <= LARGEST_SIZE:
            plain = plain_pngs([_small_content(picture) for picture in pictures], shape.size, shape.channels)
        others = [picture for position, picture in enumerate(pictures) if position not in plain]
        small = all(isinstance(picture, bytes) and len(picture) < _THREADED_BYTES for picture in others)
        by_pil = iter(map(one, others) if small else pool.map(one, others))
        yield (
            start,
            (
                Pixels(plain[position].tobytes(), shape.size, shape.channels) if position in plain else next(by_pil)
                for position in range(len(pictures))
            ),
        )


def _gathered(split: RawSplit, shape: ImageShape) -> Iterator[tuple[int, list[Encoded]]]:
    """Chunks of pictures with the position of their first; the smaller the pictures, the more at a time."""
    at_once = min(_AT_ONCE, max(1, _BYTES_AT_ONCE // shape.pixels))
    first, gathered, content_bytes = 0, list[Encoded](), 0
    for picture in split.pictures():
        gathered.append(picture)
        content_bytes += len(picture) if isinstance(picture, bytes) else 0
        if len(gathered) >= at_once or content_bytes > _BYTES_AT_ONCE:
            yield first, gathered
            first, gathered, content_bytes = first + len(gathered), [], 0
    if gathered:
        yield first, gathered


def _small_content(picture: Encoded) -> bytes:
    """The content of a small file, or nothing of another."""
    if isinstance(picture, bytes):
        return picture
    try:
        small = isinstance(picture, Path) and picture.is_file() and picture.stat().st_size <= LARGEST_FILE
        return picture.read_bytes() if small and isinstance(picture, Path) else b""
    except OSError:  # it is named as bad when PIL comes to it
        return b""


def bad_images_error(raw: RawData, bad: list[tuple[str, str]]) -> ParibusError:
    """One error that names the bad files."""
    listed = "".join(f"\n    {file}: {reason}" for file, reason in bad[:_LISTED])
    more = f"\n    and {len(bad) - _LISTED:,} more" if len(bad) > _LISTED else ""
    all_bad = len(bad) == len(raw)
    return ParibusError(
        f"{len(bad):,} of {len(raw):,} images cannot be used:{listed}{more}",
        where=raw.where,
        expected="readable images of at least 2x2 pixels (png, jpg, webp, bmp, gif, tiff, pgm, ppm)",
        fix="give another folder" if all_bad else "mend or remove them, or leave them out with --on-bad skip",
    )


def check_shape(raw: RawData, found: Survey) -> None:
    """Refuses sets without a common size, or with too few images.

    Raises:
        ParibusError: The sizes differ, or are out of range, or fewer than 16 images are left to train on.
    """
    number = len(found.kept["all" if "all" in found.kept else "train"])
    if number < FEWEST_IMAGES:
        raise too_few_error(raw, number)
    low, high = found.sizes
    if found.wanted.size is not None or (low == high and SMALLEST_SIZE <= low <= LARGEST_SIZE):
        return
    same = low == high
    suggestion = min(LARGEST_SIZE, max(SMALLEST_SIZE, 64 if low >= 64 else 32 if low >= 32 else low))
    raise ParibusError(
        f"The images are {'all of one size, but it is out of range' if same else 'of different sizes'}.",
        where=raw.where,
        got=f"{low}x{low} pixels" if same else f"squares of {low} to {high} pixels after a central crop",
        expected=f"one size from {SMALLEST_SIZE} to {LARGEST_SIZE} pixels",
        fix=f"choose one to bring them all to, for example --size {suggestion}",
    )


def too_few_error(raw: RawData, number: int) -> ParibusError:
    """The error for a set that nothing can be learnt from."""
    return ParibusError(
        "There are too few images.",
        where=raw.where,
        got=f"{number} image{'' if number == 1 else 's'} to train on",
        expected=f"at least {FEWEST_IMAGES}",
        fix="add images to it or give another data set ('paribus list data' names those that come with Paribus)",
    )
