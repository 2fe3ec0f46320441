"""A folder of Parquet files in the layout of the Hugging Face Hub, with or without the Hub's metadata."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paribus.base.errors import ParibusError
from paribus.base.parsing import from_json
from paribus.data.folders import SPLIT_NAMES
from paribus.data.labels import labelled
from paribus.data.raw import Encoded, RawData, RawSplit, files_key
from paribus.results.score import Fact

if TYPE_CHECKING:
    import pyarrow.parquet as pq

IMAGE_COLUMNS = ("image", "img", "picture", "images", "photo", "jpg", "png", "pixel_values", "image_bytes", "bytes")
LABEL_COLUMNS = ("label", "labels", "fine_label", "class", "category", "target", "cls")
_SPLIT_PREFIX = re.compile(r"^([A-Za-z]+)(?=$|[-_.\d])")
_ROWS = 256


def parquet_folder(place: Path, files: list[Path], *, with_labels: bool = True) -> RawData:
    """The images of Parquet files.

    Args:
        place: The folder (or the one file) the user gave.
        files: Its Parquet files, sorted.
        with_labels: False leaves a label column alone.

    Raises:
        ParibusError: The files cannot be read, hold no images, or leave open what is what.
    """
    by_split, notes = _files_by_split(place, files)
    tables = {split: _Table(of) for split, of in by_split.items()}
    schema = tables[next(iter(tables))].schema
    image = image_column(schema, str(place))
    splits = {
        split: RawSplit(len(table), partial(table.pictures, image), partial(table.where, place))
        for split, table in tables.items()
    }
    raw = RawData(splits, str(place), (*files_key("parquet", place, files), with_labels), notes=notes)
    if not with_labels:
        return raw
    return labelled_by_column(raw, schema, lambda name: {split: table.column(name) for split, table in tables.items()})


def _files_by_split(place: Path, files: list[Path]) -> tuple[dict[str, list[Path]], tuple[Fact, ...]]:
    named: dict[str, list[Path]] = {}
    others: list[Path] = []
    for file in files:
        split = split_of(file.stem) or split_of(file.parent.name if file.parent != place else "")
        (named.setdefault(split, []) if split else others).append(file)
    if not named:
        return {"all": files}, ()
    if "train" not in named:
        if len(named) == 1 and not others:
            return {"all": files}, ()
        raise ParibusError(
            "There is no training split.",
            where=str(place),
            got=", ".join(file.name for file in files[:5]),
            expected="train-*.parquet, with or without test-*.parquet and validation-*.parquet",
            fix="rename the files",
        )
    folders = {file.parent if split_of(file.parent.name) is None else file.parent.parent for file in files}
    if len(folders) > 1:
        raise ParibusError(
            "There are several sets of Parquet files in the folder.",
            where=str(place),
            got=", ".join(sorted(str(folder.relative_to(place)) for folder in folders)[:5]),
            expected="one set of train-*.parquet, test-*.parquet and validation-*.parquet",
            fix="give one of these sub-folders",
        )
    names = tuple(file.name for file in others)
    return named, (Fact(code="splits_left_out", figures={"names": names}),) if others else ()


def split_of(name: str) -> str | None:
    """The split that a file's or folder's name begins with: train, validation, test, or None."""
    match = _SPLIT_PREFIX.match(name)
    return SPLIT_NAMES.get(match[1].lower()) if match else None


@contextmanager
def _opened(file: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file; what is wrong with it is found when it is opened, or where a column of it is read.

    Raises:
        ParibusError: It is damaged, or no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file, memory_map=True) as parquet:
            yield parquet
    # a column that one of several files lacks is a KeyError, and text that is no UTF-8 a ValueError
    except (pa.ArrowException, OSError, KeyError, ValueError, OverflowError) as error:
        raise ParibusError(
            "A Parquet file cannot be read.",
            where=str(file),
            got=str(error).strip().partition("\n")[0] or type(error).__name__,
            fix="copy or download it again",
        ) from None


class _Table:
    """The Parquet files of one split, read in ascending order without holding more than a few rows."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
        self.starts = [0]
        for file in files:
            with _opened(file) as parquet:
                self.starts.append(self.starts[-1] + parquet.metadata.num_rows)
                if len(self.starts) == 2:
                    self.schema = parquet.schema_arrow

    def __len__(self) -> int:
        return self.starts[-1]

    def column(self, name: str) -> list[Any]:
        values: list[Any] = []
        for file in self.files:
            with _opened(file) as parquet:
                values += parquet.read([name])[name].to_pylist()
        return values

    def pictures(self, image: str) -> Iterator[Encoded]:
        for file in self.files:
            with _opened(file) as parquet:
                for batch in parquet.iter_batches(_ROWS, columns=[image]):
                    yield from pictures_in(batch.column(0))

    def where(self, place: Path, index: int) -> str:
        k = bisect_right(self.starts, index) - 1
        name = self.files[k].relative_to(place) if self.files[k] != place else place.name
        return f"{name} row {index - self.starts[k]}"


def pictures_in(column: Any) -> list[Encoded]:
    """The encoded pictures of an Arrow column of {bytes, path} structs or of raw bytes."""
    import pyarrow as pa

    if not pa.types.is_struct(column.type):
        return column.to_pylist()
    content = column.field("bytes").to_pylist()
    if column.null_count:
        content = [c if v else None for c, v in zip(content, column.is_valid().to_pylist(), strict=True)]
    if column.type.get_field_index("path") < 0 or all(c is not None for c in content):
        return content
    paths = column.field("path").to_pylist()
    return [c if c is not None or not p else Path(p) for c, p in zip(content, paths, strict=True)]


def image_column(schema: Any, where: str) -> str:
    """The column that holds pictures: by the Hub's metadata, else by its name and type, else the only one by type.

    Raises:
        ParibusError: None, or no single one, can be told.
    """
    marked = [name for name, feature in _features(schema).items() if feature.get("_type") == "Image"]
    candidates = [name for name in marked if name in schema.names] or [f.name for f in schema if _may_hold(f.type)]
    for name in (*IMAGE_COLUMNS, *candidates):
        if name in candidates and (name in IMAGE_COLUMNS or len(candidates) == 1):
            return name
    raise ParibusError(
        "No column of images can be told." if not candidates else "Several columns may hold the images.",
        where=where,
        got=f"columns {', '.join(f'{f.name} ({f.type})' for f in schema)}",
        expected="a column 'image' of encoded files: bytes, or {bytes, path} structs",
        fix="rename the column to 'image'",
    )


def _may_hold(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def labelled_by_column(raw: RawData, schema: Any, read: Callable[[str], Mapping[str, Iterable[Any]]]) -> RawData:
    """The set with the labels of its column of class labels, where there is one.

    Integers, texts, truth values, categories, whole numbers stored as floats, and lists of one of these are labels; of
    a column that holds anything else a note tells.

    Args:
        raw: The set without labels.
        schema: The Arrow schema.
        read: `read(column)` gives a column's values by split.

    Raises:
        ParibusError: A label has no name among those of the Hub's metadata.
    """
    import pyarrow as pa

    column = _label_column(schema)
    if column is None:
        return raw
    kind = schema.field(column).type
    try:
        values = {split: [_plain_label(value) for value in of] for split, of in read(column).items()}
    except TypeError:
        note = Fact(code="label_column_left_out", figures={"column": column, "kind": str(kind)})
        return replace(raw, notes=(*raw.notes, note))
    names = _features(schema).get(column, {}).get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        names = ["False", "True"] if pa.types.is_boolean(kind) else None
    return labelled(raw, values, names)


def _label_column(schema: Any) -> str | None:
    """The column of class labels: by name, else the only one that the Hub's metadata marks as a class label."""
    for name in LABEL_COLUMNS:
        if name in schema.names:
            return name
    marked = [
        name
        for name, feature in _features(schema).items()
        if feature.get("_type") == "ClassLabel" and name in schema.names
    ]
    return marked[0] if len(marked) == 1 else None


def _plain_label(value: Any) -> int | str | None:
    """One label, None where it is missing.

    Raises:
        TypeError: It is none.
    """
    if isinstance(value, list) and len(value) == 1:
        return _plain_label(value[0])
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if value.is_integer():
            return int(value)
    elif value is None or isinstance(value, (int, str)):
        return value
    raise TypeError(value)


def _features(schema: Any) -> dict[str, dict[str, Any]]:
    try:
        features = from_json((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    known = features if isinstance(features, dict) else {}
    return {name: feature for name, feature in known.items() if isinstance(feature, dict)}
