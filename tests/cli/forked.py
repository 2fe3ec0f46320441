"""What a forked process of the tests does; not in conftest.py, whose module has no one name by which to find it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from paribus.__main__ import main


def command(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], said: Sequence[Path]) -> None:
    """What a forked process does: it becomes `paribus ARGUMENTS`, whose outputs go to two files."""
    for stream, path in zip((1, 2), said, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["paribus", *arguments]
    main()
