"""Studies killed at random moments: they complete, no run twice, with the bytes of an undisturbed study."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from paribus.results.folder import RunFolder
from tests.cli.conftest import Paribus
from tests.cli.test_kills import digest, workers_of

IMAGES = 1920
"""Of each run."""


def plan(models: list[str], sizes: list[int], seeds: int, images: int = IMAGES) -> dict[str, Any]:
    training = {"batch_size": 16, "threads": 1, "checkpoint_steps": 10, "snapshots": ["1/1"]}
    return {
        "axes": {"model": models, "data.size": sizes},
        "seeds": seeds,
        "budget": f"{images}img",
        "overrides": {"backbone": {"width": 8}, "training": training},
        "evaluation": {"samples": 64, "encoder": "pixels", "metrics": ["kid"]},
    }


def disturbed(paribus: Paribus, study: Path, runs: int, victims: list[str], moments: random.Random) -> None:
    """Runs a study, killing a process each time when so much more of the training is done, until it completes."""
    total = runs * IMAGES
    wanted = [total * (k + moments.random()) / (len(victims) + 1) for k in range(len(victims))]
    process = started(paribus, study)
    for victim, images in zip(victims, wanted, strict=True):
        while sum(map(images_logged, (study / "runs").glob("*"))) < images or not workers_of(paribus.folder):
            if process.poll() is not None:
                assert process.returncode in (1, 130), process.communicate()
                process = started(paribus, study)
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.3))
        workers = workers_of(paribus.folder)
        if victim == "parent" or not workers:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process = started(paribus, study)  # at once: its workers may still be there
        else:
            os.kill(int(moments.choice(workers)), signal.SIGKILL)
    while process.wait(timeout=600) in (1, 130):
        process = started(paribus, study)
    assert process.returncode == 0


def images_logged(run: Path) -> int:
    return RunFolder(run).last_line().get("images", 0)


def started(paribus: Paribus, study: Path, where: Sequence[str] = ("--workers", "2")) -> subprocess.Popen[str]:
    with (paribus.folder / "said.txt").open("a") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "paribus", "study", "run", "plan.yaml", "--out", str(study), *where],
            cwd=paribus.folder, env=paribus.environment, stdout=said, stderr=said, text=True,
        )  # fmt: skip


def check_each_run_once(study: Path, runs: int, kills: int, total: int = IMAGES) -> None:
    folders = sorted((study / "runs").iterdir())
    assert len(folders) == runs
    starts = 0
    for run in folders:
        images = [json.loads(line)["images"] for line in (run / "metrics.jsonl").read_text().splitlines()]
        assert images == sorted(set(images)), f"{run}: a step was logged twice"
        assert images[-1] == total
        times = re.findall(r"^--- started (.*)$", (run / "log.txt").read_text(), re.MULTILINE)
        finished = datetime.fromisoformat(json.loads((run / "done.json").read_text())["finished"])
        assert max(map(datetime.fromisoformat, times)) <= finished, f"{run} was started after its end"
        starts += len(times)
    # a kill interrupts at most two runs, as many as there are workers
    assert runs < starts <= runs + 2 * kills


def whole(paribus: Paribus, content: dict[str, Any]) -> Path:
    (paribus.folder / "plan.yaml").write_text(yaml.safe_dump(content))
    study = paribus.folder / "whole"
    assert started(paribus, study).wait(timeout=900) == 0, (paribus.folder / "said.txt").read_text()
    return study


def compared(paribus: Paribus, content: dict[str, Any], victims: list[str]) -> None:
    seed = int(os.environ.get("PARIBUS_TEST_SEED", time.time_ns() % 10_000))
    print(f"PARIBUS_TEST_SEED={seed}")  # shown when the test fails
    undisturbed = whole(paribus, content)
    expected = {run.name: digest(run) for run in (undisturbed / "runs").iterdir()}
    study = paribus.folder / "broken"
    began = datetime.now(UTC)
    disturbed(paribus, study, len(expected), victims, random.Random(seed))
    print(f"{len(victims)} kills in {(datetime.now(UTC) - began).total_seconds():.0f} s")
    assert {run.name: digest(run) for run in (study / "runs").iterdir()} == expected
    check_each_run_once(study, len(expected), len(victims))
    rows = json.loads((study / "results.json").read_text())["runs"]
    assert {row["status"] for row in rows} == {"done"}


@pytest.mark.slow
@pytest.mark.processes
def test_a_study_survives_kills(paribus: Paribus) -> None:
    compared(paribus, plan(["vae", "gan"], [8], 1), ["parent", "worker"])


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["parent", "worker"])
def test_a_large_study_survives_ten_kills(victim: str, paribus: Paribus) -> None:
    compared(paribus, plan(["vae", "gan", "dcgan"], [8, 12], 3), [victim] * 10)
