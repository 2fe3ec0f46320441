"""A score: a number with everything that a comparison needs to know of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from paribus.config import Settings
from paribus.results.metric import Metric
from paribus.results.protocol import Protocol

Figure = float | int | str | tuple[str, ...] | tuple[int, ...] | tuple[float, ...] | tuple[tuple[str, ...], ...]


class Fact(Settings, allow_inf_nan=True):
    """Something found out, as a code with its figures; `results.words` makes the sentence.

    Attributes:
        code: What it is: "mode_collapse", "too_few_samples".
        figures: Its numbers and names.
    """

    code: str
    figures: dict[str, Figure] = Field(default_factory=dict)


LEAST_FITTED = 1000
"""Images that an encoder has to be fitted to for its scores to order models."""


class EncoderRecord(Settings):
    """The encoder behind a score.

    Attributes:
        name: classifier, classifier-2, self, pixels, inception-768, ...
        id: The name with a hash of its weights: two encoders are the same where their ids are.
        accuracy: On test images, from 0 to 1, of a classifier; None of others.
        fitted_on: Images of this data set, or of one of two sets compared, that it was fitted to; None of one that was
            trained elsewhere.
    """

    name: str
    id: str
    accuracy: float | None = None
    fitted_on: int | None = None

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, EncoderRecord) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def may_rank(self) -> bool:
        """Whether its scores may order models: not where it knows nothing but a few images of one side.

        Such an encoder takes noise for better than blur, and both for better than they are: docs/judges.md.
        """
        return self.fitted_on is None or self.fitted_on >= LEAST_FITTED


class Score(Settings, allow_inf_nan=True):
    """One measured number.

    Attributes:
        metric: The metric's name.
        value: None where there is no number; a warning says why.
        error: Its standard error; None where it is unknown.
        left_out: The value with each block of the images that it is held against left out in turn: the same blocks for
            all models that are held against the same images. Empty where that was not measured.
        n: How many images (or seeds) it is of.
        encoder: What it was seen through; None without one.
        split: The split that the images it is held against are of.
        weights: Which of a run's weights: the last ones, the best snapshot's, or a snapshot's.
        snapshot: Training images that a snapshot's weights had seen.
        protocol: How it was measured.
        warnings: What is to be said of it.
    """

    metric: str
    value: float | None
    error: float | None = None
    left_out: tuple[float, ...] = ()
    n: int | None = None
    encoder: EncoderRecord | None = None
    split: str | None = None
    weights: Literal["last", "best", "snapshot"] = "last"
    snapshot: int | None = None
    protocol: Protocol = Protocol()
    warnings: tuple[Fact, ...] = ()

    @field_validator("error")
    @classmethod
    def _known(cls, error: float | None) -> float | None:
        return error if error is not None and math.isfinite(error) else None

    @model_validator(mode="after")
    def _is_a_number(self) -> Score:
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError("a finite value, or none")
        if self.value is None and not self.warnings:
            raise ValueError("a score without a value says why")
        return self

    @classmethod
    def of(cls, metric: str, value: float | None, error: float | None = None, **fields: Any) -> Score:
        """A score of a computed number: one that is not finite becomes none, with a warning."""
        if value is not None and not math.isfinite(value):
            warnings = fields.pop("warnings", ()) or (Fact(code="not_finite"),)
            return cls(metric=metric, value=None, warnings=warnings, **fields)
        return cls(metric=metric, value=value, error=error, **fields)

    def as_json(self) -> dict[str, Any]:
        """Plain values; a protocol has the fields that are set."""
        plain = self.model_dump(mode="json", exclude={"protocol", "warnings"})
        if not self.left_out:
            del plain["left_out"]
        plain["protocol"] = self.protocol.model_dump(mode="json", exclude_defaults=True)
        return plain | {"warnings": [warning.model_dump(mode="json") for warning in self.warnings]}


COMPARED = ("metric", "encoder", "n", "split")
"""Fields of a score, besides its protocol, in which two scores must agree to be ranked together."""


def differences(a: Score, b: Score) -> tuple[str, ...]:
    """The fields in which two scores differ that may not differ where they are ranked; none where they may be."""
    own = tuple(name for name in COMPARED if getattr(a, name) != getattr(b, name))
    return own + tuple(f"protocol.{name}" for name in a.protocol.differences(b.protocol))


SHOWN = 10
"""Scores at the end of a run's training."""


def most_telling(scores: Sequence[Score], metrics: Mapping[str, Metric]) -> list[Score]:
    """At most ten of a run's scores, each metric once: those of a leaderboard, in its order, then others that have one.

    Args:
        scores: All of them, the first encoder's first.
        metrics: Their words.
    """
    first = {score.metric: score for score in reversed(scores) if score.value is not None}
    sections = ("leaderboard", "detail", "cost")

    def order(name: str) -> tuple[int, int]:
        words = metrics.get(name)
        return (sections.index(words.section), words.place) if words else (len(sections), 0)

    told = [name for name in first if name not in metrics or metrics[name].section in sections]
    told = list(dict.fromkeys([score.metric for score in scores if score.metric in told]))
    return [first[name] for name in sorted(told, key=order)[:SHOWN]]
