"""From pictures to a data set: the pass over everything, the splits, the place in memory or on disk, the notes."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from paribus.base.cache import cache_folder
from paribus.base.errors import Damaged
from paribus.base.files import write_json
from paribus.base.seals import check, json_value
from paribus.config import ImageShape
from paribus.data.decoding import LARGEST_SIZE, Recipe
from paribus.data.equality import equal_images
from paribus.data.images import SPLITS, ImageData, Split, content_fingerprint
from paribus.data.raw import RawData
from paribus.data.splitting import split_indices
from paribus.data.storage import Store, belongs_on_disk, entry_being_written
from paribus.data.survey import (
    FEWEST_IMAGES,
    FLAT_LEVELS,
    ColourFound,
    Survey,
    bad_images_error,
    check_shape,
    first_shape,
    survey,
    too_few_error,
)
from paribus.results.score import Fact, Figure

_CACHE_VERSION = 4
_CHANGES = (
    "cut",
    "animated",
    "metadata_unread",
    "turned",
    "from_cmyk",
    "eight_bits",
    "profiled",
    "flattened",
    "cropped",
    "greyed",
    "coloured",
    "reduced",
    "enlarged",
)
_NARROW = 128
"""A set whose pixels lie within so many of the 256 levels is said to be dark, bright or flat."""
_UNEVEN = 1.5
"""How many times as large as the smallest class the largest one may be without a word."""


@dataclass(frozen=True)
class _Outcome:
    """Everything about a decoded set that is not pixels."""

    labels: dict[str, np.ndarray | None]
    notes: tuple[Fact, ...]
    skipped: tuple[tuple[str, str], ...]


_Assembled = tuple[dict[str, Split], _Outcome, str]
"""The splits, what else is known, and the fingerprint."""


class _NotWhole(Exception):
    """An entry of the cache is not there, or not as it was written."""


def assembled(name: str, raw: RawData, wanted: Recipe, *, skip_bad: bool, validation: float) -> ImageData:
    """Decodes a set and splits it.

    Args:
        name: As the user gave it.
        raw: The set.
        wanted: How its pictures are brought to one form; open size and channels are the source's own.
        skip_bad: Whether to go on without unreadable pictures.
        validation: Share of the training images held out, where the source has no validation split.

    Raises:
        ParibusError: Bad pictures, no common size, or too few images.
    """
    if len(raw) < FEWEST_IMAGES:
        raise too_few_error(raw, len(raw))
    shape = first_shape(raw, wanted)
    usable = wanted.size is not None or shape.size <= LARGEST_SIZE
    make = _on_disk if usable and belongs_on_disk(len(raw) * shape.pixels) else _in_memory
    splits, outcome, fingerprint = make(raw, shape, wanted, skip_bad, validation)
    return ImageData(
        name,
        splits["train"],
        splits["validation"],
        splits["test"],
        class_names=raw.class_names,
        fingerprint=fingerprint,
        notes=outcome.notes,
        skipped=outcome.skipped,
        channel_classes=raw.channel_classes,
        hub_id=raw.hub_id,
    )


def _splits(images: dict[str, np.ndarray], outcome: _Outcome) -> dict[str, Split]:
    splits = {}
    for split in SPLITS:
        labels = outcome.labels[split]
        splits[split] = Split(torch.from_numpy(images[split]), None if labels is None else torch.from_numpy(labels))
    return splits


def _in_memory(raw: RawData, shape: ImageShape, wanted: Recipe, skip_bad: bool, validation: float) -> _Assembled:
    found = surveyed(raw, shape, wanted, skip_bad, None)
    parts, outcome = _split(raw, found, validation)
    images = {}
    for split, (source, indices) in parts.items():
        whole = found.stores[source].images
        images[split] = whole if len(indices) == len(whole) else whole[indices]
    splits = _splits(images, outcome)
    outcome = replace(outcome, notes=(*outcome.notes, *equal_images(images)))
    return splits, outcome, content_fingerprint(splits, len(raw.class_names or ()))


def _on_disk(raw: RawData, shape: ImageShape, wanted: Recipe, skip_bad: bool, validation: float) -> _Assembled:
    """Decoded images as a map of the cache's, from which an entry that is not as it was written is replaced."""
    classes = len(raw.class_names or ())
    key = repr((_CACHE_VERSION, raw.key, wanted, skip_bad, validation))
    entry = cache_folder() / "data" / hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    with contextlib.suppress(_NotWhole):
        return _read_entry(entry, classes)
    with entry_being_written(entry, lambda: _is_whole(entry, classes)) as folder:
        if folder is not None:
            _write_entry(folder, surveyed(raw, shape, wanted, skip_bad, folder), raw, validation)
            for path in folder.glob("source-*.npy"):  # Windows removes, and renames, nothing that is still mapped
                path.unlink()
    try:
        return _read_entry(entry, classes)
    except _NotWhole:
        fix = "see to the disk, which does not keep what is written to it, or name another folder with PARIBUS_CACHE"
        raise Damaged(entry, "other images than were just written", fix) from None


def _write_entry(folder: Path, found: Survey, raw: RawData, validation: float) -> None:
    parts, outcome = _split(raw, found, validation)
    images = {}
    for split, (source, indices) in parts.items():
        target = Store(len(indices), found.shape, folder / f"{split}.npy")
        found.stores[source].gather_into(target, indices)
        if len(indices) == 0:
            np.save(folder / f"{split}.npy", target.images)
        images[split] = target.images
    outcome = replace(outcome, notes=(*outcome.notes, *equal_images(images)))
    _write_outcome(folder, outcome, content_fingerprint(_splits(images, outcome), len(raw.class_names or ())))


def surveyed(raw: RawData, shape: ImageShape, wanted: Recipe, skip_bad: bool, folder: Path | None) -> Survey:
    """The pass over everything, and the refusals that follow from it."""

    def store(name: str, capacity: int) -> Store:
        refused = wanted.size is None and shape.size > LARGEST_SIZE  # later, with the range of sizes
        return Store(0 if refused else capacity, shape, folder / f"source-{name}.npy" if folder else None)

    try:
        found = survey(raw, shape, wanted, store)
    except ColourFound:  # the first picture was grey, so only now is it known that the set is not
        shape = replace(shape, channels=3)
        found = survey(raw, shape, wanted, store)
    if found.bad and not skip_bad:
        raise bad_images_error(raw, found.bad)
    check_shape(raw, found)
    return found


def _split(raw: RawData, found: Survey, validation: float) -> tuple[dict[str, tuple[str, np.ndarray]], _Outcome]:
    labels: dict[str, np.ndarray | None] = {}
    for name, split in raw.splits.items():
        labels[name] = None if split.labels is None else split.labels[found.kept[name]]
    counts = {name: len(kept) for name, kept in found.kept.items() if kept}  # an empty split is none
    parts, notes = split_indices(counts, labels, validation)
    split_labels: dict[str, np.ndarray | None] = {}
    for target, (source, indices) in parts.items():
        of_source = labels[source]
        split_labels[target] = None if of_source is None else of_source[indices]
    seen = [*found_in(found), *_balance(split_labels["train"], raw.class_names or ())]
    return parts, _Outcome(split_labels, (*raw.notes, *notes, *seen), tuple(found.bad))


def found_in(found: Survey) -> list[Fact]:
    """What there is to say of images that were read: how they were changed, which were skipped, and how they look."""
    total = sum(len(kept) for kept in found.kept.values())
    changes = [_change(change, found, total) for change in _CHANGES if found.changes[change]]
    skipped = [Fact(code="skipped", figures={"n": len(found.bad)})] if found.bad else []
    return [*changes, *skipped, *_levels(found, total)]


def _change(change: str, found: Survey, total: int) -> Fact:
    """How many of the images had a change."""
    figures: dict[str, Figure] = {"n": found.changes[change], "of": total}
    if change in ("reduced", "enlarged"):
        figures["size"] = found.shape.size
    elif change == "flattened":
        figures["background"] = found.wanted.background
    elif change == "animated":
        figures |= {"kinds": tuple(sorted(found.pages)), "pages": tuple(found.pages[k] for k in sorted(found.pages))}
    return Fact(code=change, figures=figures)


def _levels(found: Survey, total: int) -> list[Fact]:
    """Whether the images fill a small part of the range of their values."""
    low, high = found.levels
    if high - low < _NARROW:
        return [Fact(code="narrow_range", figures={"low": low, "high": high})]
    if 2 * found.flat > total:
        return [Fact(code="flat_images", figures={"n": found.flat, "of": total, "levels": FLAT_LEVELS})]
    return []


def _balance(labels: np.ndarray | None, names: tuple[str, ...]) -> list[Fact]:
    """Whether the classes have unequal numbers of training images."""
    if labels is None:
        return []
    counts = np.bincount(labels, minlength=len(names))
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] <= _UNEVEN * counts[least]:
        return []
    figures = {"most": names[most], "n_most": int(counts[most]), "least": names[least], "n_least": int(counts[least])}
    return [Fact(code="uneven_training_classes", figures={**figures, "classes": len(names)})]


def _write_outcome(folder: Path, outcome: _Outcome, fingerprint: str) -> None:
    arrays = {split: labels for split, labels in outcome.labels.items() if labels is not None}
    np.savez(folder / "labels.npz", **arrays)  # type: ignore[arg-type]
    notes = [note.model_dump(mode="json") for note in outcome.notes]
    write_json(folder / "outcome.json", {"fingerprint": fingerprint, "notes": notes, "skipped": outcome.skipped})


def _read_entry(entry: Path, classes: int) -> _Assembled:
    """What the cache holds of a set.

    Raises:
        _NotWhole: It holds nothing, or something else than was written.
    """
    files = [entry / name for name in (*(f"{split}.npy" for split in SPLITS), "labels.npz", "outcome.json")]
    if not all(file.is_file() for file in files):  # others may write to the cache: a pipe would be waited for
        raise _NotWhole
    try:
        # private maps: pages are read when used, and writing changes only this process's copy
        images = {split: np.load(entry / f"{split}.npy", mmap_mode="c", allow_pickle=False) for split in SPLITS}
        told = entry / "outcome.json"
        content = json_value(check(told.read_bytes(), told, "", required=True), told, "")
        with (entry / "labels.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            labels = {split: arrays[split] if split in arrays else None for split in SPLITS}
        notes = tuple(Fact.model_validate(note) for note in content["notes"])
        outcome = _Outcome(labels, notes, tuple((file, reason) for file, reason in content["skipped"]))
        splits = _splits(images, outcome)
        fingerprint = content_fingerprint(splits, classes)
    except Exception as error:  # whatever a reader says of damaged bytes
        raise _NotWhole from error
    if fingerprint != content["fingerprint"]:
        raise _NotWhole
    return splits, outcome, fingerprint


def _is_whole(entry: Path, classes: int) -> bool:
    try:
        _read_entry(entry, classes)
    except _NotWhole:
        return False
    return True
