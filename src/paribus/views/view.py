"""A view: what is drawn, what is said under it, and the numbers behind it; written as PNG, GIF or WebP."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image
from torch import Tensor
from typing_extensions import override

from paribus.base.errors import ParibusError
from paribus.base.files import write_atomically
from paribus.base.outputs import check_output_file
from paribus.base.pictures import picture_content
from paribus.views.drawing import captioned, tile_sheet

TIME = "Time stands for what goes from left to right in the picture."


class Drawing(ABC):
    """What a view can show."""

    frame_milliseconds: ClassVar[int] = 160
    """In an animation."""

    @abstractmethod
    def picture(self) -> Image.Image:
        """All of it at once."""

    def frames(self) -> list[Image.Image]:
        """One picture after the other; empty where nothing moves."""
        return []


@dataclass(frozen=True)
class Tiles(Drawing):
    """Images in rows and columns; what varies along the columns becomes time in an animation.

    Args:
        images: uint8 (rows, columns, C, H, W).
        row_names: One for each row, or none.
        column_names: One for each column, or none.
    """

    images: Tensor
    row_names: Sequence[str] = ()
    column_names: Sequence[str] = ()

    @override
    def picture(self) -> Image.Image:
        return tile_sheet(self.images, self.row_names, self.column_names)

    @override
    def frames(self) -> list[Image.Image]:
        """There and back, so that it can be repeated without a jump; rows without names share lines."""
        rows, count = self.images.shape[:2]
        across = 1 if self.row_names else next(n for n in (4, 3, 2, 1) if rows % n == 0)
        names = self.column_names or [""] * count
        there = [
            tile_sheet(self.images[:, k].unflatten(0, (-1, across)), self.row_names, [names[k]]) for k in range(count)
        ]
        return there + there[-2:0:-1]


@dataclass(frozen=True)
class Still(Drawing):
    """A drawing that does not move."""

    image: Image.Image

    @override
    def picture(self) -> Image.Image:
        return self.image


@dataclass(frozen=True)
class View:
    """One view of a model.

    Args:
        drawing: What is to be seen.
        title: The model, its data and its seed.
        lines: What varies, and what was found, in sentences.
        numbers: The same for programs.
    """

    drawing: Drawing
    title: str
    lines: Sequence[str]
    numbers: dict[str, Any]

    def picture(self) -> Image.Image:
        """Everything at once, with its caption."""
        return captioned(self.drawing.picture(), self.title, self.lines)

    def write(self, out: Path) -> None:
        """Writes the picture (.png) or the animation (.gif, .webp), each frame with the caption.

        Raises:
            ParibusError: The ending is another, the place cannot be written to, or nothing moves.
        """
        check_out(out)
        if out.suffix == ".png":
            write_atomically(out, picture_content([self.picture()]))
            return
        frames = [captioned(frame, self.title, (*self.lines, TIME)) for frame in self.drawing.frames()]
        if len(frames) < 2:
            raise ParibusError("Nothing moves here.", where=f"--out {out}", expected="a name in .png")
        kind = out.suffix[1:].upper()
        write_atomically(out, picture_content(frames, kind, duration=self.drawing.frame_milliseconds))


def check_out(out: Path) -> None:
    """Finds out before any work that a file of this name cannot be written.

    Raises:
        ParibusError: The ending is unknown, or the place cannot be written to.
    """
    if out.suffix not in (".png", ".gif", ".webp"):
        raise ParibusError(
            f"A view cannot be written as '{out.suffix or out.name}'.",
            where=f"--out {out}",
            expected="a name in .png, or in .gif or .webp for an animation",
        )
    check_output_file(out)
