"""Data sets on the Hugging Face Hub, through the `datasets` library, with our own decoding."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.base.network import hub_is_reachable
from paribus.data.folders import SPLIT_NAMES
from paribus.data.parquet import image_column, labelled_by_column, pictures_in
from paribus.data.raw import Encoded, RawData, RawSplit, files_key
from paribus.results.score import Fact

_ROWS = 256


def hub_dataset(repository: str, *, asked: str | None = None, with_labels: bool = True) -> RawData:
    """A data set of the Hub, downloaded once and then read from the cache of `datasets`.

    Args:
        repository: Its id, "organisation/name" (or, in tests, a local folder laid out as the Hub's repository).
        asked: What the user wrote, for messages.
        with_labels: False leaves a label column alone.

    Raises:
        ParibusError: No network (found out within about a second) and not in the cache; no such data set; no images.
    """
    local = Path(repository).is_dir()
    reachable = local or hub_is_reachable()
    if not reachable and not is_cached(repository):
        raise _unreachable_error(repository, asked or repository)
    splits = _loaded(repository, offline=not reachable)
    data = dataset_splits(splits, repository, ("hub", repository), with_labels)
    return replace(data, hub_id=repository)


def is_saved_dataset(folder: Path) -> bool:
    """Whether `datasets` wrote a folder by `save_to_disk`."""
    one = all((folder / name).is_file() for name in ("state.json", "dataset_info.json"))
    return one or (folder / "dataset_dict.json").is_file()


def saved_dataset(folder: Path, files: list[Path], *, with_labels: bool = True) -> RawData:
    """What `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote.

    Args:
        folder: The folder it wrote.
        files: All files in it.
        with_labels: False leaves a label column alone.

    Raises:
        ParibusError: It cannot be read, or holds no images.
    """
    import datasets

    try:
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:  # the library raises dozens of kinds
        raise ParibusError(
            "The saved data set cannot be read.",
            where=str(folder),
            got=(str(error).strip().splitlines() or [type(error).__name__])[0],
            expected="a folder written by save_to_disk of the library datasets",
            fix="save it again",
        ) from error
    splits = loaded if isinstance(loaded, datasets.DatasetDict) else {"all": loaded}
    return dataset_splits(splits, str(folder), files_key("saved", folder, files), with_labels)


def dataset_splits(splits: Any, where: str, key: tuple[object, ...], with_labels: bool = True) -> RawData:
    """The images of splits that `datasets` loaded, with a key of the cache that begins like this."""
    named = _named_splits(splits, where)
    first = next(iter(named.values()))
    schema = first.features.arrow_schema
    image = image_column(schema, where)
    raw = {
        split: RawSplit(len(of), partial(_pictures, of, image), f"{split} row {{}}".format)
        for split, of in named.items()
    }
    prints = tuple((split, of._fingerprint, len(of)) for split, of in named.items())
    ignored = tuple(name for name in splits if not any(splits[name] is of for of in named.values()))
    notes = (Fact(code="splits_left_out", figures={"names": ignored}),) if ignored else ()
    data = RawData(raw, where, (*key, prints, with_labels), notes=notes)
    if not with_labels:
        return data

    def values(column: str) -> dict[str, list[Any]]:
        return {split: of.with_format("arrow")[:][column].to_pylist() for split, of in named.items()}

    return labelled_by_column(data, schema, values)


def is_cached(repository: str) -> bool:
    """Whether `datasets` holds the data set from an earlier download (found out without the second of its import)."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{cache}/huggingface"
    root = Path(os.environ.get("HF_DATASETS_CACHE") or f"{home}/datasets").expanduser()

    def plain(name: str) -> str:  # the library turns CamelCase into snake_case
        return name.replace("_", "").lower()

    wanted = plain(repository.replace("/", "___"))
    return root.is_dir() and any(plain(f.name) == wanted and any(f.glob("*/*/*")) for f in root.iterdir())


@contextlib.contextmanager
def _offline(wanted: bool) -> Iterator[None]:
    """Has `datasets` and `huggingface_hub` use their caches at once, without 24 s of retries."""
    import datasets
    import huggingface_hub.constants as constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    if wanted:
        datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


def _loaded(repository: str, offline: bool) -> Any:
    import datasets

    try:
        with _offline(offline):
            return datasets.load_dataset(repository)
    except Exception as error:  # the library raises dozens of kinds
        missing = isinstance(error, datasets.exceptions.DatasetNotFoundError)
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ParibusError(
            "There is no such folder here, and no such data set on the Hub."
            if missing
            else "The data set cannot be read from the Hub.",
            where=repository,
            got=first_line,
            expected="a public set of images with one configuration",
            fix="check the path, or the id at https://huggingface.co/datasets"
            if missing
            else "download it and give a folder of its images or Parquet files",
        ) from error


def _named_splits(splits: Any, repository: str) -> dict[str, Any]:
    """The splits of a `DatasetDict` by the names that they have here; one alone is `all`.

    Raises:
        ParibusError: There are several, and none is for training.
    """
    named: dict[str, Any] = {}
    for name in splits:
        split = SPLIT_NAMES.get(name.lower())
        if split and split not in named:
            named[split] = splits[name]
    if "train" in named:
        return named
    if len(splits) == 1:
        return {"all": next(iter(splits.values()))}
    raise ParibusError(
        "There is no training split.",
        where=repository,
        got=f"splits {', '.join(splits)}",
        expected="a split 'train'",
        fix="download it and give a folder with train/ and test/",
    )


def _pictures(split: Any, image: str) -> Iterator[Encoded]:
    """The encoded pictures of a column, a few rows at a time."""
    for rows in split.select_columns([image]).with_format("arrow").iter(_ROWS):
        for chunk in rows[image].chunks:
            yield from pictures_in(chunk)


def _unreachable_error(repository: str, asked: str) -> ParibusError:
    return ParibusError(
        f"There is no folder or file '{asked}' here, and the Hugging Face Hub cannot be reached."
        if asked == repository
        else f"The data set '{asked}' is not on this machine, and the Hugging Face Hub cannot be reached.",
        where=repository,
        got="no network, or offline mode is set (HF_HUB_OFFLINE)",
        expected="a folder or file of that name here, a folder of Parquet files under PARIBUS_DATA, or a network",
        fix=f"give the folder of that name here as ./{asked}"
        if asked != repository and Path(asked).is_dir()
        else "connect once to download it, give a folder of images, or use 'digits', which needs no network",
    )
