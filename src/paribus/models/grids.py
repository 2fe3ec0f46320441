"""Pictures of many images at once."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from paribus.data import Split
from paribus.models.model import Model


def image_grid(images: Tensor, columns: int = 8) -> Image.Image:
    """Lays images uint8 (N, C, H, W) side by side, row by row, at their own resolution without gaps."""
    n, channels, height, width = images.shape
    rows = -(-n // columns)
    sheet = images.new_zeros(channels, rows * height, columns * width)
    for k, image in enumerate(images):
        row, column = divmod(k, columns)
        sheet[:, row * height : (row + 1) * height, column * width : (column + 1) * width] = image
    pixels = sheet.permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)


def save_grid(path: Path, images: Tensor, columns: int = 8) -> None:
    """Writes `image_grid` as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image_grid(images, columns).save(path, optimize=True)


def save_pictures(folder: Path, model: Model, real: Split) -> None:
    """Writes final.png (samples), real.png and, of a model that encodes, reconstructions.png under their originals."""
    save_grid(folder / "final.png", model.sample(64, seed=0))
    shown = real.images[:64]
    save_grid(folder / "real.png", shown)
    if model.can_encode:
        labels = None if real.labels is None else real.labels[:8]
        pairs = torch.cat([shown[:8], model.reconstruct(shown[:8], labels)])
        save_grid(folder / "reconstructions.png", pairs, columns=min(8, len(shown)))
