"""Model presets: what `paribus train MODEL` stands for, in presets.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import yaml

from paribus.base.errors import ParibusError, shown, unknown
from paribus.config import ImageShape, validated
from paribus.config.overrides import merged, with_override
from paribus.recipes.tree import RunConfig

_ABOUT = ("summary", "source", "differs")
_SINGLE = ("model", "seed")
_NOT_CONFIGURATION = (*_ABOUT, "shape")


@cache
def _recipes() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((resources.files(__package__) / "presets.yaml").read_bytes())


def model_names() -> list[str]:
    """All presets, in the order of presets.yaml."""
    return list(_recipes())


def about(model: str) -> dict[str, str]:
    """A preset's summary, source, and where it differs from that source."""
    return {key: _recipe(model)[key] for key in _ABOUT}


def own_shape(model: str) -> ImageShape:
    """The image shape that a preset's source is about: 1x28x28 with 10 classes where the recipe does not say."""
    return ImageShape(**({"channels": 1, "size": 28, "classes": 10} | _recipe(model).get("shape", {})))


def resolve(model: str, *changes: dict[str, Any], overrides: Sequence[str] = ()) -> RunConfig:
    """The whole configuration of a model.

    Args:
        model: Name of a preset.
        *changes: Parts of the tree that replace the preset's values, later ones first in rank.
        overrides: `key.path=value` texts, applied last. Naming another objective or backbone starts from its own
            defaults: the preset's values belong to the old one.

    Raises:
        ParibusError: Something in it is unknown or out of range.
    """
    tree = {key: value for key, value in _recipe(model).items() if key not in _NOT_CONFIGURATION} | {"model": model}
    for change in changes:
        tree = merged(_without_replaced(tree, change), change)
    for override in overrides:
        change = with_override({}, override)
        tree = with_override(_without_replaced(tree, change), override)
    return validated(RunConfig, tree)


def check_groups(change: dict[str, Any]) -> None:
    """Refuses one value in the place of a group of settings, before its parts are merged with others.

    Raises:
        ParibusError: There is one.
    """
    for part, value in change.items():
        field = RunConfig.model_fields.get(part)
        if field is not None and part not in _SINGLE and not isinstance(value, dict):
            raise ParibusError(
                f"'{part}' is a group of settings.",
                where=part,
                got=shown(value),
                expected=f"named settings, such as {part}.NAME=VALUE, or {{NAME: VALUE}} in YAML",
                fix=f"'paribus show MODEL' names the settings of {part}",
            )


def _recipe(model: str) -> dict[str, Any]:
    if not isinstance(model, str) or model not in _recipes():
        fix = "'paribus list models' explains each"
        raise unknown(f"Unknown model {shown(model)}", model, _recipes(), where="MODEL", fix=fix)
    return _recipes()[model]


def _without_replaced(tree: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    check_groups(change)
    for part in ("objective", "backbone"):
        group = change.get(part)
        if isinstance(group, dict) and group.get("name", tree[part]["name"]) != tree[part]["name"]:
            tree = tree | {part: {"name": group["name"]}}
            if part == "objective":
                training = {
                    k: v for k, v in tree.get("training", {}).items() if k not in ("optimizer", "gradient_clip")
                }
                tree = tree | {"training": training}
    return tree
