"""A place that cannot be written to is one message, told before any work is done."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paribus.base.errors import ParibusError
from paribus.base.outputs import check_output, check_output_file
from paribus.cli.app import app

STUDY = "model: vae\nbudget: 64img\nseeds: 1\n"


@pytest.mark.parametrize("out", ["a file", "a file/below"])
@pytest.mark.parametrize(
    "command",
    [
        "train vae --budget 64img",
        "study run study.yaml",
        "study run study.yaml --dry-run",
        "tune vae --budget 64img --search objective.latent_dim=2..4",
        "export RUN --to onnx",
        "export RUN --to hub-folder",
        "sample RUN",
    ],
)
def test_a_file_where_a_folder_should_be(
    command: str, out: str, runs: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs("vae")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "a file").write_text("kept")
    words = [str(run) if word == "RUN" else word for word in command.split()]
    said = CliRunner().invoke(app, [*words, "--out", out])
    assert isinstance(said.exception, ParibusError), said.exception
    assert str(said.exception).startswith("This folder cannot be written to.\n  where:    --out a file")
    assert f"{tmp_path}/a file is a file" in str(said.exception)
    assert "timing" not in said.output  # no step was timed
    assert (tmp_path / "a file").read_text() == "kept"


@pytest.mark.parametrize("command", ["report RUN", "latent RUN manifold", "sample RUN"])
def test_a_folder_where_a_file_should_be(
    command: str, runs: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [str(runs("vae")) if word == "RUN" else word for word in command.split()]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    said = CliRunner().invoke(app, [*words, "--out", "folder.png"])
    assert isinstance(said.exception, ParibusError), said.exception
    assert str(said.exception).startswith("This file cannot be written.\n  where:    folder.png")


def test_what_does_not_exist_is_judged_by_the_nearest_folder_and_not_made(tmp_path: Path) -> None:
    check_output(tmp_path / "a" / "b")
    check_output_file(tmp_path / "a" / "b.png")
    assert list(tmp_path.iterdir()) == []
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write everywhere")
    for place in (locked, locked / "a" / "b"):
        with pytest.raises(ParibusError, match=f"nothing may be written to {locked}"):
            check_output(place)
