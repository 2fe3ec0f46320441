"""Real processes killed at random moments: what is resumed ends with the same bytes as what was never disturbed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.cli.conftest import QUICK, Paribus

MODELS = [pytest.param("gan", marks=pytest.mark.slow), "dcgan", "vae"]
UPDATES = 600


def digest(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("model", MODELS)
def test_killed_and_resumed_is_bit_exact(model: str, paribus: Paribus) -> None:
    seed = int(os.environ.get("PARIBUS_TEST_SEED", time.time_ns() % 10_000))
    print(f"PARIBUS_TEST_SEED={seed}")  # shown when the test fails
    moments = random.Random(seed)
    command = [
        "train",
        model,
        "--budget",
        f"{UPDATES}updates",
        "--no-score",
        *QUICK,
        "-o",
        "training.checkpoint_steps=20",
    ]
    paribus(*command, "--out", "whole")

    run, kills = paribus.folder / "broken", 0
    while not (run / "done.json").exists():
        process = paribus.start(*command, "--out", "broken", "--resume", start_new_session=True)
        wanted = steps_logged(run) + moments.randint(1, UPDATES // 2)
        while process.poll() is None and steps_logged(run) < wanted:
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.3))
        if process.poll() is None:
            kills += 1
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        assert "Traceback" not in err, out + err
    print(f"{kills} kills")
    assert kills >= 1, "the run was never killed: the test shows nothing"
    assert digest(run) == digest(paribus.folder / "whole")
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))


def steps_logged(run: Path) -> int:
    metrics = run / "metrics.jsonl"
    lines = metrics.read_text().splitlines() if metrics.exists() else []
    whole = [line for line in lines if line.endswith("}")]
    return json.loads(whole[-1])["step"] if whole else 0


@pytest.mark.slow
@pytest.mark.processes
def test_ctrl_c_writes_a_checkpoint_and_says_how_to_go_on(paribus: Paribus) -> None:
    command = ["train", "gan", "--budget", "100000updates", "--out", "run", "--no-score", *QUICK]
    process = paribus.start(*command)
    while steps_logged(paribus.folder / "run") == 0:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "'paribus train gan --out run --resume' resumes it" in err
    assert (paribus.folder / "run" / "checkpoint" / "state.pt").is_file()
    assert not (paribus.folder / "run" / "done.json").exists()


@pytest.mark.slow
@pytest.mark.processes
def test_two_processes_cannot_share_a_run(paribus: Paribus) -> None:
    command = ["train", "gan", "--budget", "100000updates", "--out", "run", "--no-score", *QUICK]
    process = paribus.start(*command)
    try:
        while steps_logged(paribus.folder / "run") == 0:
            assert process.poll() is None
            time.sleep(0.02)
        assert "Another process is working in this run's folder." in paribus(*command, "--resume", code=2).stderr
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.processes
def test_workers_die_with_a_killed_parent_and_the_study_carries_on(paribus: Paribus) -> None:
    command = ["compare", "--models", "gan,vae", "--seeds", "1", "--budget", "30kimg", "--out", "study", *QUICK]
    command += ["-o", "training.checkpoint_steps=20"]
    process = paribus.start(*command)
    runs = paribus.folder / "study" / "runs"
    while steps_logged(runs / "gan-seed0") == 0 or steps_logged(runs / "vae-seed0") == 0:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and workers_of(paribus.folder):
        time.sleep(0.1)
    assert not workers_of(paribus.folder), "a worker outlived its parent"
    paribus(*command)
    results = json.loads((paribus.folder / "study" / "results.json").read_text())
    assert [row["status"] for row in results["runs"]] == ["done", "done"]
    for model in ("gan", "vae"):
        alone = [*QUICK, "-o", "training.threads=1", "-o", "training.checkpoint_steps=20"]
        paribus("train", model, "--budget", "30kimg", "--out", f"alone-{model}", "--no-score", *alone)
        assert digest(paribus.folder / f"alone-{model}") == digest(runs / f"{model}-seed0")


def workers_of(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_text().split("\0")
                place = (entry / "cwd").resolve()
            except OSError:
                continue
            if "paribus.studies.worker" in words and place == folder.resolve():
                found.append(entry.name)
    return found


@pytest.mark.slow
@pytest.mark.processes
def test_ctrl_c_stops_a_study_with_checkpoints(paribus: Paribus) -> None:
    command = ["compare", "--models", "gan,vae", "--seeds", "1", "--budget", "9000kimg", "--out", "study", *QUICK]
    process = paribus.start(*command)
    runs = paribus.folder / "study" / "runs"
    while steps_logged(runs / "gan-seed0") == 0 or steps_logged(runs / "vae-seed0") == 0:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command resumes from the checkpoints" in err
    assert not workers_of(paribus.folder)
    for run in ("gan-seed0", "vae-seed0"):
        assert (runs / run / "checkpoint" / "state.pt").is_file()
        assert not (runs / run / "done.json").exists()
    rows = json.loads((paribus.folder / "study" / "results.json").read_text())["runs"]
    assert [row["status"] for row in rows] == ["unfinished", "unfinished"]


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_a_killed_run_leaves_can_be_sampled(how: signal.Signals, paribus: Paribus) -> None:
    snapshots = paribus.folder / "run" / "snapshots"
    process = paribus.start("train", "vae", "--data", "digits", "--size", "12", "--budget", "50000kimg", "--out", "run",
                            "--no-score", *QUICK, "-o", "training.snapshots=every 2000img")  # fmt: skip
    while not list(snapshots.glob("*")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert not (paribus.folder / "run" / "done.json").exists()
    said = paribus("sample", "run", "--out", "grid.png")
    assert said.stderr.startswith("run: the run is unfinished: its weights after ")
    assert (paribus.folder / "grid.png").is_file()
