"""The page of an inspection: one self-contained HTML file in the report's style."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from paribus.base.version import __version__
from paribus.base.wording import compact, count, listed, plural, sentence
from paribus.report.html import page
from paribus.report.marks import shortened, svg, text
from paribus.report.pictures import Picture, encoded, spread
from paribus.results.inspection import Inspection
from paribus.results.words.inspection import overview, remark_words, size_bins, time_words

SHEET_BYTES = 900_000
_CLASSES_SHOWN = 30
_CAUTIONS = {
    "unreadable_files", "few_images", "plain_images", "equal_to_training", "repeated_images", "narrow_range",
    "flat_images", "uneven_training_classes", "loose_files", "label_file_unread", "labels_missing",
    "labels_missing_in_training", "labels_of_absent", "empty_folders",
}  # fmt: skip
"""Remarks that somebody should act on."""


def inspection_page(found: Inspection) -> str:
    """The whole page."""
    pixels = found.pixels
    totals = {name: sum(numbers) for name, numbers in pixels.classes.items()}
    return page(
        "inspection.html.j2",
        {
            "found": found,
            "facts": [f"{count(pixels.count)} images", f"{pixels.size} × {pixels.size} pixels"],
            "lead": sentence(_lead(found)),
            "reasons": [sentence(remark_words(fact)) for fact in found.beginning.reasons],
            "remarks": [
                ("caution" if fact.code in _CAUTIONS else "note", sentence(remark_words(fact)))
                for fact in found.remarks
            ],
            "overview": overview(found),
            "sizes": bar_chart("Shorter side in pixels", size_bins(found.files), "files"),
            "classes": bar_chart("Images by class", list(totals.items())[:_CLASSES_SHOWN], "images") if totals else "",
            "classes_left_out": max(0, len(totals) - _CLASSES_SHOWN),
            "split_heads": list(pixels.counts),
            "sheet": _sheet(found),
            "version": __version__,
        },
    )


def _lead(found: Inspection) -> str:
    beginning = found.beginning
    form = f"{beginning.size} × {beginning.size} pixels"
    lead = f"Compare {listed(beginning.models)} at {form}, {plural(beginning.seeds, 'run')} each"
    return lead if beginning.seconds is None else f"{lead}: {time_words(beginning)}"


def bar_chart(title: str, bars: Sequence[tuple[str, int]], unit: str, *, width: int = 400) -> str:
    """A level bar for each name, with its number."""
    top, step = 30, 22
    left = min(150, 12 + round(6.9 * max(len(name) for name, _ in bars)))
    most, room = max(1, *(n for _, n in bars)), width - left - 60
    parts = []
    for place, (name, n) in enumerate(bars):
        y, length = top + step * place, room * n / most
        parts.append(text(left - 6, y + 12, shortened(name, (left - 8) / 6.9), "end", "name"))
        parts.append(f'<g class="s0"><rect class="mark" x="{left}" y="{y}" width="{length:.1f}" height="15"/></g>')
        parts.append(text(left + length + 6, y + 12, compact(n) if n >= 100_000 else count(n), "start", "tick"))
    spoken = "; ".join(f"{name} {count(n)} {unit}" for name, n in bars)
    return svg(width, top + step * len(bars), f"{title}: {spoken}", title, parts)


def _sheet(found: Inspection) -> Picture:
    with Image.open(io.BytesIO(found.sheet)) as file:
        pixels = np.asarray(file)
    size = found.pixels.size
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    image = Image.fromarray(spread(pixels, size, rows, columns))
    uri, lossy = encoded(image, SHEET_BYTES)
    alt = f"{rows * columns} training images of {found.name}"
    return Picture(uri, image.width, image.height, alt, "Training images, spread over the whole set", "", lossy)
