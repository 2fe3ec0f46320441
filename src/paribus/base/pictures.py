"""Pictures as files that say which program wrote them, so that only these are ever overwritten."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from paribus.base.outputs import PROGRAM

_SOFTWARE = 305
"""The tag of a picture's metadata (Exif) that names the program."""


def picture_content(frames: Sequence[Image.Image], kind: str = "PNG", **options: Any) -> bytes:
    """What a file of one picture, or of an animation, is to hold.

    Args:
        frames: One picture, or all of them.
        kind: PNG, GIF or WEBP.
        options: Of `Image.save`.
    """
    if kind == "PNG":
        info = PngInfo()
        info.add_text("Software", PROGRAM)
        options = {"optimize": True, "pnginfo": info} | options
    elif kind == "GIF":
        options = {"optimize": True, "comment": PROGRAM.encode()} | options
    else:
        exif = Image.Exif()
        exif[_SOFTWARE] = PROGRAM
        options = {"lossless": True, "exif": exif} | options  # its own default smears single pixels
    if len(frames) > 1:
        options = {"save_all": True, "append_images": frames[1:], "loop": 0} | options
    content = io.BytesIO()
    frames[0].save(content, kind, **options)
    return content.getvalue()
