"""From pictures to a data set: the pass over everything, the splits, the place in memory or on disk, the notes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from paribus.data.decoding import LARGEST_SIZE, Recipe
from paribus.data.images import SPLITS, ImageData, Split, content_fingerprint
from paribus.data.raw import RawData
from paribus.data.splitting import split_indices
from paribus.data.storage import Store, belongs_on_disk, cache_folder, entry_being_written, entry_name, opened
from paribus.data.survey import (
    FEWEST_IMAGES,
    ColourFound,
    Survey,
    bad_images_error,
    check_form,
    form_of_first,
    survey,
    too_few_error,
)

_CACHE_VERSION = 1
_CHANGES = {
    "cut": "cut to a fixed central part",
    "animated": "reduced to the first frame",
    "flattened": "laid onto a {background} background because of transparency",
    "cropped": "cropped to the central square",
    "greyed": "turned from colour to grey",
    "coloured": "turned from grey to RGB",
    "reduced": "reduced to {size}x{size} pixels (Lanczos)",
    "enlarged": "enlarged to {size}x{size} pixels (bicubic)",
}


@dataclass(frozen=True)
class _Outcome:
    """Everything about a decoded set that is not pixels."""

    labels: dict[str, np.ndarray | None]
    notes: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


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
    form = form_of_first(raw, wanted)
    assert form.size is not None and form.channels is not None
    usable = wanted.size is not None or form.size <= LARGEST_SIZE
    if usable and belongs_on_disk(len(raw) * form.channels * form.size**2):
        images, outcome = _on_disk(raw, form, wanted, skip_bad, validation)
    else:
        images, outcome = _in_memory(raw, form, wanted, skip_bad, validation)
    splits = {split: Split(_as_tensor(images[split]), _as_labels(outcome.labels[split])) for split in SPLITS}
    fingerprint = content_fingerprint(splits, len(raw.class_names or ()))
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


def _as_tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images)


def _as_labels(labels: np.ndarray | None) -> torch.Tensor | None:
    return None if labels is None else torch.from_numpy(labels)


def _in_memory(
    raw: RawData, form: Recipe, wanted: Recipe, skip_bad: bool, validation: float
) -> tuple[dict[str, np.ndarray], _Outcome]:
    form, found = _surveyed(raw, form, wanted, skip_bad, None)
    parts, outcome = _split(raw, form, found, validation)
    images = {}
    for split, (source, indices) in parts.items():
        whole = found.stores[source].images
        images[split] = whole if len(indices) == len(whole) else whole[indices]
    return images, outcome


def _on_disk(
    raw: RawData, form: Recipe, wanted: Recipe, skip_bad: bool, validation: float
) -> tuple[dict[str, np.ndarray], _Outcome]:
    key = (_CACHE_VERSION, raw.key, wanted, skip_bad, validation)
    entry = cache_folder() / "data" / entry_name(*key)
    with entry_being_written(entry) as folder:
        if folder is not None:
            form, found = _surveyed(raw, form, wanted, skip_bad, folder)
            parts, outcome = _split(raw, form, found, validation)
            for split, (source, indices) in parts.items():
                target = _store(folder / f"{split}.npy", len(indices), form)
                found.stores[source].gather_into(target, indices)
                if len(indices) == 0:
                    np.save(folder / f"{split}.npy", target.images)
            for store in found.stores.values():
                if store.path is not None:
                    store.path.unlink(missing_ok=True)
            _write_outcome(folder, outcome)
    return {split: opened(entry / f"{split}.npy") for split in SPLITS}, _read_outcome(entry)


def _store(path: Path | None, capacity: int, form: Recipe) -> Store:
    assert form.size is not None and form.channels is not None
    return Store(capacity, form.channels, form.size, path)


def _surveyed(raw: RawData, form: Recipe, wanted: Recipe, skip_bad: bool, folder: Path | None) -> tuple[Recipe, Survey]:
    """The pass over everything, and the refusals that follow from it."""

    def store(name: str, capacity: int, form: Recipe) -> Store:
        refused = wanted.size is None and (form.size or 0) > LARGEST_SIZE  # later, with the range of sizes
        return _store(folder / f"source-{name}.npy" if folder else None, 0 if refused else capacity, form)

    try:
        found = survey(raw, form, wanted, store)
    except ColourFound:  # the first picture was grey, so only now is it known that the set is not
        form = replace(form, channels=3)
        found = survey(raw, form, wanted, store)
    if found.bad and not skip_bad:
        raise bad_images_error(raw, found.bad)
    check_form(raw, found, wanted)
    return form, found


def _split(
    raw: RawData, form: Recipe, found: Survey, validation: float
) -> tuple[dict[str, tuple[str, np.ndarray]], _Outcome]:
    labels: dict[str, np.ndarray | None] = {}
    for name, split in raw.splits.items():
        labels[name] = None if split.labels is None else split.labels[found.kept[name]]
    counts = {name: len(kept) for name, kept in found.kept.items() if kept}  # an empty split is none
    parts, notes = split_indices(counts, labels, validation)
    split_labels: dict[str, np.ndarray | None] = {}
    for target, (source, indices) in parts.items():
        of_source = labels[source]
        split_labels[target] = None if of_source is None else of_source[indices]
    changed = _change_notes(found.changes, form, sum(len(kept) for kept in found.kept.values()))
    skipped = [f"{len(found.bad):,} unreadable images were skipped."] if found.bad else []
    return parts, _Outcome(split_labels, (*raw.notes, *notes, *changed, *skipped), tuple(found.bad))


def _change_notes(changes: Counter[str], form: Recipe, total: int) -> list[str]:
    notes = []
    for change, sentence in _CHANGES.items():
        if number := changes[change]:
            who = "All images were" if number == total else f"{number:,} image{'s were' if number > 1 else ' was'}"
            notes.append(f"{who} {sentence.format(background=form.background, size=form.size)}.")
    return notes


def _write_outcome(folder: Path, outcome: _Outcome) -> None:
    for split, labels in outcome.labels.items():
        if labels is not None:
            np.save(folder / f"{split}-labels.npy", labels)
    (folder / "outcome.json").write_text(json.dumps({"notes": outcome.notes, "skipped": outcome.skipped}))


def _read_outcome(entry: Path) -> _Outcome:
    content = json.loads((entry / "outcome.json").read_text())
    files = {split: entry / f"{split}-labels.npy" for split in SPLITS}
    labels = {split: np.load(file) if file.is_file() else None for split, file in files.items()}
    return _Outcome(labels, tuple(content["notes"]), tuple((file, reason) for file, reason in content["skipped"]))
