"""Pictures from the runs' folders as data URIs: real images and samples side by side, progress, reconstructions."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from paribus.base.wording import count, duration
from paribus.results.run import RunResult
from paribus.results.study import StudyResult

TOTAL_BYTES = 1_900_000
"""Bytes of all pictures together, before base64 makes them a third longer."""
SEEDS_SHOWN = 3
STEPS_SHOWN = 6
STEP_TILES = 4


@dataclass(frozen=True)
class Picture:
    """An image as a data URI, with its own width and height in pixels."""

    uri: str
    width: int
    height: int
    alt: str
    caption: str
    short: str = ""
    lossy: bool = False


@dataclass(frozen=True)
class ModelPictures:
    """What one run shows; `missing` says in words why there are no samples."""

    model: str
    style: int
    caption: str
    samples: Picture | None
    missing: str
    progress: tuple[Picture, ...]
    reconstructions: Picture | None


@dataclass(frozen=True)
class Gallery:
    """All pictures of a report; `real` stands beside the chosen seed's, `size` is the edge of one image in pixels."""

    real: Picture | None
    seeds: dict[int, list[ModelPictures]]
    size: int
    seeds_left_out: int = 0

    @property
    def pixelated(self) -> bool:
        """Whether single pixels should stay visible squares."""
        return self.size <= 16

    @property
    def lossy(self) -> bool:
        """Whether any picture had to be compressed with loss."""
        return any(p.lossy for p in self.pictures)

    @property
    def pictures(self) -> list[Picture]:
        """Every picture."""
        found = [self.real]
        for shown in (model for models in self.seeds.values() for model in models):
            found += [shown.samples, shown.reconstructions, *shown.progress]
        return [p for p in found if p]


def gallery(study: StudyResult) -> Gallery | None:
    """The pictures of a study, or None where no run has any."""
    size = next((s for s in (study.data.size, *(run.size for run in study.runs)) if s), None)
    with_pictures = [run for run in study.runs if run.folder and any(run.folder.samples.glob("*.png"))]
    if not size or not with_pictures:
        return None
    seeds = list(dict.fromkeys(run.seed for run in sorted(with_pictures, key=lambda run: run.seed)))
    shown = [run for run in with_pictures if run.seed in seeds[:SEEDS_SHOWN]]
    # a grid of samples counts 1; a step of progress or a strip of reconstructions a quarter
    limit = round(TOTAL_BYTES / (2 + sum(1 + (len(_steps(run)) + 1) / 4 for run in shown)))
    real = next((p for run in with_pictures if (p := _real(study, run, size, limit))), None)
    by_seed = {}
    for seed in seeds[:SEEDS_SHOWN]:
        runs = {run.model: run for run in study.runs if run.seed == seed}
        by_seed[seed] = [_of_run(runs[m], place, size, limit) for place, m in enumerate(study.models) if m in runs]
    return Gallery(real, by_seed, size, len(seeds) - len(by_seed))


def _real(study: StudyResult, run: RunResult, size: int, limit: int) -> Picture | None:
    assert run.folder is not None
    alt = f"real images of {study.data_name}"
    return picture(run.folder.samples / "real.png", size, limit, alt, "real images", _grid_tiles(size))


def _of_run(run: RunResult, style: int, size: int, limit: int) -> ModelPictures:
    facts = [f"seed {run.seed}"]
    facts += [f"{count(run.images)} images seen"] if run.images else []
    facts += [duration(run.seconds)] if run.seconds else []
    samples, pairs = None, None
    steps: tuple[Picture, ...] = ()
    if run.folder:
        after = f", after {count(run.images)} training images seen" if run.images else ""
        alt = f"samples of {run.label}{after}"
        caption = f"{run.model} · {' · '.join(facts)}"
        samples = picture(run.folder.samples / "final.png", size, limit, alt, caption, _grid_tiles(size))
        steps = _progress(run, size, limit // 4)
        alt = f"images above and their reconstructions by {run.label} below"
        path = run.folder.samples / "reconstructions.png"
        pairs = picture(path, size, limit // 4, alt, f"{caption} · originals above, reconstructions below", None)
    missing = "" if samples else f"No samples: {run.reason or run.status}"
    return ModelPictures(run.model, style, " · ".join(facts), samples, missing, steps, pairs)


def _progress(run: RunResult, size: int, limit: int) -> tuple[Picture, ...]:
    found = []
    for images, path in _steps(run):
        alt = f"samples of {run.label}, after {count(images)} images"
        caption = f"{run.model} · seed {run.seed} · after {count(images)} images seen"
        step = picture(path, size, limit, alt, caption, (STEP_TILES, STEP_TILES), short=count(images))
        found += [step] if step else []
    return tuple(found)


def _steps(run: RunResult) -> list[tuple[int, Path]]:
    """At most `STEPS_SHOWN` grids on the way: the first, the last, and others spread evenly between them."""
    if run.folder is None:
        return []
    grids = run.folder.grids()
    if len(grids) <= STEPS_SHOWN:
        return grids
    places = np.linspace(0, len(grids) - 1, STEPS_SHOWN).round().astype(int)
    return [grids[place] for place in dict.fromkeys(places.tolist())]


def _grid_tiles(size: int) -> tuple[int, int]:
    edge = 8 if size <= 32 else 6 if size <= 64 else 4
    return edge, edge


def picture(
    path: Path, size: int, limit: int, alt: str, caption: str, tiles: tuple[int, int] | None, *, short: str = ""
) -> Picture | None:
    """A grid of images as a picture: its first `tiles` (rows, columns), with gaps; None where it cannot be read."""
    image = _read(path, grey=True)
    if image is None:
        return None
    pixels = np.asarray(image)
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    if tiles:
        rows, columns = min(rows, tiles[0]), min(columns, tiles[1])
    if rows and columns:
        pixels = spread(pixels, size, rows, columns)
        alt = f"{rows * columns} {alt}"
    return _picture(Image.fromarray(pixels), limit, alt, caption, short)


def drawing(path: Path, limit: int, alt: str, caption: str) -> Picture | None:
    """A picture that is no grid, as it is; None where it cannot be read."""
    image = _read(path)
    return _picture(image, limit, alt, caption) if image else None


def _read(path: Path, *, grey: bool = False) -> Image.Image | None:
    """A picture in colour; with `grey`, one that has no colour as it is. None where it cannot be read."""
    try:
        with Image.open(path) as file:
            return file.convert("L" if grey and file.mode in {"1", "L", "LA", "I;16"} else "RGB")
    except (OSError, ValueError):
        return None


def _picture(image: Image.Image, limit: int, alt: str, caption: str, short: str = "") -> Picture:
    uri, lossy = encoded(image, limit)
    return Picture(uri, image.width, image.height, alt, caption, short, lossy)


def spread(pixels: np.ndarray[Any, Any], size: int, rows: int, columns: int) -> np.ndarray[Any, Any]:
    """Cuts a grid without padding into tiles and lays the first rows and columns out with transparent gaps.

    Args:
        pixels: uint8 (H, W) or (H, W, 3).
        size: Edge of a tile in pixels.
        rows: Rows to keep.
        columns: Columns to keep.

    Returns:
        uint8 with an alpha channel: (H', W', 2) for grey, (H', W', 4) for colour.
    """
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    gap = max(1, size // 16)
    step, channels = size + gap, pixels.shape[2]
    laid = np.zeros((rows * step - gap, columns * step - gap, channels + 1), np.uint8)
    for row in range(rows):
        for column in range(columns):
            tile = pixels[row * size : (row + 1) * size, column * size : (column + 1) * size]
            place = laid[row * step : row * step + size, column * step : column * step + size]
            place[..., :channels] = tile
            place[..., channels] = 255
    return laid


def encoded(image: Image.Image, limit: int) -> tuple[str, bool]:
    """The image as a data URI within about `limit` bytes: PNG where that suffices, else WebP, without loss if possible.

    Returns:
        The URI, and whether quality was lost.
    """
    content = _saved(image, "PNG", optimize=True)
    if len(content) <= limit:
        return _uri("png", content), False
    content = _saved(image, "WEBP", lossless=True)
    if len(content) <= limit:
        return _uri("webp", content), False
    for quality in (92, 85, 75, 60, 40):
        content = _saved(image, "WEBP", quality=quality)
        if len(content) <= limit:
            break
    return _uri("webp", content), True


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    image = image.convert("RGBA") if kind == "WEBP" else image
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
