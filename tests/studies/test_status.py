"""What is shown of a study: read off real folders, and off the states of its runs."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from paribus.base.errors import ParibusError
from paribus.base.locks import is_locked
from paribus.cli.watching import live_table, progress_words, totals
from paribus.results.folder import RunFolder
from paribus.results.study_files import write_results
from paribus.studies.plan import StudyPlan, StudyRun
from paribus.studies.preparation import prepare
from paribus.studies.results import study_result
from paribus.studies.status import Message, RunState, status
from paribus.training import Progress
from tests.conftest import made_data, tiny_config


def folder_of(root: Path, plan: StudyPlan) -> list[Path]:
    """A study as it stands before its runs begin; the runs' folders, made."""
    prepared = prepare(plan, root, images=made_data())
    (root / "study.yaml").write_text(f"{{name: small, budget: '{plan.budget}'}}")
    write_results(root / "results.json", study_result("small", prepared))
    for run in prepared.runs:
        run.folder.path.mkdir(parents=True)
    return [run.folder.path for run in prepared.runs]


def log(run: Path, **line: Any) -> None:
    """A log whose last line a crash cut short."""
    (run / "metrics.jsonl").write_text(json.dumps({"step": 1, "D/loss": 2.0} | line) + '\n{"step": 2, "ima')


def test_states_are_read_off_the_folders(tmp_path: Path) -> None:
    runs = folder_of(tmp_path, StudyPlan(model="gan", seeds=5, budget="400img"))
    log(runs[0], images=400, seconds=2.0)
    (runs[0] / "done.json").write_text('{"status": "done"}')
    log(runs[1], images=100, seconds=3.0)
    log(runs[2], images=100, seconds=3.0)
    (runs[3] / "done.json").write_text('{"status": "failed", "reason": "it diverged"}')
    with RunFolder(runs[1]).locked():
        found = status(tmp_path)
    assert [run.state for run in found.runs] == ["done", "running", "stopped", "failed", "waiting"]
    assert found.counts == {"done": 1, "running": 1, "stopped": 1, "failed": 1, "waiting": 1}
    assert [run.fraction for run in found.runs] == [1.0, 0.25, 0.25, 0.0, 0.0]
    # a quarter took 3 s: three quarters take 9 s
    assert found.runs[1].seconds_left == pytest.approx(9.0)
    assert found.runs[1].terms == {"D/loss": 2.0}
    assert found.runs[3].reason == "it diverged"
    assert not is_locked(runs[1])


@pytest.mark.parametrize(
    ("budget", "images"),
    # 40 training images in 10 epochs; with batch 8 and 2 updates of D a step, 6 updates are 3 steps of 16 images
    [("10epochs", 400), ("6updates", 48), ("500img", 500), ("3e9flop", None), ("5s", None)],
)
def test_budgets_in_images(budget: str, images: float | None) -> None:
    overrides = {"objective": {"discriminator_steps": 2}, "training": {"batch_size": 8}}
    plan = StudyPlan(model="gan", seeds=1, budget=budget, overrides=overrides)
    [run] = prepare(plan, Path("nowhere"), images=made_data()).runs
    assert run.expected_images == images


def test_a_budget_in_seconds_is_measured_in_seconds(tmp_path: Path) -> None:
    [run] = folder_of(tmp_path, StudyPlan(model="gan", seeds=1, budget="10s"))
    (run / "run.yaml").write_text("{config: {training: {budget: 10s}}}")
    log(run, images=100, seconds=4.0)
    assert status(tmp_path).runs[0].fraction == pytest.approx(0.4)


def test_what_is_no_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParibusError, match="There is no study here"):
        status(tmp_path)


PROGRESS = Progress(0.25, 1000, 10.0, {"step": 3, "D/loss": 1.25})


def states() -> list[RunState]:
    run = StudyRun("gan", {}, tiny_config(), RunFolder(Path("nowhere")))
    each = ["done"] * 3 + ["running"] + ["waiting"] * 6 + ["failed"]
    found = [RunState(f"gan seed {k}", run, status) for k, status in enumerate(each)]  # type: ignore[arg-type]
    found[3].progress = PROGRESS
    found[-1].reason = "Training diverged.\n  where: step 3"
    return found


def test_a_worker_s_messages_change_what_they_name_and_nothing_else() -> None:
    state = states()[3]
    for message in (Message(notice="scoring"), Message(failure="it diverged")):
        state.update(Message.read(message.as_json()))
    assert (state.progress, state.notice, state.reason) == (PROGRESS, "scoring", "it diverged")
    later = Progress(None, 2000, 20.0, {"D/loss": float("inf")})
    assert Message.read(Message(later).as_json()) == Message(later)
    state.update(Message(later))
    assert (state.progress, state.notice, state.reason) == (later, "scoring", "it diverged")


def test_a_state_in_words() -> None:
    assert progress_words(states()[3]) == ("25%", "1,000 images", "30\u202fs left", "D/loss 1.25")
    assert progress_words(states()[-1]) == ("", "", "", "Training diverged.")
    assert totals(states()) == "11 runs: 1 running, 1 failed, 6 waiting, 3 done"


def test_a_run_whose_budget_the_log_does_not_measure() -> None:
    state = states()[3]
    state.progress = replace(PROGRESS, fraction=None)
    assert progress_words(state) == ("", "1,000 images", "", "D/loss 1.25")


def test_the_live_table_shows_what_has_room_and_what_is_at_work() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(live_table(states(), 11))
    whole = console.export_text()
    assert all(f"gan seed {k}" in whole for k in range(11))
    assert "30\u202fs left" in whole
    console.print(live_table(states(), 2))
    short = console.export_text()
    assert "gan seed 3" in short
    assert "gan seed 10" in short
    assert "gan seed 5" not in short
    assert "11 runs: 1 running" in short
