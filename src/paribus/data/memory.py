"""Images that a program has in memory: arrays, tensors, pictures, and the data sets of torch and Hugging Face."""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from paribus.base.cache import cache_folder
from paribus.base.errors import ParibusError
from paribus.base.files import replacing
from paribus.base.names import fitted_name
from paribus.config import DataSettings
from paribus.data.arrays import array_split, as_labels
from paribus.data.folders import SPLIT_NAMES
from paribus.data.hub import dataset_splits
from paribus.data.images import SPLITS, ImageData
from paribus.data.labels import labelled
from paribus.data.parquet import IMAGE_COLUMNS, LABEL_COLUMNS
from paribus.data.pixels import FloatRange, as_pixels, plain_array
from paribus.data.raw import Encoded, RawData, RawSplit
from paribus.data.storage import available_bytes

InMemory = Any
"""An array, a tensor, a sequence or a data set; `in_memory` tells it from a name."""
UNNAMED = "memory"
"""What images are called that have no name."""
EXPECTED = (
    "an array or a tensor of images, a list of PIL images, files or arrays, (images, labels), a mapping of splits "
    "{'train': ..., 'test': ...}, a torch Dataset, or a Hugging Face Dataset or DatasetDict"
)
_HASH = 12
_NAMED = re.compile(rf".+-[0-9a-f]{{{_HASH}}}$")
_FILE_NAMES = {"train": ("x_train", "y_train"), "validation": ("x_val", "y_val"), "test": ("x_test", "y_test")}


def in_memory(source: object) -> bool:
    """Whether these are images themselves, and not a name or settings that say which."""
    return source is not None and not isinstance(source, (str, Path, DataSettings, ImageData))


def memory_data(source: InMemory, *, float_range: FloatRange = "0..1") -> RawData:
    """Images in memory as a data set.

    Args:
        source: Arrays or tensors (N, H, W), (N, H, W, C) or (N, C, H, W), uint8 or floats; a list of PIL images, of
            files (paths) or of arrays; (images, labels) of these; {"images": ..., "labels": ...}; a mapping of splits
            to any of these; a torch Dataset of images or of (image, label), whose images are taken once each; a
            Hugging Face Dataset or DatasetDict.
        float_range: The range of pixels that are floats.

    Raises:
        ParibusError: It is none of these, or its type, range or shape is another.
    """
    if _is_hugging_face(source):
        return _hugging_face(source)
    splits = _named(source)
    parts = {name: _images_and_labels(of) for name, of in splits.items()}
    read = {name: _split(images, name if len(parts) > 1 else "", float_range) for name, (images, _) in parts.items()}
    values: dict[str, Sequence[object] | None] = {}
    for name, (_, labels) in parts.items():
        _, from_items = read[name]
        values[name] = _labels(labels, read[name][0].count) if labels is not None else from_items
    names = next((found for of in splits.values() if (found := _class_names(of))), None)
    raw = {name: split for name, (split, _) in read.items()}
    return labelled(RawData(raw, "the images given", ("memory", _Content(raw))), values, names)


def kept(images: ImageData) -> ImageData:
    """The same images under a name by which every process finds them: they are kept in the cache."""
    digest, words = images.fingerprint[:_HASH], re.sub(r"[^\w.-]+", "-", images.name)
    name = f"{fitted_name(words, room=len(digest) + 1)}-{digest}"
    file = _file(name)
    if not _is_whole(file):
        arrays: dict[str, np.ndarray] = {}
        for split in SPLITS:
            of, (x, y) = getattr(images, split), _FILE_NAMES[split]
            if len(of):
                arrays[x] = of.images.numpy()
                arrays |= {} if of.labels is None else {y: of.labels.numpy()}
        if images.class_names:
            arrays["class_names"] = np.array(images.class_names)
        # where it cannot be written, this process alone has them
        with contextlib.suppress(OSError), replacing(file) as whole, whole.open("wb") as opened:
            np.savez(opened, **arrays)  # type: ignore[arg-type]
    form = {"name": name, "size": images.shape.size, "channels": images.shape.channels}
    if not len(images.validation):
        form["validation"] = 0.0
    asked = images.settings or DataSettings()
    return replace(images, name=name, settings=DataSettings(**(asked.model_dump() | form)))


def _is_whole(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError, ValueError):
        return False


def kept_file(name: str) -> Path | None:
    """The file of images that were in memory, by the name that they got; None where there is none."""
    return file if was_in_memory(name) and (file := _file(name)).is_file() else None


def was_in_memory(name: str) -> bool:
    """Whether a name is one that `kept` gives."""
    return name == fitted_name(name) and bool(_NAMED.match(name))


def _file(name: str) -> Path:
    return cache_folder() / "memory" / f"{name}.npz"


def _is_hugging_face(source: object) -> bool:
    return type(source).__module__.partition(".")[0] == "datasets"


def _hugging_face(source: Any) -> RawData:
    kind = type(source).__name__
    if kind.startswith("Iterable"):
        raise _wrong_kind(source, "load it without streaming=True: its images are passed over many times")
    splits = source if isinstance(source, Mapping) else {"all": source}
    return dataset_splits(splits, "the data set given", ("hugging face",))


def _named(source: Any) -> dict[str, Any]:
    """The splits of a mapping; all else is one set, to be split."""
    if not isinstance(source, Mapping) or any(name in source for name in IMAGE_COLUMNS):
        return {"all": source}
    unknown = [name for name in source if str(name).lower() not in SPLIT_NAMES]
    if unknown or not source:
        raise _wrong_kind(source, "name the splits train, validation and test", got=f"a mapping of {list(source)}")
    named = {SPLIT_NAMES[str(name).lower()]: of for name, of in source.items()}
    if "train" not in named:
        raise ParibusError("There is no training split.", where="the images given", got=f"splits {', '.join(named)}")
    return named


def _images_and_labels(source: Any) -> tuple[Any, Any]:
    if isinstance(source, tuple):
        if len(source) != 2:
            raise _wrong_kind(source, "give a list of images, or (images, labels)", got=f"a tuple of {len(source)}")
        return source[0], source[1]
    if isinstance(source, Mapping):
        image = next((name for name in IMAGE_COLUMNS if name in source), None)
        if image is None:
            raise _wrong_kind(source, "name the images 'images'", got=f"a mapping of {list(source)}")
        return source[image], next((source[name] for name in LABEL_COLUMNS if name in source), None)
    return source, None


def _class_names(source: Any) -> list[str] | None:
    names = source.get("class_names") if isinstance(source, Mapping) else getattr(source, "classes", None)
    return [str(name) for name in names] if isinstance(names, Sequence) and not isinstance(names, str) else None


def _labels(labels: Any, count: int) -> list[object]:
    if hasattr(labels, "detach") or isinstance(labels, np.ndarray):
        return as_labels(plain_array(labels), count, "the labels given")
    found = [_plain_label(label) for label in labels]
    if len(found) != count:
        raise ParibusError(
            "There are not as many labels as images.",
            where="the labels given",
            got=len(found),
            expected=count,
            fix="give one class label an image, or None where it is unknown",
        )
    return found


def _plain_label(label: Any) -> object:
    """A label of one number as that number: an index, whatever type holds it."""
    if hasattr(label, "item") and getattr(label, "ndim", 0) == 0:
        return label.item()
    return label


def _split(images: Any, name: str, float_range: FloatRange) -> tuple[RawSplit, list[object] | None]:
    """One split, and the labels that come with its items."""
    where = f"{name}[{{}}]" if name else "image {}"
    images = np.asarray(images) if isinstance(images, memoryview) else images
    if hasattr(images, "detach") or isinstance(images, np.ndarray):
        place = f"the images given ({name})" if name else "the images given"
        _check_room(images, place)
        return array_split(as_pixels(plain_array(images), place, float_range), None, where), None
    items, labels = _items(images)
    pictures = [_picture(item, where.format(index), float_range) for index, item in enumerate(items)]
    arrays = [picture for picture in pictures if isinstance(picture, np.ndarray)]
    if len(arrays) == len(pictures) and len({array.shape for array in arrays}) == 1:
        return array_split(np.stack(arrays), None, where), labels
    encoded = [Image.fromarray(_unstacked(p)) if isinstance(p, np.ndarray) else p for p in pictures]

    def namer(index: int) -> str:
        return str(picture) if isinstance(picture := encoded[index], Path) else where.format(index)

    return RawSplit(len(encoded), encoded.__iter__, namer), labels


def _check_room(images: Any, where: str) -> None:
    """Refuses views that repeat a few bytes to more than this machine holds: they would be walked through for hours."""
    wanted, room = math.prod(images.shape), available_bytes() + shutil.disk_usage(Path.cwd()).free
    if wanted > room:
        raise ParibusError(
            "So many images do not fit on this machine.",
            where=where,
            got=f"{tuple(images.shape)}, {wanted >> 30:,} GB as bytes",
            expected=f"at most {room >> 30:,} GB of memory and disk",
            fix="give fewer, or smaller ones",
        )


def _items(images: Any) -> tuple[list[Any], list[object] | None]:
    """The images of a sequence or of a torch Dataset, and their labels where its items have them."""
    if type(images).__name__ == "DataLoader":
        raise _wrong_kind(images, "give its data set: loader.dataset")
    if not (hasattr(images, "__len__") and hasattr(images, "__getitem__")) or isinstance(images, (str, bytes)):
        raise _wrong_kind(images, "give something with a length, such as a list")
    if hasattr(images, "columns"):
        raise _wrong_kind(images, "give a column of images as a list: list(table['image'])")
    items = [images[index] for index in range(len(images))]
    if items and all(isinstance(item, Mapping) for item in items):
        pairs = [_images_and_labels(item) for item in items]
    elif items and all(isinstance(item, (tuple, list)) for item in items):
        pairs = [(item[0], item[1] if len(item) > 1 else None) for item in items if len(item)]
    else:
        return items, None
    labels = [_plain_label(label) for _, label in pairs]
    return [image for image, _ in pairs], None if all(label is None for label in labels) else labels


def _picture(item: Any, where: str, float_range: FloatRange) -> np.ndarray | Encoded:
    """One image: uint8 (H, W, C), or what is decoded later."""
    if isinstance(item, str):
        return Path(item).expanduser()
    if item is None or isinstance(item, (bytes, Path, Image.Image)):
        return item
    if not (hasattr(item, "detach") or isinstance(item, np.ndarray)):
        raise _wrong_kind(item, "give PIL images, files, arrays or tensors", where=where)
    array = plain_array(item)
    return as_pixels(array[None, ..., None] if array.ndim == 2 else array[None], where, float_range)[0]


def _unstacked(array: np.ndarray) -> np.ndarray:
    return array[..., 0] if array.shape[2] == 1 else array


class _Content:
    """Stands for the content of all images in the key of the cache; it is looked at only where the key is needed."""

    def __init__(self, splits: Mapping[str, RawSplit]) -> None:
        self._splits = splits

    def __repr__(self) -> str:
        digest = hashlib.sha256()
        for name, split in self._splits.items():
            digest.update(f"{name} {split.count}".encode())
            for picture in split.pictures():
                content = picture.tobytes() if isinstance(picture, Image.Image) else picture
                if isinstance(picture, Path):
                    content = picture.read_bytes() if picture.is_file() else b""
                digest.update(getattr(picture, "mode", "").encode() + bytes(content or b""))
        return digest.hexdigest()


def _wrong_kind(source: object, fix: str, *, got: str | None = None, where: str = "the images given") -> ParibusError:
    return ParibusError(
        "These are not images.", where=where, got=got or type(source).__name__, expected=EXPECTED, fix=fix
    )
