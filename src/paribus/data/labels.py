"""Labels as sources hold them (names, numbers, gaps) to indices 0 to K-1 and K names."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from paribus.base.errors import ParibusError
from paribus.base.names import is_utf8, printable
from paribus.data.raw import RawData
from paribus.results.score import Fact


def labelled(
    raw: RawData, values: Mapping[str, Sequence[object] | None], names: Sequence[str] | None = None
) -> RawData:
    """The set with its labels as indices, and the name of each index.

    Args:
        raw: The set without labels.
        values: Per split one label an image (an integer, a string, or None or -1 where it is missing), or None.
        names: Class names that integer labels index, where the source gives them.

    Returns:
        Indices into `names`, else into the distinct labels, numbers by value before texts. A split for testing or
        validation none of whose images has a label is left out. A set is unlabelled as a whole when one of its further
        images has no label, or when it has fewer than two classes. Notes say so.

    Raises:
        ParibusError: A label is neither an integer nor a string, or has no name among `names`, or two classes have one.
    """
    if all(split is None for split in values.values()):
        return raw
    unlabelled = [
        name for name, split in values.items() if split is None or (len(split) and all(map(_is_missing, split)))
    ]
    if "all" in unlabelled or "train" in unlabelled:
        return _left_out(raw, "labels_missing_in_training")
    values = {name: split for name, split in values.items() if name not in unlabelled}
    if gaps := sum(_is_missing(value) for split in values.values() if split is not None for value in split):
        return _left_out(raw, "labels_missing", n=gaps)
    for name in unlabelled:
        figures = {"split": name, "n": raw.splits[name].count}
        raw = replace(raw, notes=(*raw.notes, Fact(code="unlabelled_split", figures=figures)))
    splits = {name: _integers_or_strings(split, raw.where) for name, split in values.items() if split is not None}
    index: dict[int | str, int]
    if not names:
        distinct = sorted({value for split in splits.values() for value in split}, key=_order)
        index = {value: position for position, value in enumerate(distinct)}
        names = tuple(str(value) for value in distinct)
    else:
        index = {key: position for position, name in enumerate(names) for key in (position, name)}
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise ParibusError(
            "Two classes have one name.",
            where=raw.where,
            got=twice[0],
            expected="a name of its own for each class",
            fix="rename one of them, or merge the two",
        )
    if unwritten := [name for name in names if not is_utf8(name)]:
        raise ParibusError(
            "The name of a class is no text in UTF-8, which records are written in.",
            where=raw.where,
            got=printable(unwritten[0]),
            expected="a name in UTF-8",
            fix="rename the class, or its folder",
        )
    unknown = sorted({str(value) for split in splits.values() for value in split if value not in index})
    if unknown:
        raise ParibusError(
            "Some labels have no class name.",
            where=raw.where,
            got=", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else ""),
            expected=f"integers from 0 to {len(names) - 1}",
            fix="give as many class names as there are classes",
        )
    if len(names) < 2:
        return _left_out(raw, "one_class")
    indexed = {
        name: replace(raw.splits[name], labels=np.array([index[value] for value in split], np.int64))
        for name, split in splits.items()
    }
    return replace(raw, splits=indexed, class_names=tuple(names))


def _left_out(raw: RawData, reason: str, **figures: int) -> RawData:
    return replace(raw, notes=(*raw.notes, Fact(code=reason, figures=dict(figures))))


def _order(value: int | str) -> tuple[bool, int, str]:
    """Numbers by value, also as texts (2 before 10), then other texts."""
    is_number = isinstance(value, int) or (value.isascii() and value.isdecimal())
    return not is_number, int(value) if is_number else 0, str(value)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, (int, np.integer)) and value == -1)


def _integers_or_strings(split: Sequence[object], where: str) -> list[int | str]:
    plain: list[int | str] = []
    for value in split:
        if isinstance(value, (bool, np.bool_, int, np.integer)):
            plain.append(int(value))
        elif isinstance(value, str):
            plain.append(unicodedata.normalize("NFC", value))  # as one, however a file system or a table spells it
        else:
            raise ParibusError(
                "A label has a wrong type.",
                where=where,
                got=f"{value!r} ({type(value).__name__})",
                expected="one integer or one string an image",
                fix="store class indices or class names",
            )
    return plain
