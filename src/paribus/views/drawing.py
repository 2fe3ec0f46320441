"""Pictures by Pillow: tiles with names, scatter plots, matrices and bars, and the caption under each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from paribus.models.grids import image_grid

INK, MUTED, RULE, PAPER = "#1c1d1f", "#5d6167", "#d9d6cf", "#ffffff"
CLASS_COLOURS = (
    "#0072b2", "#e07b00", "#00805f", "#b4478c", "#8f6a00",
    "#5a55c8", "#7f8487", "#a8230f", "#36b3d1", "#6b8e23",
)  # fmt: skip
MARGIN, GAP = 12, 2
TILE = 56
"""Pixels that a tile is enlarged to, by whole factors and without smoothing."""
LEAST_WIDTH = 460
"""Of a picture, so that its caption has room."""
PANEL = 300
"""Side of a scatter plot."""
CELL = 40
"""Side of a matrix's entry."""
ROW = 22
"""Height of a bar with its name."""


@cache
def font(size: int = 13) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font."""
    return ImageFont.load_default(size)


def text_width(text: str, size: int = 13) -> int:
    """Pixels that a line takes."""
    return round(font(size).getlength(text))


def tile_sheet(images: Tensor, row_names: Sequence[str] = (), column_names: Sequence[str] = ()) -> Image.Image:
    """Images uint8 (rows, columns, C, H, W) with gaps, and the names of rows at the left, of columns above."""
    rows, columns, _, height, width = images.shape
    factor = max(1, round(TILE / width))
    step_x, step_y = width * factor + GAP, height * factor + GAP
    left = max((text_width(name) for name in row_names), default=-8) + 8
    top = 20 if any(column_names) else 0
    sheet = Image.new("RGB", (left + columns * step_x - GAP, top + rows * step_y - GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for row in range(rows):
        if row_names:
            place = (left - 8, top + row * step_y + height * factor / 2)
            draw.text(place, row_names[row], fill=INK, font=font(), anchor="rm")
        for column in range(columns):
            tile = image_grid(images[row, column][None], columns=1).convert("RGB")
            tile = tile.resize((width * factor, height * factor), Image.Resampling.NEAREST)
            sheet.paste(tile, (left + column * step_x, top + row * step_y))
    for column, name in enumerate(column_names):
        draw.text((left + column * step_x + width * factor / 2, 8), name, fill=MUTED, font=font(12), anchor="mm")
    return sheet


def captioned(picture: Image.Image, title: str, lines: Sequence[str]) -> Image.Image:
    """A picture with a margin, and below it a title and lines of text, wrapped to the picture's width."""
    inner = max(picture.width, LEAST_WIDTH)
    wrapped = [(part, 15, INK) for part in _wrapped(title, inner, 15)]
    wrapped += [(part, 13, MUTED) for line in lines for part in _wrapped(line, inner, 13)]
    height = picture.height + 3 * MARGIN + sum(size + 6 for _, size, _ in wrapped)
    sheet = Image.new("RGB", (inner + 2 * MARGIN, height), PAPER)
    sheet.paste(picture, (MARGIN + (inner - picture.width) // 2, MARGIN))
    draw, y = ImageDraw.Draw(sheet), picture.height + 2 * MARGIN
    for text, size, colour in wrapped:
        draw.text((MARGIN, y), text, fill=colour, font=font(size))
        y += size + 6
    return sheet


def _wrapped(text: str, width: int, size: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def beside(pictures: Sequence[Image.Image], columns: int, gap: int = 10) -> Image.Image:
    """Pictures of one size in rows of so many."""
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    shape = (min(columns, len(pictures)) * (width + gap) - gap, rows * (height + gap) - gap)
    sheet = Image.new("RGB", shape, PAPER)
    for k, picture in enumerate(pictures):
        sheet.paste(picture, (k % columns * (width + gap), k // columns * (height + gap)))
    return sheet


def above(pictures: Sequence[Image.Image], gap: int = 12) -> Image.Image:
    """Pictures one below the other, in the middle."""
    width = max(picture.width for picture in pictures)
    sheet = Image.new("RGB", (width, sum(picture.height + gap for picture in pictures) - gap), PAPER)
    y = 0
    for picture in pictures:
        sheet.paste(picture, ((width - picture.width) // 2, y))
        y += picture.height + gap
    return sheet


def scatter_panel(points: np.ndarray, classes: np.ndarray | None, title: str) -> Image.Image:
    """Points (n, 2) in a frame under a title, in the colours of their classes (n,)."""
    scale = 3  # drawn large and reduced: Pillow's circles have hard edges
    panel = Image.new("RGB", (PANEL * scale, PANEL * scale), PAPER)
    draw = ImageDraw.Draw(panel)
    draw.rectangle((0, 0, PANEL * scale - 1, PANEL * scale - 1), outline=RULE, width=scale)
    low, high = points.min(0), points.max(0)
    reach = max(float((high - low).max()), 1e-12)  # one scale for both axes: distances are what is looked at
    places = ((points - (low + high) / 2) / reach * 0.94 + 0.5) * PANEL * scale
    radius = scale * (2.6 if len(points) < 600 else 1.7)
    for k, (x, y) in enumerate(places):
        colour = CLASS_COLOURS[int(classes[k]) % len(CLASS_COLOURS)] if classes is not None else INK
        y = PANEL * scale - y  # upwards
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    sheet = Image.new("RGB", (PANEL, PANEL + 22), PAPER)
    sheet.paste(panel.resize((PANEL, PANEL), Image.Resampling.LANCZOS), (0, 22))
    ImageDraw.Draw(sheet).text((PANEL / 2, 10), title, fill=INK, font=font(), anchor="mm")
    return sheet


def line_panel(places: Sequence[str], series: Mapping[str, Sequence[float]], title: str) -> Image.Image:
    """Lines over places that lie evenly from left to right, each from 0 upwards, under a title."""
    scale, left, bottom = 3, 44, 26
    width, height = (PANEL - left - 8) * scale, (PANEL - bottom - 12) * scale
    most = max(max(values) for values in series.values()) or 1.0
    panel = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(panel)
    draw.line((0, 0, 0, height - 1, width, height - 1), fill=RULE, width=scale)
    across = [(k + 0.5) * width / len(places) for k in range(len(places))]
    for colour, values in zip(CLASS_COLOURS, series.values(), strict=False):
        points = [(x, height - scale - value / most * 0.94 * height) for x, value in zip(across, values, strict=True)]
        draw.line(points, fill=colour, width=2 * scale, joint="curve")
        for x, y in points:
            draw.ellipse((x - 3 * scale, y - 3 * scale, x + 3 * scale, y + 3 * scale), fill=colour)
    sheet = Image.new("RGB", (PANEL, PANEL + 22), PAPER)
    sheet.paste(panel.resize((width // scale, height // scale), Image.Resampling.LANCZOS), (left, 28))
    draw = ImageDraw.Draw(sheet)
    draw.text((PANEL / 2, 10), title, fill=INK, font=font(), anchor="mm")
    for value in (0.0, most):
        y = 28 + height / scale - value / most * 0.94 * height / scale
        draw.text((left - 6, y), f"{value:.3g}", fill=MUTED, font=font(11), anchor="rm")
    for x, place in zip(across, places, strict=True):
        draw.text((left + x / scale, 28 + height / scale + 12), place, fill=MUTED, font=font(11), anchor="mm")
    return above([sheet, legend(list(series), PANEL)], gap=2)


def legend(names: Sequence[str], width: int) -> Image.Image:
    """The classes' names beside their colours, in as many lines as the width takes."""
    places, x, y = [], 0, 0
    for name in names:
        own = 22 + text_width(name) + 14
        if x and x + own > width:
            x, y = 0, y + 20
        places.append((x, y))
        x += own
    sheet = Image.new("RGB", (width, y + 20), PAPER)
    draw = ImageDraw.Draw(sheet)
    for k, ((x, y), name) in enumerate(zip(places, names, strict=True)):
        draw.ellipse((x + 4, y + 5, x + 14, y + 15), fill=CLASS_COLOURS[k % len(CLASS_COLOURS)])
        draw.text((x + 20, y + 10), name, fill=INK, font=font(), anchor="lm")
    return sheet


def matrix_chart(matrix: np.ndarray, row_names: Sequence[str], column_names: Sequence[str]) -> Image.Image:
    """Numbers (rows, columns) in [-1, 1] as colours, orange below 0 and blue above, each with its value if few."""
    rows, columns = matrix.shape
    cell = CELL if max(rows, columns) <= 16 else max(6, 640 // max(rows, columns))
    written = cell == CELL
    left = max(text_width(name) for name in row_names) + 8 if written else 0
    top = 22 if written else 0
    apart = max(cell, max(text_width(name, 12) for name in column_names) + 6) if written else cell
    sheet = Image.new("RGB", (left + columns * apart, top + rows * cell), PAPER)
    draw = ImageDraw.Draw(sheet)
    for row in range(rows):
        if written:
            draw.text((left - 8, top + (row + 0.5) * cell), row_names[row], fill=INK, font=font(), anchor="rm")
        for column in range(columns):
            value = float(matrix[row, column])
            x, y = left + column * apart, top + row * cell
            draw.rectangle((x, y, x + apart - 2 * written, y + cell - 2 * written), fill=_shade(value))
            if written:
                colour = PAPER if abs(value) > 0.6 else INK
                place = (x + apart / 2, y + cell / 2)
                draw.text(place, f"{value:.2f}".replace("0.", ".", 1), fill=colour, font=font(11), anchor="mm")
    for column, name in enumerate(column_names if written else ()):
        draw.text((left + (column + 0.5) * apart, 9), name, fill=INK, font=font(12), anchor="mm")
    return sheet


def _shade(value: float) -> tuple[int, int, int]:
    full = (200, 80, 10) if value < 0 else (0, 90, 160)
    weight = min(1.0, abs(value))
    red, green, blue = (round(255 + (channel - 255) * weight) for channel in full)
    return red, green, blue


def bars(names: Sequence[str], series: Mapping[str, Sequence[float]], width: int = LEAST_WIDTH) -> Image.Image:
    """Shares as horizontal bars: for each name one bar a series, and a legend of the series above."""
    left = max(text_width(name) for name in names) + 8
    heads = legend(list(series), width)
    top, band = heads.height + 6, ROW * len(series) // 2 + 8
    longest = max(max(values) for values in series.values())
    sheet = Image.new("RGB", (width, top + band * len(names)), PAPER)
    sheet.paste(heads, (0, 0))
    draw = ImageDraw.Draw(sheet)
    for k, name in enumerate(names):
        y = top + k * band
        draw.text((left - 8, y + band / 2), name, fill=INK, font=font(), anchor="rm")
        for place, values in enumerate(series.values()):
            length = (width - left - 50) * values[k] / max(longest, 1e-12)
            first = y + 4 + place * (ROW // 2)
            colour = CLASS_COLOURS[place % len(CLASS_COLOURS)]
            draw.rectangle((left, first, left + length, first + ROW // 2 - 3), fill=colour)
            draw.text((left + length + 5, first + 4), f"{values[k]:.1%}", fill=MUTED, font=font(10), anchor="lm")
    return sheet
