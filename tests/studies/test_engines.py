"""What becomes of a run whose process ends before its time."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from paribus.runs import RunFolder
from paribus.studies.engines import Job, run_locally
from tests.conftest import tiny_config


def job(folder: Path, *overrides: str) -> Job:
    return Job("gan seed 0", tiny_config("gan", *overrides).tree(), RunFolder(folder))


def test_a_run_that_cannot_be_done_is_a_failure(tmp_path: Path) -> None:
    failing = job(tmp_path / "run", "data.name=/nowhere.npz")
    run_locally([failing], 1)
    assert failing.state == "failed"
    assert "/nowhere.npz" in failing.reason
    assert failing.folder.done == {"status": "failed", "reason": failing.reason}


def test_a_crash_is_a_failure_with_the_last_words_of_its_process(tmp_path: Path) -> None:
    broken = job(tmp_path / "run")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.txt").write_text("--- started 2026-01-01T00:00:00+00:00\nwords of an earlier process\n")
    (tmp_path / "run" / "metrics.jsonl").mkdir()  # no log can be written here
    run_locally([broken], 1)
    assert broken.state == "failed"
    assert broken.reason.startswith("the process ended with code 1: IsADirectoryError")
    assert broken.folder.done == {"status": "failed", "reason": broken.reason}


def test_a_run_that_was_killed_is_no_failure(tmp_path: Path) -> None:
    killed = job(tmp_path / "run", "training.budget=1000000updates")

    def kill_once() -> None:
        if killed.progress and killed.state == "running":
            [pid] = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _works_in(p, tmp_path)]
            os.kill(pid, signal.SIGKILL)

    run_locally([killed], 1, kill_once)
    assert (killed.state, killed.reason) == ("stopped", "killed by SIGKILL")
    assert killed.folder.done is None


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return str(folder / "run") in (process / "cmdline").read_text().split("\0")
    except OSError:
        return False
