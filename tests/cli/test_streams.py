"""A program that is started without an input or an output, as some schedulers start one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TINY = (
    "train vae --out run --budget 2updates --no-score -o backbone.width=4 -o training.batch_size=4 "
    "-o training.threads=1 -o training.snapshots=[]"
)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("arguments", ["list models", TINY])
def test_closed_streams_change_nothing_but_what_is_heard(closed: str, arguments: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m paribus {arguments} {closed}"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "run" / "model.safetensors").is_file() == ("train" in arguments)


def test_a_mistake_has_its_exit_code_where_nobody_hears_of_it(tmp_path: Path) -> None:
    done = subprocess.run(["/bin/sh", "-c", f"{sys.executable} -m paribus show nothing >&- 2>&-"], cwd=tmp_path)
    assert done.returncode == 2
