"""Images as files: many in one grid, an .npz, or a folder."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.base.files import replacing, write_atomically
from paribus.base.outputs import PROGRAM, check_output_file, check_output_folder, output_folder
from paribus.base.pictures import picture_content
from paribus.data import Split
from paribus.models.model import Model, check_memory


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
    write_atomically(path, picture_content([image_grid(images, columns)]))


def save_pictures(folder: Path, model: Model, real: Split) -> None:
    """Writes final.png (samples), real.png and, of a model that encodes, reconstructions.png under their originals."""
    save_grid(folder / "final.png", model.sample(64, seed=0))
    shown = real.images[:64]
    save_grid(folder / "real.png", shown)
    if model.can_encode:
        labels = None if real.labels is None else real.labels[:8]
        pairs = torch.cat([shown[:8], model.reconstruct(shown[:8], labels)])
        save_grid(folder / "reconstructions.png", pairs, columns=min(8, len(shown)))


def check_samples(out: Path, *, class_change: bool = False) -> None:
    """Finds out before any work that samples cannot be written to a place.

    Raises:
        ParibusError: The ending is unknown, or the place cannot be written to.
    """
    if class_change and out.suffix != ".png":
        raise ParibusError(
            "One class turning into another is a picture.", where=f"--out {out}", expected="a name in .png"
        )
    if out.suffix not in ("", ".png", ".npz"):
        raise ParibusError(
            f"Samples cannot be written as '{out.suffix}'.",
            where=f"--out {out}",
            expected="a name in .png (one grid), in .npz, or a folder",
        )
    (check_output_file if out.suffix else check_output_folder)(out)


def write_samples(
    model: Model,
    n: int,
    out: Path,
    *,
    label: int | str | None = None,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> None:
    """Draws n images and writes them, in the form that `out` asks for.

    A name in .png is one grid of all images. A name in .npz holds `images` uint8 (N, H, W, C) and, for a conditional
    model, `labels` int64 (N,). Anything else is a folder of PNG files, one an image.

    Raises:
        ParibusError: The ending is unknown, or the label is, or the place cannot be written to, or memory does not hold
            so many.
    """
    check_samples(out)
    check_memory(n, 8 if out.suffix == "" else 2 * model.image.pixels)
    labels = model.sample_labels(n, label)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".png":
        images = torch.cat(list(_drawn(model, n, label, seed, progress)))
        columns = 8 if labels is None or label is not None else model.image.classes
        save_grid(out, images, columns=min(columns, n))
    elif out.suffix == ".npz":
        images = torch.cat(list(_drawn(model, n, label, seed, progress)))
        arrays = {"images": images.permute(0, 2, 3, 1).numpy()}
        if labels is not None:
            arrays["labels"] = labels.numpy()
        with replacing(out) as partial, partial.open("w+b") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
            with zipfile.ZipFile(file, "a") as archive:
                archive.comment = PROGRAM.encode()
    else:
        _write_folder(_drawn(model, n, label, seed, progress), n, out, labels)


def write_class_change(model: Model, first: int | str, second: int | str, n: int, out: Path, *, seed: int = 0) -> None:
    """Draws n images in rows of 8, in each of which one class turns into another, as one grid.

    Raises:
        ParibusError: A label is unknown, or `out` is not a name in .png or cannot be written.
    """
    check_samples(out, class_change=True)
    images = model.class_change(first, second, rows=max(1, n // 8), seed=seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_grid(out, images, columns=8)


def _drawn(
    model: Model, n: int, label: int | str | None, seed: int, progress: Callable[[str, int, int], None]
) -> Iterator[Tensor]:
    """The samples, a batch at a time; the progress is told."""
    done = 0
    for images in model.sample_batches(n, label=label, seed=seed):
        yield images
        done += len(images)
        if done < n:
            progress("generating samples", done, n)


def _write_folder(batches: Iterator[Tensor], n: int, out: Path, labels: Tensor | None) -> None:
    k, digits = 0, len(str(n - 1))
    with output_folder(out) as folder:
        for images in batches:
            for image in images:
                suffix = "" if labels is None else f"-class{int(labels[k])}"
                image_grid(image[None], columns=1).save(folder / f"{k:0{digits}d}{suffix}.png")
                k += 1
