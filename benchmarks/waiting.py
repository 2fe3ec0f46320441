"""Images per second of `paribus train` with threads that sleep while they wait, beside OpenMP's own way, spinning.

Each is measured alone and beside a process that keeps one core busy.

python benchmarks/waiting.py                        about 3 minutes
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness import Result, alternate, command, show

from paribus.training.hardware import usable_cores

CASES = {"dcgan": ["dcgan"], "mlp vae": ["vae"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--rounds", type=int, default=3, help="alternating rounds a case")
    parser.add_argument("--seconds", type=float, default=6.0, help="seconds a round")
    parser.add_argument("--data", default="mnist", help="data set")
    arguments = parser.parse_args()
    print(f"{usable_cores()} cores, medians of {arguments.rounds} rounds")
    print(f"{'':<44}{'sleeping':>12}{'spinning':>12}")
    results = []
    for name, model in CASES.items():
        options = [*model, "--data", arguments.data, "--budget", f"{arguments.seconds}s", "--no-score"]
        for others in (0, 1):
            with _busy(others):
                fast, slow, ratio = alternate(
                    lambda options=options: _rate(options, {"OMP_WAIT_POLICY": "PASSIVE"}),
                    lambda options=options: _rate(options, {}),
                    arguments.rounds,
                )
            label = f"{name}, {arguments.data}, {'beside a busy process' if others else 'alone'}"
            results.append(Result(label, fast, slow, ratio, None, "images/s", command()))
    show(results, arguments.json)


@contextlib.contextmanager
def _busy(count: int) -> Iterator[None]:
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()


def _rate(options: list[str], variables: dict[str, str]) -> float:
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"} | variables
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        line = [sys.executable, "-m", "paribus", "train", *options, "--out", str(run)]
        subprocess.run(line, env=environment, check=True, capture_output=True)
        done = json.loads((run / "done.json").read_text())
    return done["images"] / done["seconds"]


if __name__ == "__main__":
    main()
