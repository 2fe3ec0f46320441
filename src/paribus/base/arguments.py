"""Arguments of the functions that programs call, checked by what their signatures say: a mistake is told in words."""

from __future__ import annotations

import functools
import inspect
import operator
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from paribus.base.errors import ParibusError, shown

P = ParamSpec("P")
R = TypeVar("R")


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which refuses arguments of other types than its annotations name.

    Annotations may be classes, unions, Literal, Callable, and sequences and mappings, of which the values are not
    looked at. Texts stand for sequences, as on the command line ("0,1"); whole numbers may be NumPy's.

    Raises:
        ParibusError: From the call, of an argument of another type.
    """
    signature = inspect.signature(function)

    @functools.cache
    def hints() -> dict[str, Any]:
        return typing.get_type_hints(function)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            parameter = signature.parameters[name]
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) or fits(value, hints()[name]):
                continue
            raise ParibusError(
                "An argument has a wrong type.",
                where=f"{name} of {function.__name__}",
                got=f"{shown(value)} ({type(value).__name__})",
                expected=parameter.annotation,
            )
        return function(*args, **kwargs)

    return call


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type; see `checked`."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is typing.Literal:
        return isinstance(value, str | int) and value in parts
    kind = origin or hint
    if kind is int:
        return not isinstance(value, bool) and _is_whole(value)
    if kind is float:
        return isinstance(value, float) or fits(value, int)
    if kind is Callable:
        return callable(value)
    if kind is Sequence:
        return isinstance(value, Sequence) and not isinstance(value, bytes | bytearray)
    if kind is Mapping:
        return isinstance(value, Mapping)
    return isinstance(value, kind)


def count_of(value: object, what: str, where: str, least: int = 1) -> int:
    """A number of things as Python's: an array's own wraps around where it is negated.

    Args:
        value: As it was given: a whole number of Python's or of an array's.
        what: What it should be a number of, such as "images".
        where: The argument or option.
        least: The smallest that is allowed.

    Raises:
        ParibusError: It is something else.
    """
    if not (fits(value, int) and operator.index(value) >= least):  # type: ignore[arg-type]
        raise ParibusError(
            f"This is no number of {what}.",
            where=where,
            got=shown(value),
            expected=f"a whole number from {least} on",
            fix="give one",
        )
    return operator.index(value)  # type: ignore[arg-type]


def _is_whole(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return True
