"""What a paper reports, as papers/NAME.yaml says it: systems, published numbers with their protocols, claims."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from paribus.base.errors import unknown
from paribus.config import Settings
from paribus.studies.files import StudyFile
from paribus.studies.plan import DataField

FOLDER = Path(__file__).with_name("papers")

ScaleName = Literal["smoke", "cpu", "paper"]
SCALES: tuple[ScaleName, ...] = get_args(ScaleName)
FormName = Literal["intended", "equal"]
ViewName = Literal["manifold", "traverse", "interpolate", "classes", "turn", "clusters", "truncation"]
"""Those of `paribus latent`."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Words = Annotated[str, Field(min_length=1)]


class Published(Settings):
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

    @model_validator(mode="after")
    def _is_whole(self) -> Published:
        if (self.value is None) == (not self.by_epoch):
            raise ValueError("a value, or values by_epoch")
        if self.score is not None and self.term is not None:
            raise ValueError("a score or a term, not both")
        if self.score is None and self.term is None and not self.unlike:
            raise ValueError("unlike: why nothing that is measured here stands beside it")
        return self


class Scale(Settings):
    """How a scale differs from the paper's full budget."""

    budget: str | None = None
    """In place of the paper's epochs."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Part of the configuration tree, over a row's own."""
    learning_rates: float = Field(1.0, gt=0)
    """Times the rows' own, in every role: fewer updates need larger steps to come anywhere. A row's factor multiplies
    its paper's: 0.2 where the paper's scale says 10 is twice the row's own rates."""
    reduction: str = ""
    """The same in words."""
    left_out: str = ""
    """Why this row and its forms are not run at this scale; empty where they are."""

    @model_validator(mode="after")
    def _is_stated(self) -> Scale:
        if (self.budget or self.overrides or self.learning_rates != 1) and not self.reduction:
            raise ValueError("reduction: what is other than in the paper, in words")
        return self


class Form(Settings):
    """Another form of a row: as its authors meant it, or with all else equal to the rows that it is compared with."""

    about: Words
    """How it differs from what was published."""
    model: str | None = None
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Part of the configuration tree, over the row's own."""
    epochs: float | None = Field(None, gt=0)
    scales: dict[ScaleName, Scale] = Field(default_factory=dict)
    """In place of the row's, where there are any."""


class Row(Settings):
    """One system of a paper, as published."""

    about: Words
    place: Words
    """Where in the paper it stands."""
    model: str
    """The preset that it starts from."""
    data: DataField
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Part of the configuration tree, over the preset's."""
    epochs: float = Field(gt=0)
    """The full budget."""
    pictures: list[int] = Field(default_factory=list)
    """Epochs at which the paper shows samples."""
    latents: dict[ViewName, dict[str, Any]] = Field(default_factory=dict)
    """Views of the latents that the paper shows or speaks of, with their options; of the row and of its forms."""
    published: list[Published] = Field(default_factory=list)
    scales: dict[ScaleName, Scale] = Field(default_factory=dict)
    """What this row needs besides the paper's scales."""
    forms: dict[FormName, Form] = Field(default_factory=dict)
    not_equal: list[Words] = Field(default_factory=list)
    """What differs between the paper and this row, or between this row and those that it is compared with."""

    @property
    def marks(self) -> list[int]:
        """Epochs at which the paper shows or prints something, ascending."""
        printed = (epoch for number in self.published for epoch in number.by_epoch)
        return sorted({*self.pictures, *printed})

    def shares(self, epochs: float) -> list[str]:
        """The marks as shares of a budget of so many epochs, and all of it, as `training.snapshots` takes them."""
        found = {Fraction(mark) / Fraction(str(epochs)) for mark in self.marks}
        return [str(share) for share in sorted({*found, Fraction(1)}) if share <= 1]


class ClaimPart(Settings):
    """A part of a claim: two systems by one metric, or one system's end by terms of its training log."""

    of: Words
    """A row, or a form of it: `gan`, `gan.equal`."""
    against: str | None = None
    """The row that it is compared with."""
    by: list[Words] = Field(min_length=1)
    """Metrics, of which the first that both rows have decides; or terms of the log, whose mean over its end counts."""
    expected: Literal["less", "greater", "not less", "near"]
    """`not less`: than the other, by more than the margin."""
    margin: float = Field(0.05, ge=0)
    """Of one seed each: how much of the other's value the difference must exceed. With `near`: how far off is near."""
    value: float | None = None
    """With `near`: what the end lies near to."""
    level: float | None = None
    """With a term of the log: the seconds of training until it first fell to this are compared."""

    @model_validator(mode="after")
    def _is_whole(self) -> ClaimPart:
        near = self.expected == "near"
        if near == (self.value is None) or near == (self.against is not None):
            raise ValueError("against: ROW with less, greater or not less; value: NUMBER with near")
        return self


class Claim(Settings):
    """A statement of a paper and the figures that decide about it."""

    claim: Words
    """In our words."""
    place: Words
    parts: list[ClaimPart] = Field(min_length=1)
    """Supported where all parts are, contradicted where one is."""


class Paper(Settings):
    """The content of papers/NAME.yaml."""

    name: Name
    title: Words
    summary: Words
    protocols: dict[Name, Words] = Field(default_factory=dict)
    """How the paper measured, as far as it says so."""
    decided: list[Words] = Field(default_factory=list)
    """What the paper leaves open, and what is done here."""
    not_equal: list[Words]
    """What was not equal between the systems that the paper compares, or between the paper and this replication."""
    missing: list[Words] = Field(default_factory=list)
    """What the paper shows and this replication does not."""
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
