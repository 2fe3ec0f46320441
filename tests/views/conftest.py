"""The command line in this process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from paribus.__main__ import main


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
