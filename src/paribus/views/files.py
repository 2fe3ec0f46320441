"""Images that a user gives as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.data.decoding import BadImage, Recipe, TooManyPixels, decoded, strict_decoding


def read_images(paths: Sequence[Path], image: ImageShape) -> Tensor:
    """Images uint8 (n, C, H, W) of files, brought to a model's form as training images are.

    Raises:
        ParibusError: A file cannot be read.
    """
    return torch.stack([read_image(path, image, str(path)) for path in paths])


def read_image(encoded: Path | bytes, image: ImageShape, where: str, most_pixels: int | None = None) -> Tensor:
    """The image uint8 (C, H, W) of a file, or of what a file holds, brought to a model's form as training images are.

    Args:
        encoded: The file, or its content.
        image: The model's form.
        where: What the file is called in an error.
        most_pixels: A larger image is refused before it is decoded.

    Raises:
        ParibusError: It cannot be read, or has too many pixels.
    """
    try:
        with strict_decoding():
            content = decoded(encoded, Recipe(image.size, image.channels, most_pixels=most_pixels)).content
    except TooManyPixels as error:
        raise ParibusError(
            "The image is too large.",
            where=where,
            got=str(error),
            expected=f"at most {most_pixels:,}",
            fix="make it smaller first: the model's own images are "
            f"{image.size}x{image.size}, and larger ones are brought to that",
        ) from None
    except BadImage as error:
        raise ParibusError(
            "The image cannot be read.",
            where=where,
            got=str(error),
            expected="a PNG, JPEG, WebP, BMP, GIF or TIFF file",
        ) from None
    pixels = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    return pixels.view(image.size, image.size, image.channels).permute(2, 0, 1)
