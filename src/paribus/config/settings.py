"""What every part of a run's configuration is made of, and the shape of the images it is about.

This module imports nothing heavy: data, backbones, objectives and metrics share it and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from paribus.base.errors import ParibusError, shown, unknown
from paribus.base.names import plain_name

PlainName = Annotated[str, AfterValidator(plain_name)]
"""A name that becomes a part of a path."""


class Settings(BaseModel):
    """A frozen, validated group of named values, its numbers finite; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """What was given of it, without the defaults of the rest: a part of a configuration's tree."""
        return self.model_dump(mode="json", exclude_unset=True)


@dataclass(frozen=True)
class ImageShape:
    """Shape of every image of a run: square, with an optional number of classes.

    Args:
        channels: 1 (grey) or 3 (RGB).
        size: Height and width in pixels.
        classes: Number of classes the networks are conditioned on; 0 without conditioning.
    """

    channels: int
    size: int
    classes: int = 0

    @property
    def pixels(self) -> int:
        """Numbers in one image: channels x height x width."""
        return self.channels * self.size * self.size


def validated(cls: type[Settings], values: Any, where: str = "") -> Any:
    """Builds settings from plain values; a mistake becomes one readable error."""
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        raise _readable(error, cls, where) from None


def _readable(error: ValidationError, cls: type[Settings], where: str) -> ParibusError:
    first = error.errors()[0]
    path = ".".join(str(part) for part in (where, *first["loc"]) if part != "" and not _is_branch(part))
    if first["type"] == "extra_forbidden":
        known = _fields_at(cls, first["loc"][:-1])
        name = str(first["loc"][-1])
        return unknown(f"Unknown setting '{path}'", name, known, where=path, fix="use one of the names above")
    return ParibusError(
        f"Setting '{path}' has a wrong value.",
        where=path,
        got=shown(first.get("input")),
        expected=first["msg"].removeprefix("Value error, "),
        fix=f"change {path} with -o {path}=... or in the YAML file",
    )


def _is_branch(part: Any) -> bool:
    # pydantic names the branch of a union ("Schedule", "float", "list[str]") as a step of the path
    return (
        isinstance(part, str)
        and (part in {"float", "int", "str"} or part.startswith("constrained-") or part[:1].isupper() or "[" in part)
        and (part not in {"G", "D", "E", "C", "Q", "T"})
    )


def _fields_at(cls: type[Settings], path: tuple[Any, ...]) -> list[str]:
    fields: Any = cls
    for part in path:
        annotation = fields.model_fields[part].annotation if part in getattr(fields, "model_fields", {}) else None
        args = getattr(annotation, "__args__", ())
        fields = next((a for a in (annotation, *args) if isinstance(a, type) and issubclass(a, Settings)), fields)
    return sorted(getattr(fields, "model_fields", {}))
