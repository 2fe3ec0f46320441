"""A folder of images: class sub-folders become labels, train, test and validation sub-folders become splits."""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from paribus.base.errors import ParibusError
from paribus.base.files import read_bytes
from paribus.base.seals import is_sealed
from paribus.data.archives import OTHER_ARCHIVES
from paribus.data.decoding import EXTENSIONS
from paribus.data.labels import labelled
from paribus.data.raw import RawData, RawSplit, files_key
from paribus.results.score import Fact

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
_OF_RESULTS = frozenset({"run.yaml", "study.yaml"})
MOST_OTHERS, ONE_IN = 50_000, 100
"""Files and folders after which a folder is given up that holds fewer images than one in so many: a disk's root."""
_NAMED = 3
_LABEL_FILE = "dataset.json"


@dataclass(frozen=True)
class Below:
    """What lies in a folder and its sub-folders.

    Args:
        files: All files but hidden ones, sorted by path.
        results: Sub-folders that hold a run or a study of Paribus; nothing in them is among the files.
        empty: Sub-folders in which there is no file, and no folder either.
        again: Links to folders whose files are among the others already.
    """

    files: list[Path]
    results: list[Path]
    empty: list[Path]
    again: list[Path]

    def notes(self, folder: Path) -> tuple[Fact, ...]:
        """What there is to say of it."""
        found = {"runs_left_out": self.results, "empty_folders": self.empty, "links_left_out": self.again}
        named = {code: tuple(str(place.relative_to(folder)) for place in places) for code, places in found.items()}
        return tuple(Fact(code=code, figures={"names": names}) for code, names in named.items() if names)


def files_below(folder: Path) -> Below:
    """All files in a folder and its sub-folders; hidden ones and results of Paribus are left out.

    Raises:
        ParibusError: It is a run or a study itself, a sub-folder may not be read, or there is far too much that is no
            image.
    """
    _refuse_results(folder)
    found: list[Path] = []
    results: list[Path] = []
    empty: list[Path] = []
    again: list[Path] = []
    visited: set[str] = set()
    folders_seen = 0
    for place, folders, names in os.walk(folder, onerror=_refuse_unreadable, followlinks=True):
        real = os.path.realpath(place)
        if real in visited:  # a link that leads back, or to what another one led to
            folders.clear()
            again.append(Path(place))
            continue
        visited.add(real)
        if Path(place) != folder and not _OF_RESULTS.isdisjoint(names):
            folders.clear()
            results.append(Path(place))
            continue
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _NOT_OURS)
        shown = [name for name in names if not name.startswith(".")]
        if not folders and not shown and Path(place) != folder:
            empty.append(Path(place))
        found.extend(Path(place) / name for name in shown)
        folders_seen += 1
        if len(found) + folders_seen > MOST_OTHERS and not _may_be_images(found):
            raise ParibusError(
                "This is not a folder of images.",
                where=str(folder),
                got=f"fewer than 1 in {ONE_IN} images among the first {len(found):,} files",
                expected="a folder that holds images, and little else",
                fix="give the folder further down in which the images lie",
            )
    return Below(sorted(found, key=lambda path: path.parts), results, empty, again)


def _refuse_results(folder: Path) -> None:
    for name in _OF_RESULTS:
        record = folder / name
        if record.is_file() and is_sealed(read_bytes(record)):  # another program may have a run.yaml, too
            raise ParibusError(
                "This is no data set, but what Paribus wrote.",
                where=str(folder),
                got=f"a {record.stem} with its {name}",
                expected="a folder of images",
                fix="give the folder that it was trained on; 'paribus evaluate RUN' scores a run, and 'paribus sample "
                "RUN' writes images of it",
            )


def _may_be_images(files: list[Path]) -> bool:
    return ONE_IN * sum(file.suffix.lower() in EXTENSIONS or file.suffix == ".parquet" for file in files) >= len(files)


def _refuse_unreadable(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):  # it was removed meanwhile
        return
    raise ParibusError(
        "A folder cannot be read.",
        where=str(error.filename),
        got=error.strerror,
        fix="give yourself the right to read it, or move it away",
    )


def left_out(files: Iterable[Path]) -> tuple[Fact, ...]:
    """What there is to say of files that are left out: how many of each kind."""
    kinds = Counter(file.suffix.lower() or file.name for file in files).most_common()
    if not kinds:
        return ()
    names, counts = zip(*kinds, strict=True)
    return (Fact(code="files_left_out", figures={"kinds": names, "counts": counts}),)


def image_folder(folder: Path, below: Below) -> RawData:
    """The images among a folder's files.

    Sub-folders for train and for test or validation are splits, and what lies beside them is left out. Other
    sub-folders are classes, unless StyleGAN's dataset.json names the labels.

    Args:
        folder: The folder the user gave.
        below: What `files_below` gives for it.

    Raises:
        ParibusError: There is no image in it, or no training split.
    """
    images = [file for file in below.files if file.suffix.lower() in EXTENSIONS]
    if not images:
        raise _no_images_error(folder, below.files)
    root = folder
    # archives often hold one folder that holds everything: look inside it
    while len(tops := {image.relative_to(root).parts[0] for image in images}) == 1 and root / min(tops) not in images:
        root = root / min(tops)
    parts = {image: image.relative_to(root).parts for image in images}
    label_file = root / _LABEL_FILE
    labels, unread = _stylegan_labels(label_file) if label_file in below.files else (None, None)
    others = [file for file in below.files if file not in parts and file != label_file]
    by_split, beside = _by_split(parts, folder)
    notes = [*below.notes(folder), *left_out(others), *([unread] if unread else [])]
    if beside:
        names = tuple(dict.fromkeys(parts[image][0] for image in beside))
        notes.append(Fact(code="folders_left_out", figures={"names": names, "n": len(beside)}))
    values: dict[str, list[object] | None]
    if labels is not None:
        values = {split: [labels.get("/".join(parts[image])) for image in of] for split, of in by_split.items()}
        if not labels:
            values = dict.fromkeys(by_split)
        present = {"/".join(names) for names in parts.values()}
        if absent := [str(name) for name in labels if name not in present]:
            notes.append(Fact(code="labels_of_absent", figures={"file": label_file.name, **_some(absent)}))
    else:
        start = 0 if "all" in by_split else 1
        within = {split: {image: parts[image][start:] for image in of} for split, of in by_split.items()}
        values, of_classes = _class_folders(within)
        notes += of_classes
    splits = {split: RawSplit(len(of), of.__iter__, _namer(of, folder)) for split, of in by_split.items()}
    used = [image for of in by_split.values() for image in of] + ([label_file] if labels is not None else [])
    raw = RawData(splits, str(folder), files_key("folder", folder, used), notes=tuple(notes))
    try:
        return labelled(raw, values)
    except ParibusError as error:
        raise error.at(str(label_file)) if labels is not None else error from None


def _by_split(parts: dict[Path, tuple[str, ...]], folder: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """The images of each split, or of `all`, and those that lie beside the folders for splits."""
    by_split: dict[str, list[Path]] = {}
    beside: list[Path] = []
    for image, names in parts.items():
        split = SPLIT_NAMES.get(names[0].lower()) if len(names) > 1 else None
        (by_split.setdefault(split, []) if split else beside).append(image)
    if "train" in by_split and (len(by_split) > 1 or not beside):
        return by_split, beside
    if beside or not by_split:  # a class may be called train
        return {"all": list(parts)}, []
    raise ParibusError(
        "There is no training split.",
        where=str(folder),
        got=f"sub-folders for {' and '.join(sorted(by_split))}",
        expected="a sub-folder train/ beside them",
        fix="add it, or put all images into one folder to have them split",
    )


def _class_folders(
    within: dict[str, dict[Path, tuple[str, ...]]],
) -> tuple[dict[str, list[object] | None], list[Fact]]:
    """The class folder of each image by split, where all images of a split lie in one; and why there is none."""
    classes = {unicodedata.normalize("NFC", names[0]) for of in within.values() for names in of.values() if names[1:]}
    if not classes:
        return dict.fromkeys(within), []
    loose = {split: [names[0] for names in of.values() if not names[1:]] for split, of in within.items()}
    mixed = [name for split, names in loose.items() if len(names) < len(within[split]) for name in names]
    if mixed:
        return dict.fromkeys(within), [Fact(code="loose_files", figures=_some(mixed))]
    if len(classes) == 1:
        return dict.fromkeys(within), [Fact(code="one_class")]
    return {s: None if loose[s] else [names[0] for names in of.values()] for s, of in within.items()}, []


def _some(names: list[str]) -> dict[str, int | tuple[str, ...]]:
    """How many there are, and the first names."""
    return {"n": len(names), "names": (*names[:_NAMED], *(["..."] if len(names) > _NAMED else []))}


def _stylegan_labels(file: Path) -> tuple[dict[str, object] | None, Fact | None]:
    """Labels by path below the file's folder, none where it says so; or None, and why they cannot be read.

    Source: the layout of StyleGAN2-ADA's and StyleGAN3's data sets, {"labels": [["00000/img00000000.png", 6], ...]}.
    """
    try:
        content = json.loads(read_bytes(file))
        return dict(content["labels"] or ()), None
    except OSError as error:
        reason = error.strerror or str(error)
    except json.JSONDecodeError as error:
        reason = f"it is not JSON (line {error.lineno})"
    except (ValueError, TypeError, KeyError, RecursionError):
        reason = 'it has not the form of StyleGAN, {"labels": [["0.png", 6], ...]}'
    return None, Fact(code="label_file_unread", figures={"name": file.name, "reason": reason})


def _namer(files: list[Path], folder: Path) -> Callable[[int], str]:
    return lambda index: str(files[index].relative_to(folder))


def _no_images_error(folder: Path, files: list[Path]) -> ParibusError:
    if not files:
        return ParibusError(
            "The folder is empty.", where=str(folder), expected="images in it", fix="give another folder"
        )
    kinds = sorted({file.suffix or file.name for file in files})
    packed = any(file.suffix.lower() in {".zip", *OTHER_ARCHIVES} for file in files)
    return ParibusError(
        "There are no images in the folder.",
        where=str(folder),
        got=f"{len(files):,} other file{'' if len(files) == 1 else 's'} ({', '.join(kinds[:5])})",
        expected=f"files named {', '.join(sorted(EXTENSIONS))}, or *.parquet",
        fix="unpack the archives in it" if packed else "give another folder",
    )
