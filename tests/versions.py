"""`python -m tests.versions`: installs Paribus with every Python found here, and with the oldest packages that
pyproject.toml states, into environments of their own, and tries it there. By hand: it installs gigabytes.

One environment lies under --folder at a time and is removed after its attempt.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
MINORS = (11, 12, 13, 14)
SHOWN = ("torch", "numpy", "pillow", "scipy", "scikit-learn", "pyarrow", "datasets", "pydantic", "typer")
BEGIN, END = "<!-- versions: python -m tests.versions -->", "<!-- /versions -->"
TESTS = ("tests/base", "tests/results", "tests/data/test_sources.py", "tests/training/test_loop.py")
SMALL = ("--data", "digits", "--budget", "20updates", "-o", "evaluation.samples=200", "-o", "training.threads=1")
PARIBUS = ("-m", "paribus")
STEPS: dict[str, tuple[str, ...]] = {
    "train": (*PARIBUS, "train", "vae", *SMALL, "--out", "run"),
    "resume": (*PARIBUS, "train", "vae", *SMALL, "--out", "run", "--resume"),
    "evaluate": (*PARIBUS, "evaluate", "run"),
    "study": (*PARIBUS, "compare", "--models", "gan,vae", "--seeds", "1", *SMALL, "--out", "study"),
    "report": (*PARIBUS, "report", "run", "--out", "page.html"),
    "sample": (*PARIBUS, "sample", "run", "-n", "9", "--out", "samples.npz"),
    "arrays": ("-c", "import numpy; assert set(numpy.load('samples.npz')) == {'images'}"),
    "tests": ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "default", *TESTS),
}
"""What is tried in each environment, in this order; all but the tests in an empty folder."""


@dataclass
class Attempt:
    """What was tried and what came of it.

    Attributes:
        python: Version of Python, "3.12".
        packages: "pinned" by constraints.txt, or the "oldest" that pyproject.toml states.
        versions: Versions that were installed, by package.
        results: "held", or the last line that was said, by step; "install" is the first.
        seconds: All of it.
    """

    python: str
    packages: str
    versions: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def row(self) -> str:
        """A line of the table."""
        versions = ", ".join(f"{name} {self.versions[name]}" for name in SHOWN if name in self.versions) or "–"
        broken = [f"{step}: {text}" for step, text in self.results.items() if text != "held"]
        held = [step for step, text in self.results.items() if text == "held"]
        cells = (self.python, self.packages, versions, ", ".join(held) or "–", "; ".join(broken) or "–")
        return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} | {self.seconds / 60:.0f} |"


def table(attempts: Sequence[Attempt]) -> str:
    """The attempts as Markdown."""
    head = "| Python | packages | of these | held | did not | minutes |\n|---|---|---|---|---|--:|"
    return "\n".join([head, *(attempt.row() for attempt in attempts)])


def pythons() -> Iterator[tuple[str, str | None]]:
    """The versions that Paribus is for, and the newest interpreter of each that is on the path or in pyenv's folder."""
    for minor in MINORS:
        found = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        yield f"3.{minor}", str(found[-1]) if found else shutil.which(f"python3.{minor}")


def oldest() -> list[str]:
    """Constraints to the lowest version of each package that pyproject.toml allows."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return [f"{found[1]}=={found[2]}" for each in wanted if (found := re.fullmatch(r"([\w-]+)>=([\d.]+)", each))]


def tried(attempt: Attempt, interpreter: str, constraints: Sequence[str], folder: Path) -> Attempt:
    """Installs and tries; the environment is gone afterwards."""
    start, environment, work = time.monotonic(), folder / "environment", folder / "work"
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    (folder / "constraints.txt").write_text("\n".join(constraints), encoding="utf-8")
    pip = (str(python), "-m", "pip", "install", "--quiet", "--prefer-binary")
    try:
        work.mkdir()
        said = _said((interpreter, "-m", "venv", str(environment)), folder) or _said((*pip, "-U", "pip"), folder)
        said = said or _said(
            (*pip, "-c", str(folder / "constraints.txt"), f"{ROOT}[tune]", "pytest", "hypothesis"), folder, 3600
        )
        attempt.results["install"] = said or "held"
        if not said:
            listed = subprocess.run((python, "-m", "pip", "freeze"), capture_output=True, text=True, check=True).stdout
            pairs = [line.lower().split("==") for line in listed.splitlines() if "==" in line]
            attempt.versions = {name.replace("_", "-"): version for name, version in pairs}
            for step, words in STEPS.items():
                place = ROOT if step == "tests" else work
                attempt.results[step] = _said((str(python), *words), place, 1800, folder / "cache") or "held"
                print(f"Python {attempt.python}, {attempt.packages}: {step}: {attempt.results[step]}", flush=True)
    finally:
        for path in (environment, work):
            shutil.rmtree(path, ignore_errors=True)
        attempt.seconds = time.monotonic() - start
    return attempt


def _said(command: Sequence[str], place: Path, timeout: float = 600, cache: Path | None = None) -> str:
    """What a command that failed said last; nothing where it ended well."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PARIBUS"))}
    environment |= {"PARIBUS_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return f"no end within {timeout:.0f} s"
    if done.returncode == 0:
        return ""
    (place if cache is None else cache.parent).joinpath("failed.log").open("a", encoding="utf-8").write(
        f"$ {' '.join(command)}\n{done.stdout}\n{done.stderr}\n"
    )
    lines = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR|E  |[\w.]*(Error|Exception))\b", line)]
    return (errors or lines or [f"exit code {done.returncode}"])[-1 if not errors else 0][:160]


def main() -> None:
    """Tries what is named, prints the table, and puts it into a document."""
    parser = argparse.ArgumentParser(prog="python -m tests.versions", description=__doc__)
    parser.add_argument("wanted", nargs="*", help="3.11, 3.12, 3.13, 3.14, oldest; else all")
    parser.add_argument("--folder", type=Path, help="where environments are made; else a temporary one")
    parser.add_argument("--document", type=Path, help="a Markdown file whose table of versions is to be replaced")
    options = parser.parse_args()
    attempts = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        for version, interpreter in pythons():
            kinds = {"pinned": (version, pinned)} | ({"oldest": ("oldest", oldest())} if version == "3.11" else {})
            for packages, (name, constraints) in kinds.items():
                if options.wanted and name not in options.wanted:
                    continue
                attempt = Attempt(version, packages)
                attempts.append(attempt)
                if interpreter is None:
                    attempt.results["install"] = "no such Python on this machine, nor in a registry that it reaches"
                else:
                    tried(attempt, interpreter, constraints, Path(folder))
                print(attempt.row(), flush=True)
                log = Path(folder) / "failed.log"
                if log.is_file():
                    print(log.read_text(encoding="utf-8")[-20000:], flush=True)
                    log.unlink()
    print(table(attempts))
    if options.document:
        before = options.document.read_text(encoding="utf-8")
        new = re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{table(attempts)}\n{END}", before, flags=re.DOTALL)
        options.document.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
