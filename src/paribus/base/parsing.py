"""YAML and JSON that anybody may have written, parsed in one place: whatever is wrong with it is a ValueError in words.

PyYAML's constructors raise errors of many kinds for what they do not expect (`!!bool x` a KeyError, `!!timestamp x` an
AttributeError), and a few lines of aliases stand for more values than any memory holds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

MOST_VALUES = 1_000_000
"""Values of a document, one that is named by an alias counted as often as it is."""
DEEPEST = 50
"""Levels of a document: far fewer than Python's own limit, which whoever walks the values would meet."""
LONGEST = 1 << 20
"""Bytes of a file that is written by hand."""
LARGEST = 1 << 512
"""Whole numbers stay below this, on both sides of 0: no float holds much longer ones, nor does Python print them."""

# by the parser in C where there is one: a study may have hundreds of files
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, yaml.YAMLError)


def from_yaml(content: bytes | str) -> Any:
    """The values of a YAML document.

    Raises:
        ValueError: It is none, or has too many values, too many levels, or a whole number of more than 512 bits.
    """
    try:
        value = yaml.load(content, Loader=LOADER)
    except _UNREADABLE as error:
        raise ValueError(_reason(error)) from None
    _check(value)
    return value


def from_json(content: bytes | str) -> Any:
    """The values of a JSON document.

    Raises:
        ValueError: As of `from_yaml`.
    """
    try:
        value = json.loads(content.decode() if isinstance(content, bytes) else content)
    except _UNREADABLE as error:
        raise ValueError(_reason(error)) from None
    _check(value)
    return value


def text_of(path: Path) -> str:
    """The content of a file that somebody wrote by hand.

    Raises:
        ValueError: It cannot be read, is not UTF-8, or is too long for that.
    """
    try:
        with path.open("rb") as file:  # not of its size: /dev/stdin has none, and /dev/zero no end
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise ValueError(f"more than {LONGEST:,} bytes")
        return content.decode()
    except (OSError, ValueError) as error:
        raise ValueError(_reason(error)) from None


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = " ".join(str(error).split())
    return words if isinstance(error, (ValueError, yaml.YAMLError)) and words else f"{type(error).__name__}: {words}"


def _check(document: Any) -> None:
    count, level, values = 0, 0, [document]
    while values:
        count, level = count + len(values), level + 1
        if count > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} values")
        if level > DEEPEST:
            raise ValueError(f"more than {DEEPEST} levels")
        below: list[Any] = []
        for value in values:
            if isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, (list, tuple, set)):
                below += value
            elif isinstance(value, int) and not -LARGEST <= value < LARGEST:
                raise ValueError("a whole number of more than 512 bits")
            if count + len(below) > MOST_VALUES:
                raise ValueError(f"more than {MOST_VALUES:,} values")
        values = below
