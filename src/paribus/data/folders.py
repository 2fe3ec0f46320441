"""A folder of images: class sub-folders become labels, train, test and validation sub-folders become splits."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from paribus.base.errors import ParibusError
from paribus.data.decoding import EXTENSIONS
from paribus.data.labels import labelled
from paribus.data.raw import RawData, RawSplit, files_key

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
}
_NOT_OURS = frozenset({"__MACOSX"})


def files_below(folder: Path) -> list[Path]:
    """All files in a folder and its sub-folders, sorted by path; hidden files and folders are left out."""
    found: list[Path] = []
    visited: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in visited:  # a link that leads back
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _NOT_OURS)
        found.extend(Path(place) / name for name in names if not name.startswith("."))
    return sorted(found, key=lambda path: path.parts)


def image_folder(folder: Path, files: list[Path]) -> RawData:
    """The images among a folder's files.

    Args:
        folder: The folder the user gave.
        files: What `files_below` gives for it.

    Raises:
        ParibusError: There is no image in it.
    """
    images = [file for file in files if file.suffix.lower() in EXTENSIONS]
    if not images:
        raise _no_images_error(folder, files)
    parts = {image: image.relative_to(folder).parts for image in images}
    # archives often hold one folder that holds everything: look inside it
    while len({p[0] for p in parts.values()}) == 1 and all(len(p) > 1 for p in parts.values()):
        parts = {image: p[1:] for image, p in parts.items()}
    by_split: dict[str, list[Path]] = {"all": images}
    if all(len(p) > 1 and p[0].lower() in SPLIT_NAMES for p in parts.values()):
        by_split = {}
        for image in images:
            by_split.setdefault(SPLIT_NAMES[parts[image][0].lower()], []).append(image)
        parts = {image: p[1:] for image, p in parts.items()}
        if "train" not in by_split:
            raise ParibusError(
                "There is no training split.",
                where=str(folder),
                got=f"sub-folders for {' and '.join(sorted(by_split))}",
                expected="a sub-folder train/ beside them",
                fix="add it, or put all images into one folder to have them split",
            )
    classes = {p[0] for p in parts.values() if len(p) > 1}
    has_classes = len(classes) > 1 and all(len(p) > 1 for p in parts.values())
    values = {split: [parts[i][0] for i in of] if has_classes else None for split, of in by_split.items()}
    others = len(files) - len(images)
    notes = (f"{others:,} file{'s' if others > 1 else ''} with no image's extension ignored.",) if others else ()
    splits = {split: RawSplit(len(of), of.__iter__, _namer(of, folder)) for split, of in by_split.items()}
    return labelled(RawData(splits, str(folder), files_key("folder", folder, images), notes=notes), values)


def _namer(files: list[Path], folder: Path) -> Callable[[int], str]:
    return lambda index: str(files[index].relative_to(folder))


def _no_images_error(folder: Path, files: list[Path]) -> ParibusError:
    if not files:
        return ParibusError(
            "The folder is empty.", where=str(folder), expected="images in it", fix="give another folder"
        )
    kinds = sorted({file.suffix or file.name for file in files})
    return ParibusError(
        "There are no images in the folder.",
        where=str(folder),
        got=f"{len(files):,} other file{'' if len(files) == 1 else 's'} ({', '.join(kinds[:5])})",
        expected=f"files named {', '.join(sorted(EXTENSIONS))}, or *.parquet",
        fix="give another folder",
    )
