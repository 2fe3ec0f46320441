from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Paribus


def test_explore_answers_until_it_is_interrupted(paribus: Paribus, runs: Callable[..., Path]) -> None:
    process = paribus.start("explore", str(runs("gan", "training.snapshots=[1/2,1/1]")), "--no-browser", "--port", "0")
    address = process.stdout.readline().strip()
    with urllib.request.urlopen(f"{address}/api/models") as answer:
        assert json.loads(answer.read()) == ["gan, seed 0"]
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "Ctrl-C ends it\n")
    assert process.returncode == 0


def test_explore_says_what_is_no_run(paribus: Paribus) -> None:
    told = paribus("explore", "nowhere", "--no-browser", code=2).stderr
    assert "There is no trained model here." in told and "nowhere" in told
