"""What becomes of a run whose process ends before its time."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from paribus.base.errors import ParibusError, RunsInterrupted
from paribus.base.files import write_json
from paribus.base.locks import locked_folder
from paribus.report import write_report
from paribus.results.folder import RunFolder
from paribus.studies.local_engine import run_locally
from paribus.studies.plan import StudyPlan, StudyRun
from paribus.studies.status import RunState
from paribus.studies.study import Study, refuse_interruptions
from tests.conftest import tiny_config

SCORED = {"samples": 64, "encoder": "pixels", "metrics": ["kid"]}


def state_of(folder: Path, *overrides: str) -> RunState:
    config = tiny_config("gan", *overrides, evaluation=SCORED)
    return RunState("gan seed 0", StudyRun("gan", {}, config, RunFolder(folder)))


def test_a_run_that_cannot_be_done_is_a_failure(tmp_path: Path) -> None:
    """The reason is that of this time, also where the run had failed before."""
    failing = state_of(tmp_path / "run", "training.rarity=0")
    write_json(tmp_path / "run" / "done.json", {"status": "failed", "reason": "of an earlier time"})
    run_locally([failing], 1)
    assert failing.status == "failed"
    assert "training.rarity" in failing.reason
    assert failing.run.folder.done == {"status": "failed", "reason": failing.reason}


def test_a_crash_is_a_failure_with_the_last_words_of_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_locally([state_of(tmp_path / "run")], 1)
    broken = state_of(tmp_path / "run", "training.budget=1000updates")
    (tmp_path / "run" / "done.json").unlink()
    (tmp_path / "run" / "log.txt").write_text("--- started 2026-01-01T00:00:00+00:00\nwords of an earlier process\n")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")  # and no RANK: nothing foresees that
    run_locally([broken], 1)
    assert broken.status == "failed"
    assert broken.reason.startswith("the process ended with code 1: KeyError")
    assert broken.run.folder.done == {"status": "failed", "reason": broken.reason}


def test_what_the_machine_does_interrupts_a_run(tmp_path: Path) -> None:
    """Nothing counts against it, and the same call carries on."""
    run_locally([state_of(tmp_path / "run")], 1)
    longer = state_of(tmp_path / "run", "training.budget=1000updates")
    (tmp_path / "run" / "done.json").unlink()
    (tmp_path / "run" / "metrics.jsonl").unlink()
    (tmp_path / "run" / "metrics.jsonl").mkdir()  # no log can be written here
    run_locally([longer], 1)
    assert longer.status == "stopped"
    assert "Is a directory" in longer.reason
    assert longer.run.folder.done is None
    with pytest.raises(RunsInterrupted, match=r"1 of 1 runs were interrupted[\s\S]*gan seed 0: .*Is a directory"):
        refuse_interruptions([longer], tmp_path)


@pytest.mark.parametrize("what", ["cache", "folder"])
def test_what_cannot_be_had_at_the_moment_interrupts_a_run(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that became read-only; a folder in which another process is at work."""
    run = state_of(tmp_path / "run")
    (tmp_path / "file").touch()
    if what == "cache":
        monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path / "file"))
    with locked_folder(tmp_path / "run") if what == "folder" else contextlib.nullcontext():
        run_locally([run], 1)
    assert run.status == "stopped"
    assert {"cache": "cache cannot be written to", "folder": "Another process is working"}[what] in run.reason
    assert run.run.folder.done is None


def test_images_that_are_gone_interrupt_a_run(tmp_path: Path) -> None:
    """They were there when the study was planned: a network disk was lost."""
    lost = state_of(tmp_path / "run", "data.name=/nowhere.npz")
    run_locally([lost], 1)
    assert lost.status == "stopped"
    assert "/nowhere.npz" in lost.reason


def test_a_run_that_was_killed_is_no_failure(tmp_path: Path) -> None:
    killed = state_of(tmp_path / "run", "training.budget=1000000updates")

    def kill_once() -> None:
        if killed.progress and killed.status == "running":
            [pid] = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _works_in(p, tmp_path)]
            os.kill(pid, signal.SIGKILL)

    run_locally([killed], 1, kill_once)
    assert (killed.status, killed.reason) == ("stopped", "killed by SIGKILL, as the system does where memory runs out")
    assert killed.run.folder.done is None


def test_a_run_that_found_other_images_than_were_planned_is_refused(tmp_path: Path) -> None:
    def written(seed: int) -> Path:
        random = np.random.default_rng(seed)
        images = random.integers(0, 256, (200, 8, 8, 1), dtype=np.uint8)
        np.savez(tmp_path / "made.npz", images=images, labels=np.arange(200) % 4)
        return tmp_path / "made.npz"

    plan = StudyPlan(model="gan", data=str(written(0)), seeds=1, budget="64img", evaluation=SCORED)
    study = Study.of(plan, tmp_path / "study", write_report=write_report)
    written(1)  # as on a node of a cluster that has other files
    with pytest.raises(ParibusError, match="The images are not those that the run began with"):
        study.run()
    assert not (tmp_path / "study" / "report.html").exists()


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return str(folder / "run") in (process / "cmdline").read_text().split("\0")
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.processes
def test_a_run_that_is_asked_to_stop_writes_its_checkpoint(tmp_path: Path) -> None:
    """By a line and no signal, which Windows lacks: there a process that is terminated gets no word of it."""
    asked = state_of(tmp_path / "run", "training.budget=1000000updates")
    run_locally([asked], 1, stop_requested=lambda: asked.progress is not None)
    assert (asked.status, asked.reason) == ("stopped", "")
    assert asked.run.folder.checkpoint.is_file()


@pytest.mark.slow
@pytest.mark.processes
def test_a_run_that_is_asked_to_stop_before_its_first_step_ends_at_once(tmp_path: Path) -> None:
    asked = state_of(tmp_path / "run", "training.budget=1000000updates")
    run_locally([asked], 1, stop_requested=lambda: asked.status == "running")
    assert (asked.status, asked.reason) == ("stopped", "")
    assert asked.run.folder.done is None
    assert not asked.run.folder.checkpoint.exists()
