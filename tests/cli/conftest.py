"""Commands as a user runs them: real processes."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from paribus.__main__ import main

QUICK = ["-o", "backbone.width=8", "-o", "training.threads=1", "-o", "training.batch_size=32"]
"""Overrides that keep a run on digits small."""


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["paribus", "paribus.cli", "torch", "sklearn.datasets", "tests.cli.conftest"])


class Paribus:
    """Runs `paribus` in a folder of its own."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        # colours and the width of help texts depend on the terminal otherwise
        self.environment = os.environ | {"PARIBUS_CACHE": str(cache), "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
        self.environment.pop("PARIBUS_DATA", None)
        self.environment["OMP_NUM_THREADS"] = "1"

    # what is killed, signalled or launched by another program starts as a user's does
    def start(self, *arguments: str, launcher: Sequence[str] = (), **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *launcher, "-m", "paribus", *arguments],
            cwd=self.folder, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    # what is only waited for is forked from a process that has the imports behind it: they take 2 s each time
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


def command(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], said: Sequence[Path]) -> None:
    """What a forked process does: it becomes `paribus ARGUMENTS`, whose outputs go to two files."""
    for stream, path in zip((1, 2), said, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["paribus", *arguments]
    main()


@pytest.fixture
def paribus(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Paribus:
    return Paribus(tmp_path, tmp_path_factory.getbasetemp() / "cli-cache")
