"""The last resort of the command line: one message, a file with the traceback, exit code 70."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from paribus import __main__ as entry
from paribus.cli import app as assembled


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def app(prog_name: str) -> None:
        raise ZeroDivisionError("nobody foresaw\nthis")

    monkeypatch.setattr(assembled, "app", app)
    monkeypatch.setattr(sys, "argv", ["paribus", "train", "vae"])


def test_what_nobody_foresaw_is_one_message_and_a_file(
    broken: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == 70
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "ZeroDivisionError: nobody foresaw this" in said
    file = re.search(r"report it .* with (\S+\.log)", said)
    assert file is not None
    log = Path(file[1]).read_text()
    assert "Traceback" in log
    assert "paribus train vae" in log


def test_where_nothing_can_be_written_there_is_the_message_alone(
    broken: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    with pytest.raises(SystemExit):
        entry.main()
    assert "no file could be written" in capsys.readouterr().err


HIDDEN = """
import os, signal, sys
from paribus import __main__ as entry
from paribus.cli import app as assembled

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell inherits it ignored

def app(prog_name):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            pass
    except KeyboardInterrupt:
        raise ValueError("as pydantic's serializer says it")

assembled.app = app
entry.main()
"""


def test_an_interruption_that_a_library_makes_an_error_of_is_one() -> None:
    done = subprocess.run([sys.executable, "-c", HIDDEN], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "paribus: interrupted\n")
