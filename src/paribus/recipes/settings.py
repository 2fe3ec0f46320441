"""Every setting of a preset, an objective or a backbone: its value, default and meaning, and what it may be."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic_core import PydanticUndefined

from paribus.base.errors import unknown
from paribus.base.registry import backbones, objectives
from paribus.config import Budget, Optimizer, Schedule, Settings
from paribus.recipes.presets import about, model_names, resolve
from paribus.recipes.tree import RunConfig

KINDS = ("model", "objective", "backbone")
"""What can be described, in the order in which a name is looked for."""
_PLAIN = {int: "integer", float: "number", bool: "true or false", str: "text", type(None): "null"}
_BOUNDS = (("ge", ">= {}"), ("gt", "> {}"), ("le", "<= {}"), ("lt", "< {}"))


@dataclass(frozen=True)
class Setting:
    """One value of a configuration.

    Attributes:
        path: As `-o PATH=VALUE` takes it.
        value: What it is here, as plain values.
        default: What it is where nothing is said; of an optimiser's numbers, what the objective says.
        allowed: The values that it may have: "integer >= 1", "adam | sgd | rmsprop".
        meaning: Its field's docstring; empty where it has none.
    """

    path: str
    value: Any
    default: Any
    allowed: str
    meaning: str

    @property
    def differs(self) -> bool:
        """Whether the value is another than the default."""
        return self.value != self.default


@dataclass(frozen=True)
class Described:
    """What a name stands for.

    Attributes:
        name: The name.
        kind: One of `KINDS`.
        summary: The first line of what is said of it.
        about: Source, and differences from it, of a model; the whole docstring of another.
        settings: Every one of its settings, in the configuration's order.
        others: The other kinds that have this name, too.
    """

    name: str
    kind: str
    summary: str
    about: dict[str, str]
    settings: tuple[Setting, ...]
    others: tuple[str, ...] = ()


def described(name: str, kind: str | None = None) -> Described:
    """Describes a preset, an objective or a backbone.

    Args:
        name: Its name.
        kind: One of `KINDS`; by default the first that has the name.

    Raises:
        ParibusError: Nothing has this name.
    """
    if kind is not None and kind not in KINDS:
        raise unknown(f"There is no kind '{kind}'", kind, KINDS, where="--kind")
    names: dict[str, list[str]] = {
        "model": model_names(), "objective": objectives.names(), "backbone": backbones.names(),
    }  # fmt: skip
    having = [each for each in KINDS if name in names[each]]
    if not having or (kind is not None and kind not in having):
        known = sorted({each for of in ([kind] if kind else KINDS) for each in names[of]})
        raise unknown(f"There is no {kind or 'model, objective or backbone'} '{name}'", name, known, where="NAME")
    chosen = kind or having[0]
    others = tuple(each for each in having if each != chosen)
    if chosen == "model":
        words = about(name)
        return Described(name, chosen, words.pop("summary"), words, tuple(_of_preset(name)), others)
    registered: type[Settings] = (objectives if chosen == "objective" else backbones)[name]
    doc = inspect.cleandoc(registered.__doc__ or "")
    own = tuple(_of_class(registered, registered(), f"{chosen}."))
    if chosen == "objective":
        own += tuple(_of_optimizers(registered.optimizers, registered.optimizers))  # type: ignore[attr-defined]
    return Described(name, chosen, doc.split("\n")[0], {"about": doc}, own, others)


def _of_preset(name: str) -> Iterator[Setting]:
    config = resolve(name)
    for key, field in RunConfig.model_fields.items():
        value = getattr(config, key)
        if not isinstance(value, Settings):
            if key != "model":
                yield _setting(RunConfig, key, value, _default(field), "")
            continue
        if key in ("objective", "backbone"):
            known = " | ".join((objectives if key == "objective" else backbones).names())
            name = value.name  # type: ignore[attr-defined]
            yield Setting(f"{key}.name", name, name, known, "Another one starts from its own defaults.")
        yield from _of_class(type(value), value, f"{key}.")
        if key == "training":
            yield from _of_optimizers(config.training.optimizer, config.objective.optimizers)


def _of_class(cls: type[Settings], values: Settings, prefix: str) -> Iterator[Setting]:
    for key, field in cls.model_fields.items():
        if (cls.__name__, key) == ("TrainingSettings", "optimizer"):
            continue  # by role, with what the objective says
        value = getattr(values, key)
        if isinstance(value, Settings) and not isinstance(value, Schedule):
            yield from _of_class(type(value), value, f"{prefix}{key}.")
        else:
            yield _setting(cls, key, value, _default(field), prefix)


def _of_optimizers(values: dict[str, Optimizer], defaults: dict[str, Optimizer]) -> Iterator[Setting]:
    for role, optimizer in values.items():
        for key in Optimizer.model_fields:
            default = getattr(defaults.get(role, Optimizer()), key)
            yield _setting(Optimizer, key, getattr(optimizer, key), default, f"training.optimizer.{role}.")


def _setting(cls: type[Settings], key: str, value: Any, default: Any, prefix: str) -> Setting:
    field = cls.model_fields[key]
    allowed = allowed_words(field.annotation, tuple(field.metadata))
    return Setting(f"{prefix}{key}", _plain(value), _plain(default), allowed, meanings(cls).get(key, ""))


def _default(field: Any) -> Any:
    value = field.get_default(call_default_factory=True)
    return None if value is PydanticUndefined else value


def _plain(value: Any) -> Any:
    if isinstance(value, Settings):
        return value.model_dump(mode="json")
    if isinstance(value, Budget):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def allowed_words(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """The values that a field's type and bounds allow."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return allowed_words(arguments[0], (*arguments[1:], *metadata))
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(allowed_words(part, metadata) for part in arguments))
    if origin in (list, tuple):
        return f"list of {allowed_words(arguments[0])}"
    if origin is dict:
        return f"{{NAME: {allowed_words(arguments[1])}}}"
    if annotation is Schedule:
        return "{start, end, images}"
    if annotation is Budget:
        return "60s, 200kimg, 5000img, 20epochs, 5000updates or 3e15flop"
    bounds = _bounds(metadata) if annotation in (int, float) else ""
    return f"{_PLAIN.get(annotation, getattr(annotation, '__name__', str(annotation)))} {bounds}".strip()


def _bounds(metadata: tuple[Any, ...]) -> str:
    found = []
    for name, form in _BOUNDS:
        for entry in metadata:
            parts = list(entry) if isinstance(entry, annotated_types.GroupedMetadata) else [entry]
            found += [
                form.format(f"{getattr(part, name):g}") for part in parts if getattr(part, name, None) is not None
            ]
    return " and ".join(found)


@cache
def meanings(cls: type[Settings]) -> dict[str, str]:
    """The docstrings of a class's fields, its bases' among them, by name."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, Settings) and base is not Settings:
            found |= _own_meanings(base)
    return found


def _own_meanings(cls: type[Settings]) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):  # made where there is no file
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            if isinstance(text.value, ast.Constant) and isinstance(text.value.value, str):
                found[field.target.id] = " ".join(text.value.value.split())
    return found
