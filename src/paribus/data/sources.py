"""From a name (built-in, folder, file or Hub id) to one uint8 tensor per split."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from paribus.base.arguments import checked
from paribus.base.errors import ParibusError, did_you_mean
from paribus.base.places import checked_path, is_hub_id, looks_like_path
from paribus.config import DataSettings, validated
from paribus.data.archives import OTHER_ARCHIVES, unpacked
from paribus.data.arrays import ARRAY_FILES, array_file, digits
from paribus.data.assembly import assembled
from paribus.data.builtin import DATASETS
from paribus.data.decoding import EXTENSIONS, Recipe
from paribus.data.findings import tell
from paribus.data.folders import files_below, image_folder, left_out
from paribus.data.hub import hub_dataset, is_saved_dataset, saved_dataset
from paribus.data.images import ImageData
from paribus.data.memory import UNNAMED, InMemory, in_memory, kept, kept_file, memory_data, was_in_memory
from paribus.data.parquet import parquet_folder
from paribus.data.pixels import FloatRange
from paribus.data.raw import RawData
from paribus.data.shapes import shapes
from paribus.data.stacked import stacked
from paribus.results.score import Fact

_MADE_HERE = {"digits": digits, "shapes": shapes}


class NoSuchData(ParibusError):
    """Nothing here has the name that a data set was called by."""


@contextlib.contextmanager
def recorded_by(folder: Path | None, fix: str) -> Iterator[None]:
    """Says of data that are gone whose they were, where a run's or a study's own record named them.

    Args:
        folder: The run's or the study's; None where the user named the data.
        fix: How its command is told where they lie now.

    Raises:
        NoSuchData: From the block, with other words.
    """
    try:
        yield
    except NoSuchData as error:
        if folder is None:
            raise
        raise NoSuchData(
            "The images are not where they were.",
            where=f"data.name of {folder}",
            got=error.what,
            expected="the images that it was trained on",
            fix=f"put them back there; if they moved, {fix}",
        ) from None


@checked
def load_data(source: str | Path | DataSettings | InMemory, **settings: Any) -> ImageData:
    """Loads, decodes and splits a data set, and tells what it found (`ImageData.notes`) to the logger "paribus.data".

    Args:
        source: A built-in name (`DATASETS`), a folder of images or of Parquet files or one that `datasets` saved, a
            .zip of such, a file of arrays or tensors (.npz, .npy, .pt, .safetensors) or a .parquet file, or a Hugging
            Face Hub id; all settings of the data; or images in memory (see `memory_data`), which get the name that is
            given, or "memory", with a hash of their content behind it, and are kept in the cache under it. Built-in
            and other names are looked for as a folder under PARIBUS_DATA first.
        **settings: Any of the fields of `DataSettings`, which says what they mean: size, channels, validation, ...

    Returns:
        The data, the same for the same content and settings on every machine.

    Raises:
        ParibusError: Anything about the source or the settings that needs the user.
    """
    given = source is None or in_memory(source)
    if given and (named := sorted({"label", "labels", "targets", "y"} & settings.keys())):
        raise ParibusError(
            "Labels come with their images.",
            where=f"{named[0]} of load_data",
            expected="images and labels in one argument",
            fix=f"load_data((images, {named[0]}))",
        )
    known = {"name": UNNAMED} if given else data_settings(source).model_dump()
    asked = validated(DataSettings, known | settings, where="data")
    raw = memory_data(source, float_range=asked.float_range) if given else raw_data(asked.name, asked.float_range)
    if raw.channel_classes and asked.channels == 1:
        raise ParibusError(
            "The channels of these images are images of their own.",
            where="data.channels",
            got=1,
            expected="3, which is the default",
            fix=f"leave it out, or use {DATASETS[asked.name].stacks}",
        )
    recipe = Recipe(asked.size, asked.channels, asked.background, raw.cut)
    images = assembled(asked.name, raw, recipe, skip_bad=asked.on_bad == "skip", validation=asked.validation)
    tell(asked.name, images.notes)
    images = replace(images, settings=asked)
    return kept(images) if given else images


def data_settings(source: ImageData | DataSettings | str | Path) -> DataSettings:
    """The settings that load these images, or load them again; only what they have to say is set in them."""
    if isinstance(source, DataSettings):
        return source
    if isinstance(source, ImageData):
        shape, asked = source.shape, source.settings or DataSettings()
        own = {"name": source.name, "size": shape.size, "channels": shape.channels}
        return validated(DataSettings, asked.model_dump(exclude_defaults=True) | own, where="data")
    # a path is a place, whatever else has its name
    is_relative = isinstance(source, Path) and not source.is_absolute()
    return DataSettings(name=f"./{source}" if is_relative else str(source))


def is_at_hand(name: str | Path) -> bool:
    """Whether a data set can be read without a network: it needs none, or lies here or under PARIBUS_DATA.

    What an earlier download left in the cache of the Hub does not count.
    """
    known = DATASETS.get(str(name))
    if known is not None and known.hub_id is None:
        return known.stacks is None or is_at_hand(known.stacks)
    return Path(name).expanduser().exists() or _stored_folder(str(name)) is not None


def raw_data(name: str | Path, float_range: FloatRange = "0..1") -> RawData:
    """A data set as its source holds it.

    Raises:
        ParibusError: There is none of this name, or it cannot be read.
    """
    name = str(name)
    if not name.strip():
        raise ParibusError(
            "The data have no name.",
            where="data.name",
            got=repr(name),
            expected="a built-in name, a folder or a file",
            fix="check what was to stand there, such as a variable of the shell; the folder you are in is '.'",
        )
    if name in DATASETS:
        raw = _built_in(name)
        beside = (Fact(code="folder_not_meant", figures={"name": name}),) if Path(name).is_dir() else ()
        return replace(raw, notes=(*beside, *raw.notes))
    path = checked_path(name, "data.name")
    if path.exists():
        return _from_path(path, float_range=float_range)
    stored = _stored_folder(name) or kept_file(name)
    if stored is not None:
        return _from_path(stored, float_range=float_range)
    if is_hub_id(name):
        return hub_dataset(name)
    raise _no_such_data(name)


def _built_in(name: str) -> RawData:
    known = DATASETS[name]
    if known.stacks is not None:
        grey = Recipe(size=None, channels=1)
        return stacked(assembled(known.stacks, _built_in(known.stacks), grey, skip_bad=False, validation=0))
    stored = _stored_folder(name)
    if stored is not None:
        raw = _from_path(stored, with_labels=known.classes > 0)
    elif known.hub_id is not None:
        raw = hub_dataset(known.hub_id, asked=name, with_labels=known.classes > 0)
    else:
        raw = _MADE_HERE[name]()
    return replace(raw, cut=known.cut)


def _stored_folder(name: str) -> Path | None:
    root = os.environ.get("PARIBUS_DATA")
    if not root or Path(name).is_absolute() or ".." in Path(name).parts or not name.strip("./"):
        return None
    folder = Path(root).expanduser() / name
    return folder if folder.is_dir() else None


def _from_path(path: Path, *, with_labels: bool = True, float_range: FloatRange = "0..1") -> RawData:
    if path.is_dir():
        below = files_below(path)
        if is_saved_dataset(path):
            return saved_dataset(path, below.files, with_labels=with_labels)
        parquet = [file for file in below.files if file.suffix.lower() == ".parquet"]
        if parquet:
            raw = parquet_folder(path, parquet, with_labels=with_labels)
            pictures = (file for file in below.files if file.suffix.lower() in EXTENSIONS)
            return replace(raw, notes=(*below.notes(path), *left_out(pictures), *raw.notes))
        return image_folder(path, below)
    kind = path.suffix.lower()
    if not path.is_file():
        kind = "a pipe, a socket or a device"
    if kind == ".zip":
        folder = unpacked(path)
        try:
            return replace(_from_path(folder, with_labels=with_labels, float_range=float_range), where=str(path))
        except ParibusError as error:
            raise error.at(str(path)) from None
    if kind in ARRAY_FILES:
        return array_file(path, float_range=float_range)
    if kind == ".parquet":
        return parquet_folder(path, [path], with_labels=with_labels)
    packed = kind in OTHER_ARCHIVES
    raise ParibusError(
        "This is one picture, not a data set." if kind in EXTENSIONS else "This file is not a data set.",
        where=str(path),
        got=kind or "no extension",
        expected="a folder of images (a grid of many cannot be taken apart)"
        if kind in EXTENSIONS
        else f"a folder of images or Parquet files, a .zip of one, or a file ending in "
        f"{', '.join(sorted(ARRAY_FILES))} or .parquet",
        fix="unpack it, and give the folder" if packed else f"give the folder that holds it: {path.parent}",
    )


def _no_such_data(name: str) -> NoSuchData:
    if was_in_memory(name):
        return NoSuchData(
            "These images were in the memory of a program, and the cache does not hold them any more.",
            where="data.name",
            got=name,
            fix="give the images again, in Python: the same content gets the same name",
        )
    if looks_like_path(name):
        return NoSuchData(
            f"There is no folder or file '{name}' here.",
            where="data.name",
            got=f"nothing of that name in {Path.cwd()}",
            expected="a folder of images or of Parquet files, or a file of arrays",
            fix="check the spelling, or the folder you are in",
        )
    return NoSuchData(
        f"There is no data set '{name}'.{did_you_mean(name, DATASETS)}",
        where="data.name",
        got=f"neither a built-in name ({', '.join(DATASETS)}), nor a file or folder here",
        expected="a built-in name, a folder of images or Parquet files, an .npz file, or a Hub id (organisation/name)",
        fix="check the spelling, or the folder you are in",
    )
