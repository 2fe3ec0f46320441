"""What a paper reports, as papers/NAME.yaml says it: systems, published numbers with their protocols, claims."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import Field, model_validator

from paribus.base.errors import unknown
from paribus.results.replication import (
    ClaimRecord,
    FormName,
    FormRecord,
    NumberRecord,
    PaperRecord,
    PartRecord,
    RowRecord,
    ScaleName,
    ScaleRecord,
    Words,
)
from paribus.studies.files import StudyFile
from paribus.studies.plan import DataField

FOLDER = Path(__file__).with_name("papers")

SCALES: tuple[ScaleName, ...] = get_args(ScaleName)
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Published(NumberRecord, extra="forbid"):
    """A number that the paper prints, or a column of them by epoch, and what is measured here beside it."""

    @model_validator(mode="after")
    def _is_whole(self) -> Published:
        if (self.value is None) == (not self.by_epoch):
            raise ValueError("a value, or values by_epoch")
        if self.score is not None and self.term is not None:
            raise ValueError("a score or a term, not both")
        if self.score is None and self.term is None and not self.unlike:
            raise ValueError("unlike: why nothing that is measured here stands beside it")
        return self


class Scale(ScaleRecord, extra="forbid"):
    """How a scale differs from the paper's full budget."""

    budget: str | None = None
    """In place of the paper's epochs."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Part of the configuration tree, over a row's own."""
    learning_rates: float = Field(1.0, gt=0)
    """Times the rows' own, in every role: fewer updates need larger steps to come anywhere. A row's factor multiplies
    its paper's: 0.2 where the paper's scale says 10 is twice the row's own rates."""

    @model_validator(mode="after")
    def _is_stated(self) -> Scale:
        if (self.budget or self.overrides or self.learning_rates != 1) and not self.reduction:
            raise ValueError("reduction: what is other than in the paper, in words")
        return self


class Form(FormRecord, extra="forbid"):
    """Another form of a row, and what changes in its configuration."""

    model: str | None = None
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Part of the configuration tree, over the row's own."""
    epochs: float | None = Field(None, gt=0)
    scales: dict[ScaleName, Scale] = Field(default_factory=dict)


class Row(RowRecord, extra="forbid"):
    """One system of a paper, as published, and how it is trained."""

    model: str
    """The preset that it starts from."""
    data: DataField
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Part of the configuration tree, over the preset's."""
    published: tuple[Published, ...] = ()
    scales: dict[ScaleName, Scale] = Field(default_factory=dict)
    forms: dict[FormName, Form] = Field(default_factory=dict)

    @property
    def marks(self) -> list[int]:
        """Epochs at which the paper shows or prints something, ascending."""
        printed = (epoch for number in self.published for epoch in number.by_epoch)
        return sorted({*self.pictures, *printed})

    def shares(self, epochs: float) -> list[str]:
        """The marks as shares of a budget of so many epochs, and all of it, as `training.snapshots` takes them."""
        found = {Fraction(mark) / Fraction(str(epochs)) for mark in self.marks}
        return [str(share) for share in sorted({*found, Fraction(1)}) if share <= 1]


class Part(PartRecord, extra="forbid"):
    """A part of a claim: two systems by one metric, or one system's end by terms of its training log."""

    @model_validator(mode="after")
    def _is_whole(self) -> Part:
        near = self.expected == "near"
        if near == (self.value is None) or near == (self.against is not None):
            raise ValueError("against: ROW with less, greater or not less; value: NUMBER with near")
        return self


class Claim(ClaimRecord, extra="forbid"):
    """A statement of a paper and the figures that decide about it."""

    parts: tuple[Part, ...] = Field(min_length=1)


class Paper(PaperRecord, extra="forbid"):
    """The content of papers/NAME.yaml."""

    name: Name
    summary: Words
    protocols: dict[Name, Words] = Field(default_factory=dict)
    scales: dict[ScaleName, Scale]
    rows: dict[Name, Row]
    claims: dict[Name, Claim] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_scales(self) -> Paper:
        missing = {"smoke", "cpu"} - set(self.scales)
        if missing:
            raise ValueError(f"a scale {' and '.join(sorted(missing))}")
        return self

    @property
    def systems(self) -> dict[str, tuple[Row, Form | None]]:
        """Every row as published, and each of its other forms as ROW.FORM."""
        found: dict[str, tuple[Row, Form | None]] = {}
        for name, row in self.rows.items():
            found[name] = (row, None)
            found |= {f"{name}.{form}": (row, changed) for form, changed in row.forms.items()}
        return found


def paper_names() -> list[str]:
    """All papers that can be replicated."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def paper(name: str) -> Paper:
    """What is known of a paper.

    Raises:
        ParibusError: There is none of that name.
    """
    if name not in paper_names():
        fix = "'paribus list papers' says what each is about"
        raise unknown(f"Unknown paper '{name}'", name, [*paper_names(), "all"], where="PAPER", fix=fix)
    return read_paper(FOLDER / f"{name}.yaml")


def scale_named(name: str) -> ScaleName:
    """A scale.

    Raises:
        ParibusError: There is none of that name.
    """
    for scale in SCALES:
        if scale == name:
            return scale
    raise unknown(f"Unknown scale '{name}'", name, SCALES, where="--scale")


def read_paper(path: Path) -> Paper:
    """Reads a paper's file.

    Raises:
        ParibusError: A setting is unknown, missing or has a wrong value; with its line.
    """
    file = StudyFile(path, Paper)
    read = file.plan()
    with file.naming_lines():
        _check_names(read)
    return read


def _check_names(read: Paper) -> None:
    """Every protocol and row that is named is one of the paper's."""
    used = [
        ("protocol", f"rows.{row}.published.{place}.protocol", number.protocol)
        for row, of_row in read.rows.items()
        for place, number in enumerate(of_row.published)
    ]
    for claim, of_claim in read.claims.items():
        for place, part in enumerate(of_claim.parts):
            where = f"claims.{claim}.parts.{place}"
            used.append(("row", f"{where}.of", part.of))
            used += [("row", f"{where}.against", part.against)] if part.against is not None else []
    known = {"protocol": list(read.protocols), "row": list(read.systems)}
    for kind, where, name in used:
        if name not in known[kind]:
            raise unknown(f"Unknown {kind} '{name}'", name, known[kind], where=where)
