"""Commands as a user runs them: real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.forked import command
from tests.forks import FORKS

QUICK = ["-o", "backbone.width=8", "-o", "training.threads=1", "-o", "training.batch_size=32"]
"""Overrides that keep a run on digits small."""
COMPARE = ["compare", "--models", "vae,gan", "--seeds", "2", "--budget", "1kimg", "--out", "study", *QUICK]


class Paribus:
    """Runs `paribus` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # colours and the width of help texts depend on the terminal otherwise
        self.environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
        self.environment.pop("PARIBUS_DATA", None)
        self.environment["OMP_NUM_THREADS"] = "1"

    # what is killed, signalled or launched by another program starts as a user's does
    def start(self, *arguments: str, launcher: Sequence[str] = (), **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *launcher, "-m", "paribus", *arguments],
            cwd=self.folder, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    # what is only waited for is forked
    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        said = [self.folder.with_suffix(".out"), self.folder.with_suffix(".err")]
        process = FORKS.Process(target=command, args=(arguments, self.folder, self.environment, said))
        process.start()
        process.join(300)
        assert process.exitcode is not None, f"{arguments} is still running"
        out, err = (path.read_text() for path in said)
        for path in said:
            path.unlink()
        assert process.exitcode == code, f"exit code {process.exitcode}\n{out}\n{err}"
        assert "Traceback" not in err
        return subprocess.CompletedProcess(arguments, code, out, err)


@pytest.fixture
def paribus(tmp_path: Path) -> Paribus:
    return Paribus(tmp_path)


@pytest.fixture(scope="session")
def finished_comparison(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder in which `COMPARE` has run, to be read alone, and what was said."""
    paribus = Paribus(tmp_path_factory.mktemp("comparison"))
    return paribus.folder, paribus(*COMPARE)


@pytest.fixture
def comparison(
    paribus: Paribus, finished_comparison: tuple[Path, subprocess.CompletedProcess[str]]
) -> subprocess.CompletedProcess[str]:
    """`COMPARE` has run in the folder of `paribus`, and said this."""
    folder, said = finished_comparison
    shutil.copytree(folder, paribus.folder, dirs_exist_ok=True)
    return said
