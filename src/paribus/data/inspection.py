"""What there is to know of a set of images: of its files before they are decoded, of its pixels afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image

from paribus.data.decoding import BadImage, opened, strict_decoding, unreadable_reason
from paribus.data.equality import image_hashes
from paribus.data.images import SPLITS, ImageData, Split
from paribus.data.raw import Encoded, RawData, RawSplit
from paribus.data.sources import raw_data
from paribus.results.inspection import FilesFound, PixelsFound

_AT_ONCE = 4096  # images in memory at a time, of a set that may lie on disk


def look_at_files(name: str, bad: Mapping[str, str] = MappingProxyType({})) -> FilesFound:
    """Sizes, modes and formats of a set's files, as their headers say: no picture is decoded.

    Args:
        name: What `DataSettings.name` takes.
        bad: Files that are known to be unreadable whatever their headers say, and why.

    Raises:
        ParibusError: There is no such set, or no image in it.
    """
    sizes, modes, formats = Counter[tuple[int, int]](), Counter[str](), Counter[str]()
    unreadable = []
    raw = raw_data(name)
    with strict_decoding():
        for split in raw.splits.values():
            if split.pixels is not None:
                count, height, width, channels = split.pixels.shape
                sizes[width, height] += count
                modes["L" if channels == 1 else "RGB"] += count
                formats["array"] += count
                continue
            for index, header in _headers(split):
                file = split.where(index)
                if isinstance(header, str) or file in bad:
                    unreadable.append((file, bad.get(file, str(header))))
                else:
                    size, mode, form = header
                    sizes[size] += 1
                    modes[mode] += 1
                    formats[form] += 1
    return FilesFound(
        sizes=tuple((*size, number) for size, number in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))),
        modes=dict(modes.most_common()),
        formats=dict(formats.most_common()),
        unreadable=tuple(unreadable),
        ignored=_left_out(raw),
    )


def files_of(data: ImageData) -> FilesFound:
    """What stands in the place of files for images that are loaded already."""
    shape, count = data.shape, sum(len(getattr(data, name)) for name in SPLITS)
    mode = "L" if shape.channels == 1 else "RGB"
    return FilesFound(sizes=((shape.size, shape.size, count),), modes={mode: count}, formats={"array": count})


def _headers(split: RawSplit) -> Iterator[tuple[int, tuple[tuple[int, int], str, str] | str]]:
    """Of each picture its size, mode and format, or why there are none."""
    for index, picture in enumerate(split.pictures()):
        try:
            yield index, _header(picture)
        except BadImage as reason:
            yield index, str(reason)
        except Exception as error:  # what PIL raises at a damaged file is anything
            yield index, unreadable_reason(error, picture)


def _header(picture: Encoded) -> tuple[tuple[int, int], str, str]:
    image = opened(picture)
    return image.size, image.mode, image.format or "array"


def _left_out(raw: RawData) -> dict[str, int]:
    """Files of kinds that are not read."""
    for fact in raw.notes:
        kinds, counts = fact.figures.get("kinds"), fact.figures.get("counts")
        if fact.code == "files_left_out" and isinstance(kinds, tuple) and isinstance(counts, tuple):
            return {str(kind): int(str(n)) for kind, n in zip(kinds, counts, strict=True)}
    return {}


def look_at_pixels(data: ImageData) -> PixelsFound:
    """Brightness, classes and copies of a loaded set."""
    splits = {name: getattr(data, name) for name in SPLITS}
    means, plain, low, high = [], 0, 255, 0
    for split in splits.values():
        for images in _chunks(split):
            flat = images.reshape(len(images), -1)
            means.append(flat.mean(1))
            lows, highs = flat.min(1), flat.max(1)
            by_channel = images.reshape(*images.shape[:2], -1)
            plain += int((by_channel.min(2) == by_channel.max(2)).all(1).sum())
            low, high = min(low, int(lows.min())), max(high, int(highs.max()))
    hashes = {name: image_hashes(split.images.numpy()) for name, split in splits.items()}
    quantiles = np.quantile(np.concatenate(means), (0, 0.05, 0.5, 0.95, 1)).tolist()
    return PixelsFound(
        size=data.shape.size,
        channels=data.shape.channels,
        counts={name: len(split) for name, split in splits.items()},
        classes=_classes(data),
        brightness=tuple(quantiles),
        values=(low, high),
        plain=plain,
        repeated={name: len(of) - len(np.unique(of)) for name, of in hashes.items()},
        shared=tuple((a, b, int(np.isin(hashes[b], hashes[a]).sum())) for a, b in combinations(SPLITS, 2)),
    )


def _chunks(split: Split) -> Iterator[np.ndarray]:
    for start in range(0, len(split), _AT_ONCE):
        yield split.images[start : start + _AT_ONCE].numpy()


def _classes(data: ImageData) -> dict[str, tuple[int, ...]]:
    names = data.class_names
    if not names:
        return {}
    counts = []
    for split in SPLITS:
        labels = getattr(data, split).labels
        counts.append([0] * len(names) if labels is None else labels.bincount(minlength=len(names)).tolist())
    return {name: tuple(numbers) for name, numbers in zip(names, zip(*counts, strict=True), strict=True)}


def contact_sheet(split: Split, most: int = 64) -> Image.Image:
    """Training images spread evenly over the set, side by side at their own resolution, without gaps."""
    count = min(most, len(split))
    columns = min(8, count)
    count -= count % columns
    rows = np.linspace(0, len(split) - 1, count).round().astype(int)
    images = split.images[torch.from_numpy(rows)].numpy()
    _, channels, size, _ = images.shape
    grid = images.reshape(count // columns, columns, channels, size, size).transpose(0, 3, 1, 4, 2)
    pixels = grid.reshape(count // columns * size, columns * size, channels)
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
