"""What a replication is held against, as replication.json beside its runs has it: printed numbers, rows, claims."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, ValidationError

from paribus.base.errors import ParibusError
from paribus.config import Settings

FILE = "replication.json"


class PrintedNumber(Settings, extra="ignore"):
    """A number that the paper prints, or a column of them by epoch, and what is measured here beside it."""

    quantity: str
    place: str
    value: float | None = None
    by_epoch: dict[int, float] = Field(default_factory=dict)
    protocol: str
    score: str | None = None
    term: str | None = None
    unlike: str = ""


class ScaleRecord(Settings, extra="ignore"):
    """What a scale changes, in words; `left_out` says why a row is not run at it."""

    reduction: str = ""
    left_out: str = ""


class FormRecord(Settings, extra="ignore"):
    """Another form of a row."""

    about: str
    scales: dict[str, ScaleRecord] = Field(default_factory=dict)


class RowRecord(Settings, extra="ignore"):
    """One system of the paper, as published, with its other forms by name."""

    about: str
    place: str
    epochs: float
    pictures: tuple[int, ...] = ()
    latents: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    published: tuple[PrintedNumber, ...] = ()
    scales: dict[str, ScaleRecord] = Field(default_factory=dict)
    forms: dict[str, FormRecord] = Field(default_factory=dict)
    not_equal: tuple[str, ...] = ()


class ClaimPartRecord(Settings, extra="ignore"):
    """Two systems by one metric, or one system's end by terms of its training log."""

    of: str
    against: str | None = None
    by: tuple[str, ...]
    expected: Literal["less", "greater", "not less", "near"]
    margin: float = 0.05
    value: float | None = None
    level: float | None = None


class ClaimRecord(Settings, extra="ignore"):
    """A statement of the paper and the figures that decide about it."""

    claim: str
    place: str
    parts: tuple[ClaimPartRecord, ...]


class ReplicationRecord(Settings, extra="ignore"):
    """A paper at a scale, as `replication.papers.Paper` describes it.

    Attributes:
        scale: Which of the paper's scales was run.
        stand_ins: By row, in words, what was taken in place of its data.
        labels: By system that was run, the label of its runs.
        parameters: By system whose parameters a claim counts, those of the paper's own networks.
    """

    name: str
    title: str
    scale: str
    protocols: dict[str, str] = Field(default_factory=dict)
    decided: tuple[str, ...] = ()
    not_equal: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    scales: dict[str, ScaleRecord] = Field(default_factory=dict)
    rows: dict[str, RowRecord]
    claims: dict[str, ClaimRecord] = Field(default_factory=dict)
    stand_ins: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str]
    parameters: dict[str, int] = Field(default_factory=dict)


def read_replication(folder: Path) -> ReplicationRecord | None:
    """What a study's folder says of the paper that it replicates; None where it replicates none.

    Raises:
        ParibusError: The file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return ReplicationRecord.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as error:
        raise ParibusError(
            "A file of the replication cannot be read.",
            where=str(path),
            got=str(error).splitlines()[0],
            expected="the file as 'paribus replicate' wrote it",
            fix="run the replication again: finished runs are kept",
        ) from None
