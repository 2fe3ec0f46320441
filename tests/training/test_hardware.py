"""What is measured of the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from paribus.training.hardware import peak_memory_bytes

LARGE = 1_500_000_000
PEAK = "import torch; from paribus.training.hardware import peak_memory_bytes as p; print(p(torch.device('cpu')))"


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="other systems count a process by itself")
def test_peak_memory_is_the_own_one_where_the_starting_process_was_larger() -> None:
    large_parent = f"import subprocess, sys; held = b'x' * {LARGE}; subprocess.run([sys.executable, '-c', {PEAK!r}])"
    found = subprocess.run([sys.executable, "-c", large_parent], check=True, capture_output=True, text=True)
    assert 50_000_000 < int(found.stdout) < LARGE


def test_peak_memory_without_what_linux_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    told = peak_memory_bytes(torch.device("cpu"))
    monkeypatch.setattr(Path, "read_text", lambda path, *_, **__: "Name:\tpython\n")
    assert peak_memory_bytes(torch.device("cpu")) >= 0.9 * told
