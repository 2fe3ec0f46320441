"""How far a study's runs are: what each one's worker says of it, and what becomes of it; nothing heavy is imported."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from paribus.studies.plan import StudyRun

Status = Literal["waiting", "running", "done", "failed", "stopped"]
"""stopped: by request with a checkpoint, or killed from outside."""


@dataclass(frozen=True)
class Progress:
    """How much of a run's training is done.

    Attributes:
        fraction: Of its budget; None where it cannot be known.
        images: Training images seen.
        seconds: Of training alone.
        terms: The newest logged terms by name.
    """

    fraction: float | None
    images: int
    seconds: float
    terms: dict[str, float]


@dataclass(frozen=True)
class Message:
    """What a worker says, a line of JSON each; what is None is as it was.

    Attributes:
        progress: How much of the training is done.
        notice: What it is doing besides training.
        failure: Why the run cannot be completed.
    """

    progress: Progress | None = None
    notice: str | None = None
    failure: str | None = None

    def as_json(self) -> str:
        """One line."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    @classmethod
    def read(cls, line: str) -> Message:
        """What `as_json` wrote."""
        fields = json.loads(line)
        progress = Progress(**fields.pop("progress")) if "progress" in fields else None
        return cls(progress, **fields)


@dataclass
class RunState:
    """What becomes of a run while its study is run; an engine keeps it up to date.

    Attributes:
        name: What the run is called where it is shown.
        run: The run.
        status: What it is about.
        progress: How much of its training is done; None before the first step.
        notice: What it is doing besides training.
        reason: Why it failed or was stopped, or what it gave.
    """

    name: str
    run: StudyRun
    status: Status = "waiting"
    progress: Progress | None = None
    notice: str = ""
    reason: str = ""

    def update(self, message: Message) -> None:
        """Takes over what the run's worker says."""
        if message.progress is not None:
            self.progress = message.progress
        if message.notice is not None:
            self.notice = message.notice
        if message.failure is not None:
            self.reason = message.failure
