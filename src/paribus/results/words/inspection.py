"""What was found out about somebody's images, in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from paribus.base.wording import count, duration, fixed, listed, number, plural
from paribus.results.inspection import Beginning, FilesFound, Inspection, PixelsFound
from paribus.results.score import Fact
from paribus.results.words.findings import finding_words

_SHOWN = 8
_BINS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096)


def _some(words: tuple[str, ...], most: int = 3) -> str:
    return "; ".join(words[:most]) + (f"; and {count(len(words) - most)} more" if len(words) > most else "")


def _size_to_begin_with(size: int, side: int, largest: int) -> str:
    fits = f"nearly all images have at least {count(side)} pixels on their shorter side"
    more = f"; up to {largest} is possible, and twice the size takes about four times as long"
    return f"{size} pixels to begin with: {fits}{more if side > size else ''}"


def _large(size: int, channels: int, numbers: int) -> str:
    form = f"{size}x{size} pixels in {'colour' if channels == 3 else 'grey'}"
    return f"convolutional models alone: {form} are {count(numbers)} numbers, too many for fully connected ones"


REMARKS: dict[str, Callable[..., str]] = {
    "unreadable_files": lambda n, files: (
        f"{plural(n, 'image')} cannot be read ({_some(files)}): mend or remove them, or go on without (--on-bad skip)"
    ),
    "few_images": lambda n, least: (
        f"{plural(n, 'training image')} are few (under {count(least)}): models may learn them by heart, and scores are "
        "uncertain. More images help more than any setting"
    ),
    "plain_images": lambda n, of: f"{count(n)} of {count(of)} images {'is' if n == 1 else 'are'} one colour all over",
    "size_of_the_images": lambda size: f"{size} pixels, as all images have",
    "size_to_begin_with": _size_to_begin_with,
    "size_as_asked": lambda size: f"{size} pixels, as asked",
    "models_for_small_images": lambda size, channels, numbers: (
        f"fully connected models (vae, gan) beside convolutional ones: {count(numbers)} numbers an image are few"
    ),
    "models_for_large_images": _large,
    "classes_well_filled": lambda least: f"cvae is told the class: each has {count(least)} training images or more",
    "budget_in_epochs": lambda kimg, epochs: (
        f"{count(1000 * kimg)} images of training, in which each image is seen {number(epochs, 2)} times"
    ),
}
"""By code; called with the fact's figures."""


def remark_words(fact: Fact) -> str:
    """A fact about images, or a reason for what to begin with, as a clause or a sentence."""
    own = REMARKS.get(fact.code)
    return finding_words(fact) if own is None else own(**fact.figures)


def overview(found: Inspection) -> list[tuple[str, str]]:
    """Names and values, a line each."""
    files, pixels = found.files, found.pixels
    lines = [
        ("images", _splits(pixels)),
        ("sizes", _sizes(files)),
        ("modes", _numbers(files.modes)),
        ("formats", _numbers(files.formats)),
        ("classes", _classes(pixels)),
        ("copies", _copies(pixels)),
        ("brightness", _brightness(pixels)),
    ]
    if files.ignored:
        lines.append(("other files", _numbers(files.ignored)))
    if files.unreadable:
        lines.append(("unreadable", _some(tuple(f"{file}: {reason}" for file, reason in files.unreadable), _SHOWN)))
    return lines


def time_words(beginning: Beginning) -> str:
    """How long it takes here."""
    if beginning.seconds is None:
        return "not estimated"
    each = (f"{model} {duration(seconds)} a run" for model, seconds in beginning.seconds_by_model.items())
    return f"about {duration(beginning.seconds)} with start-up and scoring on this machine ({', '.join(each)})"


def size_bins(files: FilesFound) -> list[tuple[str, int]]:
    """Files by the shorter side in pixels: one bar a size where there are few, else ranges; none are left out."""
    sides = files.shorter_sides
    if len(set(sides)) <= _SHOWN:
        return [(str(side), sides.count(side)) for side in sorted(set(sides))]
    edges = [0, *_BINS, math.inf]
    bins = [
        (f"{low} to {high - 1:g}" if high < math.inf else f"{low} and more", sum(low <= side < high for side in sides))
        for low, high in pairwise(edges)
    ]
    filled = [place for place, (_, n) in enumerate(bins) if n]
    return bins[filled[0] : filled[-1] + 1]


def _splits(pixels: PixelsFound) -> str:
    names = {"train": "training", "validation": "validation", "test": "test"}
    parts = [f"{count(n)} {names.get(split, split)}" for split, n in pixels.counts.items()]
    form = f"{pixels.size}x{pixels.size} pixels, {'grey' if pixels.channels == 1 else 'colour'}"
    return f"{count(pixels.count)}: {listed(parts)}; here at {form}"


def _sizes(files: FilesFound) -> str:
    if len(files.sizes) == 1:
        return "all {}x{}".format(*files.sizes[0][:2])
    sides = files.shorter_sides
    width, height, n = files.sizes[0]
    middle = f"shorter side {sides[0]} to {sides[-1]} pixels, {sides[len(sides) // 2]} in the middle"
    return f"{count(len(files.sizes))} different; {middle}; most often {width}x{height} ({count(n)})"


def _numbers(numbers: dict[str, int]) -> str:
    shown = [f"{name} {count(n)}" for name, n in list(numbers.items())[:_SHOWN]]
    return ", ".join(shown) + (f", and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else "")


def _classes(pixels: PixelsFound) -> str:
    if not pixels.classes:
        return "none: images without labels"
    totals = sorted(((name, sum(numbers)) for name, numbers in pixels.classes.items()), key=lambda item: -item[1])
    ratio = totals[0][1] / max(1, totals[-1][1])
    return f"{len(totals)}: {_numbers(dict(totals))}; largest to smallest {number(ratio, 2)} to 1"


def _copies(pixels: PixelsFound) -> str:
    within = sum(pixels.repeated.values())
    across = [f"{count(n)} of {second} in {first}" for first, second, n in pixels.shared if n]
    said = listed(across) if across else "none"
    return f"{count(within)} within a split; {said} across splits (equal pixels at this size)"


def _brightness(pixels: PixelsFound) -> str:
    _, low, middle, high, _ = pixels.brightness
    means = f"means of images {fixed(low, 0)} to {fixed(high, 0)} (5 % to 95 %), {fixed(middle, 0)} in the middle"
    return f"{means}; pixels {pixels.values[0]} to {pixels.values[1]} of 0 to 255"
