"""Which seeds several runs have: a number counts them, a list names them, wherever seeds are given."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from paribus.base.errors import ParibusError, shown

MOST_SEEDS = 1000
"""Of one model: more tell nothing that these do not, and each is a run."""
LARGEST_SEED = (1 << 63) - 1


def read_seeds(given: Any) -> int | list[int]:
    """How many seeds (3 is 0, 1 and 2), or which: a number, a list, or a text with either ("3", "3,4", "3,", "[3]").

    Raises:
        ParibusError: It is neither, counts or names none, or names one twice or below 0.
    """
    try:
        found = _from_text(given) if isinstance(given, str) else _from_value(given)
    except (TypeError, ValueError):
        raise _neither("Seeds are counted by a number or named by a list.", given) from None
    if isinstance(found, int):
        if found < 1:
            raise _neither("A number of seeds is at least 1.", given)
    elif not found or min(found) < 0:
        raise _neither("A list of seeds names at least one, and none below 0.", given)
    elif max(found) > LARGEST_SEED:
        raise _neither(f"A seed is at most {LARGEST_SEED}.", given)
    elif len(set(found)) < len(found):
        raise _neither("A seed is named twice.", given)
    if (found if isinstance(found, int) else len(found)) > MOST_SEEDS:
        raise _neither(f"These are more than {MOST_SEEDS:,} seeds.", given)
    return found


def seed_list(seeds: int | Sequence[int], besides: int | None = None) -> list[int]:
    """The seeds one by one: those of a list, or as many as counted from 0 on, `besides` left out."""
    if not isinstance(seeds, int):
        return list(seeds)
    return [seed for seed in range(seeds + 1) if seed != besides][:seeds]


def _from_text(text: str) -> int | list[int]:
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1].strip().removesuffix(",") + ","
    return [int(part) for part in bare.removesuffix(",").split(",")] if "," in bare else int(bare)


def _from_value(value: Any) -> int | list[int]:
    several = isinstance(value, Sequence) or bool(getattr(value, "shape", None))
    return [_whole(seed) for seed in value] if several else _whole(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError("a truth value is no number")
    return index(value)


def _neither(what: str, given: Any) -> ParibusError:
    return ParibusError(
        what,
        where="seeds",
        got=given if isinstance(given, str) else shown(given),
        expected="3 for three seeds (0, 1 and 2), or the seeds themselves: 3,4 as text, [3, 4] in YAML and Python",
        fix="for one seed alone, such as 3, write '3,' or [3]",
    )


Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
"""A setting that is one seed."""
Seeds = Annotated[int | list[int], BeforeValidator(read_seeds)]
"""A setting that says how many seeds (a number) or which (a list)."""
