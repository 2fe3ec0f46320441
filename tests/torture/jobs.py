"""Commands that write files, with what they begin from and what they write undisturbed."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.torture.breaking import Breaking, ForkedWorker, forked
from tests.torture.harness import Ending, Outcome, command

_SETTINGS = ("training.batch_size=32", "backbone.width=8", "training.threads=1", "training.checkpoint_steps=4",
             "training.snapshots=['1/2']", "evaluation.samples=64", "evaluation.encoder=pixels",
             "evaluation.metrics=['kid']")  # fmt: skip
TINY = (*(word for setting in _SETTINGS for word in ("-o", setting)), "--size", "8")
_ALIKE = ("--data", "digits", "--budget", "12updates")


@dataclass(frozen=True)
class Job:
    """A command that carries on when it is given again.

    Attributes:
        arguments: Of `paribus`.
        needs: Jobs that go before it.
        workers: Whether processes of its own train for it.
    """

    arguments: tuple[str, ...]
    needs: tuple[str, ...] = ()
    workers: bool = False

    @property
    def out(self) -> str:
        """The file or folder that it writes."""
        return self.arguments[self.arguments.index("--out") + 1 if "--out" in self.arguments else 1]


JOBS = {
    "train": Job(("train", "vae", *_ALIKE, *TINY, "--resume", "--out", "run")),
    "compare": Job(("compare", "--models", "vae,gan", "--seeds", "1", *_ALIKE, *TINY, "--out", "study"), workers=True),
    "study run": Job(("study", "run", "study"), ("compare",)),
    "study add": Job(("study", "add", "study", "seeds=1"), ("compare",), workers=True),
    "tune": Job(
        (
            "tune",
            "vae",
            *_ALIKE,
            *TINY,
            "--search",
            "objective.latent_dim=[2, 3]",
            "--sampler",
            "grid",
            "--metric",
            "kid",
            "--top",
            "1",
            "--seeds",
            "1",
            "--workers",
            "1",
            "--out",
            "tuning",
        ),
        workers=True,
    ),
    "replicate": Job(("replicate", "guo-2023", "--scale", "smoke", "--out", "paper"), workers=True),
    "evaluate": Job(("evaluate", "run", "--samples", "64", "--metrics", "kid,frechet,copying"), ("train",)),
    "report": Job(("report", "run"), ("train",)),
    "live report": Job(("report", "run", "--live"), ("train",)),
    "export": Job(("export", "run", "--to", "hub-folder", "--out", "export"), ("train",)),
    "export onnx": Job(("export", "run", "--to", "onnx", "--out", "export"), ("train",)),
    "sample": Job(("sample", "run", "-n", "9", "--out", "samples"), ("train",)),
    "sample npz": Job(("sample", "run", "-n", "9", "--out", "samples.npz"), ("train",)),
    "sample gmm": Job(("sample", "run", "-n", "9", "--sampler", "gmm", "--out", "grid.png"), ("train",)),
    "latent": Job(("latent", "run", "traverse", "--out", "traverse.png"), ("train",)),
}
WRITING = tuple(JOBS)
_BEHIND = ("sklearn.datasets", "sklearn.mixture", "paribus.commands", "paribus.commands.tune", "paribus.runs.run",
           "paribus.cli.latent", "paribus.cli.train", "rich.live")  # fmt: skip
"""What commands import when they run: a fork has it already."""
_OF_A_TURN = (".lock", "log.txt", ".db", ".db-journal")


def written(folder: Path) -> dict[str, str]:
    """The sha256 of each file below a folder, by its path; without locks, logs and databases."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(_OF_A_TURN))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@dataclass(frozen=True)
class Undisturbed:
    """What a job ends with.

    Attributes:
        names: Of its files.
        content: The sha256 of those that are the same each time: the others hold times.
        writes: How many there are in its own process.
        seconds: How long it takes.
    """

    names: frozenset[str]
    content: dict[str, str]
    writes: int
    seconds: float


class Workshop:
    """Does jobs in one place, which holds what the job begins from each time."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "work"
        self._kept = folder / "kept"
        self._known: dict[str, Undisturbed] = {}
        os.environ["PARIBUS_CACHE"] = str(self.place / "cache")
        os.environ["HOME"] = str(folder)
        os.environ["PARIBUS_MEMMAP"] = "1"  # decoded images in the cache, too
        for module in _BEHIND:
            importlib.import_module(module)
        from paribus.cli import watching
        from paribus.studies import local_engine

        local_engine.subprocess.Popen = ForkedWorker  # type: ignore[misc,assignment]
        watching._can_be_timed = lambda study: False

    def undisturbed(self, name: str) -> Undisturbed:
        """What a job ends with; found out by doing it twice."""
        if name not in self._known:
            first = self._tried(name)
            time.sleep(1.0)  # records hold times in whole seconds, which would be the same
            second = self._tried(name)
            same = {path: digest for path, digest in first[0].items() if second[0].get(path) == digest}
            self._known[name] = Undisturbed(frozenset(first[0]), same, *first[1:])
            self.keep(name)
        return self._known[name]

    def _tried(self, name: str) -> tuple[dict[str, str], int, float]:
        self.set_up(name)
        began = time.monotonic()
        outcome, count = self.do(name) or (None, 0)
        if outcome is None or outcome.ending is not Ending.DONE:
            raise AssertionError(f"{name} does not even work undisturbed: {outcome}")
        return written(self.place), count, time.monotonic() - began

    def keep(self, name: str) -> None:
        """Keeps what lies in the place as what jobs may begin from."""
        shutil.copytree(self.place, self._kept / name)

    def set_up(self, name: str) -> None:
        """Clears the place, and puts into it what the job begins from."""
        for need in JOBS[name].needs:
            if not (self._kept / need).is_dir():
                self.undisturbed(need)
        os.chdir(self._kept.parent)
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        for need in JOBS[name].needs:
            shutil.copytree(self._kept / need, self.place, dirs_exist_ok=True)
        os.chdir(self.place)

    def do(
        self,
        name: str,
        breaking: Breaking | None = None,
        worker: Callable[[int], None] = lambda number: None,
        first: Callable[[], None] = lambda: None,
    ) -> tuple[Outcome, int] | None:
        """How a job ended, and its number of writes; None where its process was killed.

        Args:
            name: The job.
            breaking: Of its own process.
            worker: Called in each of its workers with its number.
            first: Called in its process.
        """

        def work() -> tuple[Outcome, int]:
            counts = breaking or Breaking(self.place)
            ForkedWorker.started, ForkedWorker.broken = 0, staticmethod(worker)  # type: ignore[assignment]
            os.chdir(self.place)
            first()
            counts.install()
            return command(*JOBS[name].arguments), counts.count

        return forked(work)

    def carried_on(self, name: str, before: str) -> Outcome:
        """Gives the command again, undisturbed; a fault where it does not end as it does otherwise."""
        expected = self._known[name]
        outcome, _ = self.do(name) or (Outcome(Ending.FAULT, "killed"), 0)
        if outcome.ending is not Ending.DONE:
            return Outcome(Ending.FAULT, f"{before}\n\nand again:\n{outcome.what}")
        found = written(self.place)
        if set(found) != expected.names:
            changed = sorted(set(found) ^ expected.names)
            return Outcome(Ending.FAULT, f"{before}\n\nother files: {changed}")
        other = [path for path, digest in expected.content.items() if found[path] != digest]
        if other:
            return Outcome(Ending.FAULT, f"{before}\n\nother bytes: {other}")
        return Outcome(Ending.DONE, before)
