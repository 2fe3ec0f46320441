"""Images as they travel: PNG, one alone or many side by side; and those that a visitor sends."""

from __future__ import annotations

import base64
import io
import threading

from torch import Tensor

from paribus.config import ImageShape
from paribus.models.grids import image_grid
from paribus.views.subject import read_image

MOST_PIXELS = 50_000_000
"""Of a visitor's image, before anything is decoded: a small file can hold billions of them."""
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
    with _decoding:
        return read_image(content, image, "the image", MOST_PIXELS)
