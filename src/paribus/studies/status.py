"""How far a study's runs are, as their engine knows it and as its files say; nothing heavy is imported."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from paribus.base.errors import ParibusError
from paribus.base.files import RESTORE, read_yaml
from paribus.base.locks import is_locked
from paribus.base.places import checked_path
from paribus.config import Budget, Settings
from paribus.results import records
from paribus.results.folder import RunFolder
from paribus.results.run import RunResult
from paribus.results.study_files import read_results
from paribus.training import Progress

if TYPE_CHECKING:
    from paribus.studies.plan import StudyRun

Status = Literal["waiting", "running", "done", "failed", "stopped"]
"""stopped: by request with a checkpoint, or by what the machine did."""


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


class RunStatus(Settings):
    """How far a run is.

    Attributes:
        label: What its runs with other seeds are called, too.
        seed: Its seed.
        axes: The value of each axis of the study.
        folder: Where it lies, in the study's folder.
        state: What it is about.
        fraction: Of its budget; None where the log does not say.
        images: Training images seen.
        seconds: Of training.
        seconds_left: Expected; None where that is unknown or it neither runs nor can be resumed.
        terms: The newest logged losses by name.
        reason: Why it failed.
    """

    label: str
    seed: int
    axes: dict[str, Any]
    folder: str
    state: Status
    fraction: float | None
    images: int
    seconds: float
    seconds_left: float | None
    terms: dict[str, float]
    reason: str | None


class StudyStatus(Settings):
    """How far a study is."""

    name: str
    budget: str
    counts: dict[str, int]
    """Runs by state."""
    runs: list[RunStatus]


def status(folder: Path) -> StudyStatus:
    """The state of each run of a study and how many there are of each state.

    Raises:
        ParibusError: There is no study in the folder.
    """
    folder = checked_path(folder, "DIR")
    description, results = folder / "study.yaml", folder / "results.json"
    if not description.is_file() or not results.is_file():
        raise no_study(folder, "study.yaml and results.json")
    study = records.checked(records.STUDY, read_yaml(description), description, RESTORE)
    runs = [_run_status(folder, run) for run in read_results(results).runs]
    counts = dict(Counter(run.state for run in runs))
    return StudyStatus(
        name=study.get("name") or folder.name, budget=study.get("budget") or "", counts=counts, runs=runs
    )


def no_study(folder: Path, files: str) -> ParibusError:
    """The error that a folder lacks the files of a study."""
    return ParibusError(
        "There is no study here.",
        where=str(folder),
        got=f"no {files} in it" if folder.is_dir() else "no such folder",
        expected="a folder written by 'paribus study run' or 'paribus compare'",
    )


def _run_status(root: Path, known: RunResult) -> RunStatus:
    run = known.folder
    assert run is not None  # every run of a study has one
    done, progress = run.done or {}, logged_progress(run, known.expected_images)
    state = done.get("status") or ("running" if is_locked(run.path) else "stopped" if progress.terms else "waiting")
    return RunStatus(
        label=known.model,
        seed=known.seed,
        axes=known.axes,
        folder=run.path.relative_to(root).as_posix(),
        state=state,
        fraction=1.0 if state == "done" else progress.fraction,
        images=progress.images,
        seconds=progress.seconds,
        seconds_left=progress.seconds_left if state in ("running", "stopped") else None,
        terms=progress.losses,
        reason=done.get("reason"),
    )


def logged_progress(run: RunFolder, expected_images: float | None) -> Progress:
    """Where a run stands by the newest line of its log; a budget in operations tells no fraction.

    Args:
        run: The run.
        expected_images: Training images that its budget amounts to; None where that depends on the machine.
    """
    line = run.last_line()
    if not line:
        return Progress(0.0, 0, 0.0, {})
    images, seconds = line.get("images", 0), line.get("seconds", 0.0)
    fraction = None
    if expected_images is not None:
        fraction = min(1.0, images / expected_images)
    elif run.exists and (budget := Budget.parse(run.recorded("config", "training", "budget"))).is_timed:
        fraction = min(1.0, seconds / budget.amount)
    return Progress(fraction, images, seconds, line)
