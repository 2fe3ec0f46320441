"""The forms of the records in a run's and a study's folder: of which type each value is, where it is there.

Records of older versions lack values, and later ones have more; so what is not said here is kept as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, with_config
from typing_extensions import TypedDict

from paribus.base.errors import Damaged
from paribus.config import Settings
from paribus.results.score import Fact


class Machine(Settings, extra="ignore"):
    """What a run was trained on, as far as it is known: hardware, and the versions of the programs."""

    cpu: str | None = None
    gpu: str | None = None
    cores: int | None = None
    threads: int | None = None
    native_bf16: bool | None = None
    system: str | None = None
    python: str | None = None
    torch: str | None = None
    paribus: str | None = None


class DataRecord(Settings, extra="ignore"):
    """What is recorded of a data set; of several, their names and each of them in `sets`."""

    name: str = ""
    fingerprint: str | None = None
    counts: dict[str, int | None] = Field(default_factory=dict)
    channels: int | None = None
    size: int | None = None
    class_names: tuple[str, ...] | None = None
    notes: tuple[Fact, ...] = ()
    skipped: tuple[tuple[str, ...], ...] = ()
    sets: tuple[DataRecord, ...] = ()

    @field_validator("notes", mode="before")
    @classmethod
    def _facts(cls, notes: Any) -> Any:
        """Records of older versions hold sentences."""
        return [{"code": note} if isinstance(note, str) else note for note in notes or ()]

    @property
    def findings(self) -> tuple[tuple[str, Fact], ...]:
        """What was found in the images, with the name of the set."""
        own = tuple((self.name, note) for note in self.notes)
        return own + tuple(found for entry in self.sets for found in entry.findings)


def _readable_as(kind: type[Settings]) -> AfterValidator:
    """Checks a mapping by a class, and leaves it as it is."""

    def check(value: dict[str, Any]) -> dict[str, Any]:
        kind.model_validate(value)
        return value

    return AfterValidator(check)


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Moment = Annotated[str, AfterValidator(_moment)]
"""A time, as ISO 8601 writes it."""
Command = str | list[str]
_Group = dict[str, Any] | None
_Finite = Annotated[float, Field(allow_inf_nan=False)]


@with_config(ConfigDict(extra="allow"))
class _Objective(TypedDict, total=False):
    latent_dim: int | None
    conditional: bool
    name: str


@with_config(ConfigDict(extra="allow"))
class _Configuration(TypedDict, total=False):
    model: str
    seed: int
    data: _Group
    backbone: _Group
    objective: _Objective | None
    training: _Group
    sampler: _Group
    evaluation: _Group


@with_config(ConfigDict(extra="allow"))
class RunRecord(TypedDict, total=False):
    """run.yaml."""

    model: str
    seed: int | None
    command: Command
    config: _Configuration | None
    numerics: int
    identity: str
    data: Annotated[dict[str, Any], _readable_as(DataRecord)] | None
    parameters: dict[str, int] | None
    threads: int | None
    machine: Annotated[dict[str, Any], _readable_as(Machine)] | None
    started: Moment


@with_config(ConfigDict(extra="allow"))
class Ending(TypedDict, total=False):
    """done.json."""

    status: Literal["done", "failed"]
    reason: str | None
    failure: str
    images: int
    seconds: _Finite
    steps: int
    updates: dict[str, int]
    flops_per_image: _Finite | None
    spent: dict[str, _Finite]
    peak_memory_bytes: int | None
    sampler_seconds: _Finite | None
    model_sha256: str
    finished: Moment


@with_config(ConfigDict(extra="allow"))
class StudyRecord(TypedDict, total=False):
    """study.yaml."""

    name: str
    created: str | None
    command: Command | None
    models: list[str]
    seeds: list[int]
    budget: str
    budget_unit: str
    data: Annotated[dict[str, Any], _readable_as(DataRecord)] | None
    threads: int | None
    machine: Annotated[dict[str, Any], _readable_as(Machine)] | None
    plan: dict[str, Any]


_Check = Callable[[Any], Any]
RUN: _Check = TypeAdapter(RunRecord).validate_python
ENDING: _Check = TypeAdapter(Ending).validate_python
STUDY: _Check = TypeAdapter(StudyRecord).validate_python


def checked(form: _Check, content: Any, path: Path, fix: str) -> dict[str, Any]:
    """A record, every known value of which has its type.

    Args:
        form: One of this module's.
        content: As it was read; None of an empty file, which is an empty record.
        path: The file.
        fix: What to do where it is damaged.

    Raises:
        Damaged: A value has another type, or it is no mapping.
    """
    try:
        found: Mapping[str, Any] = form({} if content is None else content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Damaged(path, f"{first['msg']}{f' ({place})' if place else ''}", fix) from None
    return dict(found)
