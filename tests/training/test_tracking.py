"""Trackers get what metrics.jsonl gets, once, and change nothing else."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from paribus.base.errors import Interrupted, ParibusError
from paribus.results.folder import RunFolder
from paribus.runs.identity import identity
from paribus.runs.run import complete_run
from tests.conftest import made_data, tiny_config

TRACKED = "training.track=[tensorboard]"
CHEAP = ("evaluation.samples=64", "evaluation.metrics=[frechet, precision]", "evaluation.encoder=pixels")


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard itself reads: value by step, by name; fails where a step stands twice."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    found = {}
    for name in events.Tags()["scalars"]:
        values = [(event.step, event.value) for event in events.Scalars(name)]
        assert len(values) == len({step for step, _ in values}), name
        found[name] = dict(values)
    return found


def expected(run: RunFolder) -> dict[str, dict[int, Any]]:
    table: dict[str, dict[int, Any]] = {}
    for line in run.metrics_lines():
        for name, value in line.items():
            if name != "step":
                table.setdefault(name, {})[line["step"]] = pytest.approx(value, rel=1e-6)  # float32
    for score in json.loads((run.path / "evaluation.json").read_text()):
        if score["value"] is not None:
            table[f"evaluation/{score['metric']}"] = {run.done["steps"]: pytest.approx(score["value"], rel=1e-6)}
    return table


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")
def test_tensorboard_reads_every_line_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paribus.training.loop.LOG_SECONDS", 0.0)  # a line a step
    config = tiny_config("vae", TRACKED, "training.checkpoint_steps=2", *CHEAP)
    run, lines = RunFolder(tmp_path / "run"), []

    def interrupted(progress: Any) -> None:
        lines.append(progress)

    with pytest.raises(Interrupted):
        complete_run(config, made_data(), run, report=interrupted, stop_requested=lambda: len(lines) > 3)
    complete_run(config, made_data(), run)
    assert len(run.metrics_lines()) == 6
    assert scalars(run.path) == expected(run)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")
def test_tracking_changes_neither_weights_nor_identity(tmp_path: Path) -> None:
    plain, tracked = tiny_config("gan"), tiny_config("gan", TRACKED)
    data = made_data()
    assert identity(plain, data.fingerprint) == identity(tracked, data.fingerprint)
    runs = [RunFolder(tmp_path / name) for name in ("plain", "tracked")]
    for run, config in zip(runs, (plain, tracked), strict=True):
        complete_run(config, data, run, score=False)
    assert runs[0].model.read_bytes() == runs[1].model.read_bytes()
    assert [run.path.joinpath("tensorboard").is_dir() for run in runs] == [False, True]


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="wandb is installed")
def test_a_tracker_that_is_not_installed_is_said_before_training(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with pytest.raises(ParibusError, match=r"The package 'wandb' is not installed") as caught:
        complete_run(tiny_config("gan", "training.track=[wandb]"), made_data(), run)
    assert "pip install 'paribus[track]'" in str(caught.value)
    assert not run.exists and not run.metrics.exists()
