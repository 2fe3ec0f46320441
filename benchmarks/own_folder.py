"""Folders as people have them, out of the papers' data: `PARIBUS_DATA=... python benchmarks/own_folder.py KIND FOLDER`.

anime: 600 drawn faces, PNG and JPEG, of mixed sizes and shapes, with a text file among them.
lfw: 300 photographed faces, JPEG of mixed sizes.
photos-200, photos-2000, photos-20000: so many 32x32 photographs of CIFAR-10, PNG, without labels.
uneven: two classes of handwritten digits, 450 to 50.
All from training splits, drawn with seed 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from paribus.data import ImageData, load_data


def scaled(image: np.ndarray, random: np.random.Generator) -> Image.Image:
    """An image (C, H, W) as a file of somebody's would hold it: 0.75 to 3 times as large, up to 1.3 times as wide."""
    picture = Image.fromarray(np.moveaxis(image, 0, 2).squeeze())
    height = round(picture.height * random.uniform(0.75, 3))
    return picture.resize((round(height * random.uniform(1, 1.3)), height), Image.Resampling.LANCZOS)


def drawn(data: ImageData, count: int, random: np.random.Generator) -> np.ndarray:
    """Training images (count, C, H, W)."""
    rows = random.choice(len(data.train), count, replace=False)
    return data.train.images.numpy()[np.sort(rows)]


def anime(folder: Path) -> None:
    """Mixed sizes, two formats, and what else lies about."""
    random = np.random.default_rng(0)
    for k, image in enumerate(drawn(load_data("anime-faces"), 600, random)):
        scaled(image, random).save(folder / f"face-{k:03}.{'png' if k % 3 else 'jpg'}")
    (folder / "notes.txt").write_text("faces\n")


def lfw(folder: Path) -> None:
    """Few photographs."""
    random = np.random.default_rng(0)
    for k, image in enumerate(drawn(load_data("lfw"), 300, random)):
        scaled(image, random).save(folder / f"{k:03}.jpg", quality=92)


def photos(count: int) -> Callable[[Path], None]:
    """So many small photographs."""

    def write(folder: Path) -> None:
        for k, image in enumerate(drawn(load_data("cifar10", validation=0), count, np.random.default_rng(0))):
            Image.fromarray(np.moveaxis(image, 0, 2)).save(folder / f"{k:05}.png")

    return write


def uneven(folder: Path) -> None:
    """Nine times as many of one class as of the other."""
    data, random = load_data("mnist"), np.random.default_rng(0)
    labels = data.train.labels
    assert labels is not None
    for digit, count in (("1", 450), ("8", 50)):
        rows = random.choice(np.flatnonzero(labels.numpy() == int(digit)), count, replace=False)
        (folder / digit).mkdir(exist_ok=True)
        for k, image in enumerate(data.train.images.numpy()[np.sort(rows)]):
            Image.fromarray(image[0]).save(folder / digit / f"{k:03}.png")


KINDS: dict[str, Callable[[Path], None]] = {"anime": anime, "lfw": lfw, "uneven": uneven}
KINDS |= {f"photos-{count}": photos(count) for count in (200, 2000, 20000)}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True)
    KINDS[chosen.kind](chosen.folder)
    print(f"{sum(path.is_file() for path in chosen.folder.rglob('*')):,} files in {chosen.folder}")
