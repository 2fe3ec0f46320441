"""Tiny runs on digits, trained once, and the command line in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paribus.__main__ import main
from paribus.data import load_data
from paribus.experiment import carry_out
from paribus.runs import RunFolder
from tests.conftest import tiny_config

QUICK = ("training.batch_size=64", "backbone.width=32", "training.budget=40updates", "evaluation.inversion_steps=25")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folders of runs on digits, by model and overrides."""
    folder, made = tmp_path_factory.mktemp("runs"), {}

    def run(model: str, *overrides: str, data: str = "digits") -> Path:
        key = (model, *overrides, data)
        if key not in made:
            config = tiny_config(model, *QUICK, *overrides, data={"name": data})
            made[key] = folder / str(len(made))
            carry_out(config, load_data(data), RunFolder(made[key]), score=False)
        return made[key]

    return run


@pytest.fixture
def paribus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command line in a folder of its own: returns what it printed, and checks the exit code."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["paribus", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            found = 0
        except SystemExit as error:
            found = error.code or 0
        printed = capsys.readouterr()
        assert found == code, printed.err
        return printed.err if code else printed.out

    call.json = lambda *arguments: json.loads(call("latent", *arguments, "--json"))
    return call
