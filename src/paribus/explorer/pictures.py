"""Images as they travel: PNG, one alone or many side by side; and those that a visitor sends."""

from __future__ import annotations

import base64
import io
import threading

from PIL import Image
from torch import Tensor

from paribus.data.decoding import FORMATS
from paribus.errors import ParibusError
from paribus.models.grids import image_grid
from paribus.settings import ImageShape
from paribus.views.files import read_image

MOST_PIXELS = 50_000_000
"""Of a visitor's image, before anything is decoded: a small file can hold billions of them."""
WHERE = "the image"
_decoding = threading.Lock()
"""Held while an image is read, for which Pillow's warnings are changed in all threads."""


def png(images: Tensor, columns: int = 1) -> bytes:
    """A PNG of images uint8 (n, C, H, W) at their own resolution, side by side in rows without gaps."""
    content = io.BytesIO()
    image_grid(images, columns).save(content, "PNG", compress_level=1)
    return content.getvalue()


def data_url(image: Tensor) -> str:
    """An image uint8 (C, H, W) as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png(image[None])).decode()


def sent_image(content: bytes, image: ImageShape) -> Tensor:
    """The image uint8 (C, H, W) that a visitor sent, brought to a model's form as training images are.

    Raises:
        ParibusError: It has too many pixels, or is no image.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            pixels = opened.width * opened.height
    except Exception:  # what it is that is wrong, the reader of images says
        pixels = 0
    if pixels > MOST_PIXELS:
        raise ParibusError(
            "The image is too large.",
            where=WHERE,
            got=f"{pixels:,} pixels",
            expected=f"at most {MOST_PIXELS:,}",
            fix="make it smaller first: the model's own images are "
            f"{image.size}x{image.size}, and larger ones are brought to that",
        )
    with _decoding:
        return read_image(content, image, WHERE)
