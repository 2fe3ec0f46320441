"""How far a study is, read off its files; nothing heavy is imported, nothing is written."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.base.files import is_held, read_yaml
from paribus.config import Budget
from paribus.results.folder import RunFolder
from paribus.results.run import RunResult
from paribus.results.study_files import read_results


def status(folder: Path) -> dict[str, Any]:
    """The state of each run and how many there are of each state.

    Returns:
        name, budget, counts ({state: runs}) and runs: label, seed, axes, folder, state (waiting, running, stopped,
        done, failed), fraction of the budget or None, images, seconds of training, seconds_left or None, terms (the
        newest logged losses) and reason.

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
    runs = [_standing(folder, run) for run in read_results(results).runs]
    counts = dict(Counter(run["state"] for run in runs))
    return {"name": study["name"], "budget": study["budget"], "counts": counts, "runs": runs}


def _standing(root: Path, known: RunResult) -> dict[str, Any]:
    run = known.folder
    assert run is not None  # every run of a study has one
    done = run.done or {}
    line = run.last_line()
    state = done.get("status") or ("running" if is_held(run.path) else "stopped" if line else "waiting")
    seconds = line.get("seconds", 0.0)
    fraction = 1.0 if state == "done" else fraction_trained(run, known.expected_images, line)
    left = seconds * (1 / fraction - 1) if fraction and state in ("running", "stopped") else None
    return {
        "label": known.model,
        "seed": known.seed,
        "axes": known.axes,
        "folder": str(run.path.relative_to(root)),
        "state": state,
        "fraction": fraction,
        "images": line.get("images", 0),
        "seconds": seconds,
        "seconds_left": left,
        "terms": {key: value for key, value in line.items() if key.endswith("/loss")},
        "reason": done.get("reason"),
    }


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
