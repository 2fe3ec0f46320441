"""How far a study is, read off its files; nothing heavy is imported, nothing is written."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.base.files import is_locked, read_yaml
from paribus.config import Budget, Settings
from paribus.results.folder import RunFolder
from paribus.results.run import RunResult
from paribus.results.study_files import read_results
from paribus.studies.progress import Status


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
    description, results = folder / "study.yaml", folder / "results.json"
    if not description.is_file() or not results.is_file():
        raise ParibusError(
            "There is no study here.",
            where=str(folder),
            got="no study.yaml and results.json in it" if folder.is_dir() else "no such folder",
            expected="a folder written by 'paribus study run' or 'paribus compare'",
        )
    study = read_yaml(description)
    runs = [_run_status(folder, run) for run in read_results(results).runs]
    counts = dict(Counter(run.state for run in runs))
    return StudyStatus(name=study["name"], budget=study["budget"], counts=counts, runs=runs)


def _run_status(root: Path, known: RunResult) -> RunStatus:
    run = known.folder
    assert run is not None  # every run of a study has one
    done = run.done or {}
    line = run.last_line()
    state = done.get("status") or ("running" if is_locked(run.path) else "stopped" if line else "waiting")
    seconds = line.get("seconds", 0.0)
    fraction = 1.0 if state == "done" else fraction_trained(run, known.expected_images, line)
    return RunStatus(
        label=known.model,
        seed=known.seed,
        axes=known.axes,
        folder=str(run.path.relative_to(root)),
        state=state,
        fraction=fraction,
        images=line.get("images", 0),
        seconds=seconds,
        seconds_left=seconds * (1 / fraction - 1) if fraction and state in ("running", "stopped") else None,
        terms={key: value for key, value in line.items() if key.endswith("/loss")},
        reason=done.get("reason"),
    )


def fraction_trained(run: RunFolder, expected_images: float | None, line: dict[str, Any]) -> float | None:
    """The share of a run's budget that is used up, from 0 to 1, by the newest line of its log.

    None where the log does not tell, as with a budget in operations.
    """
    if not line:
        return 0.0
    if expected_images is not None:
        return min(1.0, line["images"] / expected_images)
    budget = Budget.parse(run.record["config"]["training"]["budget"]) if run.exists else None
    return min(1.0, line["seconds"] / budget.amount) if budget and budget.is_timed else None
