"""`torchrun -m paribus train ...`: real processes that share a run, killed and resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from paribus.results.folder import RunFolder
from tests.cli.conftest import QUICK, Paribus
from tests.cli.test_kills import digest, steps_logged

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
UPDATES = 300
COMMAND = ["train", "gan", "--budget", f"{UPDATES}updates", "--no-score", *QUICK, "-o", "training.checkpoint_steps=10"]


def started(paribus: Paribus, *arguments: str) -> subprocess.Popen[str]:
    return paribus.start(*COMMAND, *arguments, launcher=TORCHRUN)


def wait_for(steps: int, process: subprocess.Popen[str], run: Path) -> None:
    while steps_logged(run) < steps:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def process_of(rank: int, torchrun: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()
    return next(int(c) for c in children if f"\0RANK={rank}\0" in f"\0{Path(f'/proc/{c}/environ').read_text()}\0")


def check_completes_like_an_undisturbed_run(paribus: Paribus, run: Path) -> None:
    out, err = started(paribus, "--out", run.name, "--resume").communicate(timeout=120)
    assert out.strip().endswith(run.name), err
    steps = [line["step"] for line in RunFolder(run).metrics_lines()]
    assert steps == sorted(set(steps))
    started(paribus, "--out", "whole").communicate(timeout=120)
    assert digest(run) == digest(paribus.folder / "whole")


@pytest.mark.slow
@pytest.mark.processes
def test_one_killed_process_ends_all_and_resuming_is_bit_exact(paribus: Paribus) -> None:
    run = paribus.folder / "broken"
    process = started(paribus, "--out", "broken")
    wait_for(50, process, run)
    other = process_of(0, process)
    os.kill(process_of(1, process), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.count("paribus: Another process of this run is gone.") <= 1  # torchrun may end it before it says so
    assert not Path(f"/proc/{other}").exists()
    assert not (run / "done.json").exists()
    check_completes_like_an_undisturbed_run(paribus, run)


@pytest.mark.slow
def test_terminated_processes_write_a_checkpoint(paribus: Paribus) -> None:
    run = paribus.folder / "broken"
    process = started(paribus, "--out", "broken", "-o", "training.checkpoint_steps=100000")
    wait_for(1, process, run)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    command = "torchrun --nproc_per_node 2 -m paribus train gan --out broken --resume"
    assert f"interrupted: '{command}' resumes it" in err
    assert 1 < steps_logged(run) < UPDATES
    check_completes_like_an_undisturbed_run(paribus, run)


@pytest.mark.slow
def test_a_killed_torchrun_takes_its_processes_along(paribus: Paribus) -> None:
    run = paribus.folder / "run"
    process = started(paribus, "--out", "run", "--budget", "100000updates")
    wait_for(1, process, run)
    processes = [process_of(rank, process) for rank in (0, 1)]
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in processes):
        assert time.monotonic() < deadline, "a process outlived torchrun"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_mistake_is_one_message(paribus: Paribus) -> None:
    process = started(paribus, "--out", "run", "-o", "training.batch_size=31")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1  # torchrun's own, whatever its processes end with
    assert err.count("paribus: ") == err.count("paribus: The batch cannot be divided among the processes.") == 1
    assert "exitcode  : 2" in err
    assert out == ""
    assert not (paribus.folder / "run" / "run.yaml").exists()
