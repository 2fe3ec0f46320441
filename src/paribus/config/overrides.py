"""Changes to a configuration tree: one `key.path=value` at a time, or one tree laid over another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from paribus.base.errors import ParibusError, check_kind, shown
from paribus.base.parsing import from_yaml

SCHEDULE = {"start", "end", "images"}
"""The fields of a schedule."""


def checked_overrides(overrides: Sequence[str]) -> Sequence[str]:
    """The overrides, if they are texts; one alone is meant as a list of it.

    Raises:
        ParibusError: They are something else.
    """
    if isinstance(overrides, str):
        return [overrides]
    check_kind(overrides, (list, tuple), "overrides", "a list of texts such as 'objective.latent_dim=16'")
    for override in overrides:
        check_kind(override, str, "overrides", "a text such as 'objective.latent_dim=16'")
    return overrides


def with_override(tree: dict[str, Any], assignment: str) -> dict[str, Any]:
    """Applies one `key.path=value` (the value is read as YAML) to a copy of a configuration tree."""
    path, sign, text = assignment.partition("=")
    if not sign or not all(path.strip().split(".")):
        raise ParibusError(
            "An override must have the form key.path=value.",
            where="-o",
            got=shown(assignment),
            expected="for example -o objective.latent_dim=16",
        )
    try:
        value = from_yaml(text)
    except ValueError as error:
        raise ParibusError(
            "An override's value is not valid YAML.",
            where=f"-o {path}",
            got=f"{shown(text)}: {error}",
            expected="a number, a name, or values in brackets, such as [a, b] or {start: 1, end: 0, images: 1e5}",
        ) from None
    return with_value(tree, path.strip(), value)


def with_value(tree: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Sets one value, as YAML read it, at a path such as `objective.latent_dim` in a copy of a configuration tree."""
    if isinstance(value, str):  # YAML reads 2e-4 as text
        with contextlib.suppress(ValueError):
            value = float(value)
    return _assign(tree, path.split("."), value, path)


def _assign(tree: dict[str, Any], keys: list[str], value: Any, path: str) -> dict[str, Any]:
    head, *rest = keys
    if not rest:
        return tree | {head: value}
    branch = tree.get(head) or {}
    if not isinstance(branch, dict):
        raise ParibusError(f"'{head}' holds a single value, not a group of settings.", where=path, got=path)
    return tree | {head: _assign(branch, rest, value, path)}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Overlays `changes` on `base`, group by group."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value of a tree with its path; a schedule is one, since a constant may stand in its place."""
    for key, value in tree.items():
        if isinstance(value, dict) and set(value) != SCHEDULE:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
