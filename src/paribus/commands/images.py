"""Images that a command gets from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paribus.config.overrides import with_override
from paribus.data import load_data
from paribus.data.memory import in_memory


def in_hand(data: Any, change: Mapping[str, Any], overrides: Sequence[str] = ()) -> Any:
    """Images in memory as loaded data, brought to the form that the configuration asks for; a name or settings stay.

    Args:
        data: What a command was given.
        change: Parts of the configuration tree; `data` in it says in which form the images are wanted.
        overrides: `key.path=value` texts, applied last.

    Raises:
        ParibusError: These are no images.
    """
    if not in_memory(data):
        return data
    tree = {"data": dict(change.get("data") or {})}
    for override in overrides:
        tree = with_override(tree, override)
    return load_data(data, **tree["data"])
