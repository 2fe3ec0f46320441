"""A run shared among processes: the numbers of one process, and the same end however it was interrupted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.results.folder import RunFolder
from paribus.runs.identity import refuse_what_cannot_run, with_processes
from paribus.runs.run import complete_run
from paribus.training.distributed import process_device
from tests.conftest import made_data, tiny_config
from tests.training import pair

PROCESSES = 2


def environment(rank: int, port: int) -> dict[str, str]:
    """What torchrun tells a process."""
    own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": PROCESSES, "LOCAL_WORLD_SIZE": PROCESSES}
    shared = {"TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1}
    return {name: str(value) for name, value in (own | shared).items()}


@pytest.mark.slow
@pytest.mark.processes
def test_a_pair_of_processes_finds_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One test, so that the pair starts once."""
    alone, first, second = found_by_one_and_by_a_pair(tmp_path, monkeypatch)
    names = [*map(pair.name_of, pair.cases()), "parts"]
    differing = {name: found for name in names if (found := difference(alone[name], first[name], second[name]))}
    assert not differing
    check_scores(alone["scores"], first["scores"], second["scores"])
    check_ends(first["ends"], second["ends"])
    check_refusals(alone["refusals"], first["refusals"], second["refusals"])


def found_by_one_and_by_a_pair(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], ...]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = os.environ | {"PARIBUS_CACHE": str(folder / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.pair", str(folder)],
            env=base | environment(rank, port), stderr=subprocess.PIPE, text=True,
        )
        for rank in range(PROCESSES)
    ]  # fmt: skip
    monkeypatch.setenv("PARIBUS_CACHE", str(folder / "own-cache"))
    alone = pair.everything(folder / "alone")
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    return alone, *(torch.load(folder / f"{rank}.pt") for rank in range(PROCESSES))


def difference(one: dict[str, Any], other: dict[str, Any], second: dict[str, Any]) -> str:
    """What differs in a first step by more than rounding, or nothing."""
    if second["weights"] != other["weights"]:
        return "the processes drift apart"
    assert len(other["gradients"]) == len(one["gradients"]) > 0
    for k, (expected, gradient) in enumerate(zip(one["gradients"], other["gradients"], strict=True)):
        assert expected.norm() > 0
        error = (gradient - expected).norm() / expected.norm()
        if not error <= 1e-5:
            return f"the gradient of update {k}, by {error:.1e} of its length"
    if other["terms"] != pytest.approx(one["terms"], rel=1e-5, abs=1e-6):
        return f"the logged terms: {other['terms']} for {one['terms']}"
    for name, expected in one["buffers"].items():
        if not torch.allclose(other["buffers"][name], expected, rtol=1e-5, atol=1e-6):
            return f"the buffer {name}"
    return ""


def check_scores(alone: dict[str, Any], first: dict[str, Any], second: dict[str, Any]) -> None:
    for model, entries in alone.items():
        assert len(first[model]) == len(entries) > 20
        assert second[model] == []
        for one, of_pair in zip(entries, first[model], strict=True):
            if one["metric"] != "samples_per_second":
                for number in ("value", "error", "left_out"):
                    expected, value = one.pop(number, None), of_pair.pop(number, None)
                    assert value == expected or value == pytest.approx(expected, rel=1e-5, abs=1e-7), one["metric"]
                assert of_pair == one


def check_ends(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert first == second
    step, seconds, images = first["timed"]
    assert 0.3 <= seconds < 3
    assert images == 8 * step
    finished, step = first["asked"]
    assert not finished
    assert step > 30
    assert "Training diverged" in first["diverged"]


def check_refusals(alone: dict[str, str], first: dict[str, str], second: dict[str, str]) -> None:
    """A draw that would be the same in every process is refused; alone it is a draw as any other."""
    assert not any(alone.values())
    assert first == second
    for name, said in first.items():
        assert "would train on the same noise" in said, name
        assert "phase 'VAE' of objective 'vae'" in said
        assert "draw.normal" in said


@pytest.fixture
def second_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(1, 0).items():
        monkeypatch.setenv(name, value)


def test_processes_and_threads_are_fixed_at_the_start(second_of_two: None, monkeypatch, tmp_path: Path) -> None:
    config = tiny_config("gan", "training.threads=null")
    monkeypatch.setattr("paribus.runs.identity.usable_cores", lambda: 9)
    training = with_processes(config, RunFolder(tmp_path)).training
    assert (training.processes, training.threads) == (2, 4)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    training = with_processes(config, RunFolder(tmp_path)).training
    assert (training.processes, training.threads) == (None, 9)


@pytest.mark.parametrize(
    ("override", "where", "expected"),
    [
        ("training.processes=3", "training.processes", "torchrun --nproc_per_node 3 -m paribus train"),
        ("training.processes=1", "training.processes", "'paribus train"),
        ("training.batch_size=7", "training.batch_size", "training.batch_size=8"),
        ("training.batch_size=full", "training.batch_size", "41 images for 2 processes"),
    ],
)
def test_what_cannot_be_shared_is_refused(
    override: str, where: str, expected: str, second_of_two: None, tmp_path: Path
) -> None:
    with pytest.raises(ParibusError) as caught:
        config = with_processes(tiny_config("gan", override), RunFolder(tmp_path))
        refuse_what_cannot_run(config, made_data(n=41), RunFolder(tmp_path))
    assert caught.value.where == where
    assert expected in str(caught.value)


def test_there_must_be_a_device_for_each_process(second_of_two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ParibusError, match=r"2 processes here and 1 devices") as caught:
        process_device("auto")
    assert caught.value.where == "training.device"
    assert process_device("cpu").type == "cpu"


def test_a_resumed_run_keeps_its_number_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_config("gan")
    complete_run(config, made_data(), RunFolder(tmp_path), score=False)
    for name, value in environment(1, 0).items():
        monkeypatch.setenv(name, value)
    run = RunFolder(tmp_path)
    assert with_processes(config, run).training.processes is None
    refuse_what_cannot_run(config, made_data(), run)  # nothing is left to train
    longer = tiny_config("gan", "training.budget=9updates")
    with pytest.raises(ParibusError, match="so many processes") as caught:
        refuse_what_cannot_run(longer, made_data(), run)
    assert caught.value.expected == 1
