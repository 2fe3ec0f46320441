"""Images that a user gives as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from paribus.data.decoding import BadImage, Recipe, decoded
from paribus.errors import ParibusError
from paribus.settings import ImageShape


def read_images(paths: Sequence[Path], image: ImageShape) -> Tensor:
    """Images uint8 (n, C, H, W) of files, brought to a model's form as training images are.

    Raises:
        ParibusError: A file cannot be read.
    """
    recipe = Recipe(image.size, image.channels)
    found = []
    for path in paths:
        try:
            content = decoded(path, recipe).content
        except BadImage as error:
            raise ParibusError(
                "The image cannot be read.",
                where=str(path),
                got=str(error),
                expected="a PNG, JPEG, WebP, BMP, GIF or TIFF file",
            ) from None
        pixels = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        found.append(pixels.view(image.size, image.size, image.channels).permute(2, 0, 1))
    return torch.stack(found)
