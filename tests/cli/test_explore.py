from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tests.cli.conftest import Paribus

SLOW = """
import time
from fastapi import APIRouter
from paribus.cli.console import say
from paribus.explorer.server import application, serve

router = APIRouter()

@router.get("/answer")
def compute() -> None:
    print("computing", flush=True)
    time.sleep(300)

serve(application("explorer", router), 0, browser=False, announce=say)
"""
"""A page whose one request takes minutes."""


def test_explore_answers_until_it_is_interrupted(paribus: Paribus, runs: Callable[..., Path]) -> None:
    process = paribus.start("explore", str(runs("gan", "training.snapshots=[1/2,1/1]")), "--no-browser", "--port", "0")
    address = process.stdout.readline().strip()
    with urllib.request.urlopen(address.replace("/?", "/api/models?")) as answer:
        assert json.loads(answer.read()) == ["gan, seed 0"]
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "Ctrl-C ends it\n")
    assert process.returncode == 0


def test_ctrl_c_does_not_wait_for_what_is_computed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        address = urlsplit(process.stdout.readline().strip())
        port, asked = address.port, f"/api/answer?{address.query}"
        with socket.create_connection(("127.0.0.1", port)) as visitor:
            visitor.sendall(f"GET {asked} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            assert process.stdout.readline() == "computing\n"
            process.send_signal(signal.SIGINT)
            try:
                assert process.communicate(timeout=30) == ("", "Ctrl-C ends it\n")
            finally:
                process.kill()
    assert process.returncode == 0


def test_explore_says_what_is_no_run(paribus: Paribus) -> None:
    told = paribus("explore", "nowhere", "--no-browser", code=2).stderr
    assert "There is no trained model here." in told and "nowhere" in told
