"""The digest that a file carries of itself: written with it, checked where it is read.

A sealed file holds, at a fixed place near its beginning, the sha256 of itself with zeros in that place. So the digest
travels with a copied file, one rename replaces both, and the file stays what it is: JSON, YAML or safetensors. A file
without a seal, by hand or of an older Paribus, is taken as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from paribus.base.errors import Damaged
from paribus.base.parsing import from_json, from_yaml

KEY = "sha256"
ZEROS = "0" * 64
# by its place and not by its name, which may be what was damaged
_SEAL = re.compile(
    rb'\A(?:.{8}\{"__metadata__":\{"[^"]{6}":"'  # safetensors
    rb'|\{\n "[^"]{6}": "'  # a mapping in JSON
    rb'|\[\n \{\n  "[^"]{6}": "'  # a list of mappings in JSON: in its first entry
    rb"|[^\n]{6}: "  # YAML, and whatever begins with such a line
    rb')(.{64})["\n]',
    re.DOTALL,
)


def sealed(content: bytes) -> bytes:
    """The content with its digest in the place of the zeros."""
    found = _SEAL.match(content)
    assert found is not None and found[1] == ZEROS.encode()
    start, end = found.span(1)
    return b"".join((content[:start], _digest(content, start, end), memoryview(content)[end:]))


def is_sealed(content: bytes) -> bool:
    """Whether a file's content has a place for a digest."""
    return _SEAL.match(content) is not None


def check(content: bytes, path: Path, fix: str, *, required: bool = False) -> bytes:
    """The content, if it is what was sealed.

    Args:
        content: Of the file.
        path: The file.
        fix: What to do where it is damaged.
        required: Whether a content without a seal counts as damaged.

    Raises:
        Damaged: It has another digest than it says.
    """
    found = _SEAL.match(content)
    if found is None and required:
        raise Damaged(path, "no digest at its beginning", fix)
    if found is not None and found[1] != _digest(content, *found.span(1)):
        raise Damaged(path, "a content with another sha256 than the one written in it", fix)
    return content


def _digest(content: bytes, start: int, end: int) -> bytes:
    view, digest = memoryview(content), hashlib.sha256()
    for part in (view[:start], ZEROS.encode(), view[end:]):
        digest.update(part)
    return digest.hexdigest().encode()


def json_content(value: Any) -> bytes:
    """JSON; a mapping, or a list that begins with one, is sealed."""
    if isinstance(value, Mapping) and value:
        return sealed(_json({KEY: ZEROS, **value}))
    if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping) and value[0]:
        return sealed(_json([{KEY: ZEROS, **value[0]}, *value[1:]]))
    return _json(value)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, allow_nan=True) + "\n").encode()


def json_value(content: bytes, path: Path, fix: str) -> Any:
    """What `json_content` was given, or what other JSON says.

    Raises:
        Damaged: It is neither.
    """
    try:
        return _without_key(from_json(check(content, path, fix)))
    except ValueError as error:
        raise Damaged(path, f"no valid JSON: {error}", fix) from None


class _Dumper(yaml.SafeDumper):
    """Writes what can be read again: parts of names that are no UTF-8 as escapes."""


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_str(text.encode(errors="backslashreplace").decode()))


def yaml_content(value: Mapping[str, Any]) -> bytes:
    """A mapping as YAML, sealed."""
    text = yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return sealed(f"{KEY}: {ZEROS}\n{text}".encode())


def yaml_value(content: bytes, path: Path, fix: str) -> Any:
    """What `yaml_content` was given, or what other YAML says.

    Raises:
        Damaged: It is neither.
    """
    try:
        return _without_key(from_yaml(check(content, path, fix)))
    except ValueError as error:
        raise Damaged(path, f"no valid YAML: {error}", fix) from None


def _without_key(value: Any) -> Any:
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, dict):
        first.pop(KEY, None)
    return value


def tensors_content(safetensors: bytes, metadata: Mapping[str, str] | None = None) -> bytes:
    """Tensors as safetensors has serialised them, sealed in the header's metadata.

    Args:
        safetensors: A file's content, without metadata.
        metadata: Texts to put beside the digest.
    """
    end = 8 + int.from_bytes(safetensors[:8], "little")
    header = {"__metadata__": {KEY: ZEROS, **(metadata or {})}, **json.loads(safetensors[8:end])}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return sealed(b"".join((len(text).to_bytes(8, "little"), text, memoryview(safetensors)[end:])))
