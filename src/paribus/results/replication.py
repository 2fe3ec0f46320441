"""What a replication is held against, as replication.json beside its runs has it: printed numbers, rows, claims."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from paribus.base.errors import ParibusError
from paribus.base.files import read_json
from paribus.config import Settings

FILE = "replication.json"


ScaleName = Literal["smoke", "cpu", "paper"]
FormName = Literal["intended", "equal"]
ViewName = Literal["manifold", "traverse", "interpolate", "classes", "turn", "clusters", "truncation"]
"""Those of `paribus latent`."""
Words = Annotated[str, Field(min_length=1)]


class NumberRecord(Settings, extra="ignore"):
    """A number that the paper prints, or a column of them by epoch, and what is measured here beside it."""

    quantity: Words
    """What the paper calls it."""
    place: Words
    """Where in the paper it stands."""
    value: float | None = None
    by_epoch: dict[int, float] = Field(default_factory=dict)
    """In place of one value."""
    protocol: Words
    """Which of the paper's protocols it was measured by."""
    score: str | None = None
    """The metric that is printed beside it."""
    term: str | None = None
    """In place of a metric: a term of the training log, at the same epoch."""
    unlike: str = ""
    """Why the two are not the same quantity; empty where they are."""


class ScaleRecord(Settings, extra="ignore"):
    """How a scale differs from the paper's full budget."""

    reduction: str = ""
    """In words."""
    left_out: str = ""
    """Why this row and its forms are not run at this scale; empty where they are."""


class FormRecord(Settings, extra="ignore"):
    """Another form of a row: as its authors meant it, or with all else equal to the rows that it is compared with."""

    about: Words
    """How it differs from what was published."""
    scales: Mapping[ScaleName, ScaleRecord] = Field(default_factory=dict)
    """In place of the row's, where there are any."""


class RowRecord(Settings, extra="ignore"):
    """One system of a paper, as published."""

    about: Words
    place: Words
    """Where in the paper it stands."""
    epochs: float = Field(gt=0)
    """The full budget."""
    pictures: list[int] = Field(default_factory=list)
    """Epochs at which the paper shows samples."""
    latents: dict[ViewName, dict[str, Any]] = Field(default_factory=dict)
    """Views of the latents that the paper shows or speaks of, with their options; of the row and of its forms."""
    published: tuple[NumberRecord, ...] = ()
    scales: Mapping[ScaleName, ScaleRecord] = Field(default_factory=dict)
    """What this row needs besides the paper's scales."""
    forms: Mapping[FormName, FormRecord] = Field(default_factory=dict)
    not_equal: list[Words] = Field(default_factory=list)
    """What differs between the paper and this row, or between this row and those that it is compared with."""


class PartRecord(Settings, extra="ignore"):
    """A part of a claim: two systems by one metric, or one system's end by terms of its training log."""

    of: Words
    """A row, or a form of it: `gan`, `gan.equal`."""
    against: str | None = None
    """The row that it is compared with."""
    by: tuple[Words, ...] = Field(min_length=1)
    """Metrics, of which the first that both rows have decides; or terms of the log, whose mean over its end counts."""
    expected: Literal["less", "greater", "not less", "near"]
    """`not less`: than the other, by more than the margin."""
    margin: float = Field(0.05, ge=0)
    """Of one seed each: how much of the other's value the difference must exceed. With `near`: how far off is near."""
    value: float | None = None
    """With `near`: what the end lies near to."""
    level: float | None = None
    """With a term of the log: the seconds of training until it first fell to this are compared."""


class ClaimRecord(Settings, extra="ignore"):
    """A statement of a paper and the figures that decide about it."""

    claim: Words
    """In our words."""
    place: Words
    parts: tuple[PartRecord, ...] = Field(min_length=1)
    """Supported where all parts are, contradicted where one is."""


class PaperRecord(Settings, extra="ignore"):
    """What a paper reports."""

    name: str
    title: Words
    protocols: dict[str, Words] = Field(default_factory=dict)
    """How the paper measured, as far as it says so."""
    decided: list[Words] = Field(default_factory=list)
    """What the paper leaves open, and what is done here."""
    not_equal: list[Words]
    """What was not equal between the systems that the paper compares, or between the paper and this replication."""
    missing: list[Words] = Field(default_factory=list)
    """What the paper shows and this replication does not."""
    scales: Mapping[ScaleName, ScaleRecord]
    rows: Mapping[str, RowRecord]
    claims: Mapping[str, ClaimRecord] = Field(default_factory=dict)


class StandIn(Settings):
    """The images that were taken, and the name of those in whose place: the paper's, unavailable here."""

    name: str
    size: int
    channels: int
    replaced: str


class ReplicationRecord(PaperRecord, extra="ignore"):
    """A paper at a scale."""

    scale: ScaleName
    """Which of the paper's scales was run."""
    replaced_data: dict[str, StandIn] = Field(default_factory=dict)
    """By row."""
    labels: dict[str, str]
    """By system that was run, the label of its runs."""
    parameters: dict[str, int] = Field(default_factory=dict)
    """By system whose parameters a claim counts, those of the paper's own networks."""


def read_replication(folder: Path) -> ReplicationRecord | None:
    """What a study's folder says of the paper that it replicates; None where it replicates none.

    Raises:
        ParibusError: The file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return ReplicationRecord.model_validate(read_json(path))
    except (ValueError, ValidationError) as error:
        raise ParibusError(
            "A file of the replication cannot be read.",
            where=str(path),
            got=str(error).splitlines()[0],
            expected="the file as 'paribus replicate' wrote it",
            fix="run the replication again: finished runs are kept",
        ) from None
