"""A run's folder: what lies where, read and written in one place.

run.yaml            the resolved configuration, the data's fingerprint, versions, parameters
metrics.jsonl       one JSON object a line: step, images, seconds of training, flat "phase/term" keys
model.safetensors   config.json   the averaged model, all that sampling needs
checkpoint/         everything that exact resume needs
snapshots/          <images>.safetensors: the averaged model on the way
samples/            <images>.png grids on the way; final.png, real.png, reconstructions.png at the end
evaluation.json     a list of scores
snapshots.json      a list of the snapshots' scores on the validation split
done.json           written last
live.json           the decoder for the page of a report that was asked for with --live
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.base.files import locked_folder, read_yaml, write_json
from paribus.results.metric import Metric
from paribus.results.score import Score

LONGEST_LINE = 1 << 14
"""Bytes that a line of metrics.jsonl does not exceed."""
LIVE_BYTES = 5_000_000
"""Room in a page for all decoders' weights, as text: with the pictures it stays under 8 MB."""


@dataclass(frozen=True)
class RunFolder:
    """Paths and records of one run."""

    path: Path

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """An existing run.

        Raises:
            ParibusError: There is no run.yaml in the folder.
        """
        run = cls(Path(path))
        if not run.exists:
            raise ParibusError(
                "This is not the folder of a run.",
                where=str(path),
                got="no run.yaml in it" if Path(path).is_dir() else "no such folder",
                expected="a folder written by 'paribus train'",
                fix="give the folder that 'paribus train' named at its end",
            )
        return run

    @property
    def exists(self) -> bool:
        """Whether a run was started here."""
        return (self.path / "run.yaml").is_file()

    @property
    def checkpoint(self) -> Path:
        """Everything that exact resume needs."""
        return self.path / "checkpoint" / "state.pt"

    @property
    def model(self) -> Path:
        """The averaged weights."""
        return self.path / "model.safetensors"

    @property
    def metrics(self) -> Path:
        """The log of training."""
        return self.path / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        """Folder of pictures."""
        return self.path / "samples"

    def grids(self) -> list[tuple[int, Path]]:
        """The grids of samples that were drawn on the way, by training images, ascending."""
        return sorted((int(path.stem), path) for path in self.samples.glob("*.png") if path.stem.isdigit())

    def snapshot(self, images: int) -> Path:
        """Averaged weights after so many images."""
        return self.path / "snapshots" / f"{images}.safetensors"

    def snapshots(self) -> list[int]:
        """Image counts of the snapshots that are kept, ascending."""
        return sorted(int(p.stem) for p in (self.path / "snapshots").glob("*.safetensors"))

    @property
    def snapshot_scores(self) -> list[Score]:
        """What snapshots score on the validation split, or an empty list where they were not compared."""
        return read_scores(self.path / "snapshots.json")[0]

    @cached_property
    def record(self) -> dict[str, Any]:
        """The content of run.yaml."""
        return dict(read_yaml(self.path / "run.yaml") or {})

    @property
    def done(self) -> dict[str, Any] | None:
        """The content of done.json ({"status": "done" | "failed", ...}), or None while unfinished."""
        path = self.path / "done.json"
        return dict(json.loads(path.read_text())) if path.is_file() else None

    @property
    def diverged(self) -> bool:
        """Whether a loss diverged, which the same settings do again."""
        return (self.done or {}).get("failure") == "diverged"

    @property
    def evaluation(self) -> list[Score]:
        """The scores, or an empty list before the evaluation."""
        return read_scores(self.path / "evaluation.json")[0]

    @property
    def metric_words(self) -> dict[str, Metric]:
        """The words of the metrics that the run was scored by, by name."""
        return read_scores(self.path / "evaluation.json")[1]

    @property
    def live(self) -> Path:
        """The decoder, for a report's page."""
        return self.path / "live.json"

    def metrics_lines(self) -> list[dict[str, Any]]:
        """All whole lines of metrics.jsonl."""
        if not self.metrics.is_file():
            return []
        lines = []
        for line in self.metrics.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # a line that a crash cut short
                lines.append(json.loads(line))
        return lines

    def last_line(self) -> dict[str, Any]:
        """The last whole line of metrics.jsonl, without reading the others; empty where there is none."""
        if not self.metrics.is_file():
            return {}
        with self.metrics.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LONGEST_LINE))
            for line in reversed(file.read().splitlines()):
                with contextlib.suppress(ValueError):  # cut short, by a crash or by the place where reading began
                    return dict(json.loads(line))
        return {}

    def locked(self, patience_seconds: float = 2.0) -> contextlib.AbstractContextManager[None]:
        """Holds the folder for this process; see `held`."""
        return locked_folder(self.path, patience_seconds=patience_seconds)


def write_scores(path: Path, scores: Sequence[Score], words: Mapping[str, Metric]) -> None:
    """Writes scores, each with its metric's words where `words` has them, so that nothing else is needed to read it."""
    told = {name: {"words": metric.model_dump(mode="json")} for name, metric in words.items()}
    write_json(path, [score.as_json() | told.get(score.metric, {}) for score in scores])


def read_scores(path: Path) -> tuple[list[Score], dict[str, Metric]]:
    """The scores of a file, and the words of their metrics; nothing where there is no file.

    Raises:
        ParibusError: The file cannot be read, or an older Paribus wrote it.
    """
    if not path.is_file():
        return [], {}
    scores, words = [], {}
    fix = "'paribus train MODEL --out RUN --resume' or, for a study, 'paribus study run DIR' scores it again"
    try:
        for entry in json.loads(path.read_text()):
            if isinstance(entry["protocol"], str):
                raise ParibusError(
                    "These scores are of an older Paribus.",
                    where=str(path),
                    got="a protocol in words",
                    expected="a protocol of fields",
                    fix=fix,
                )
            if "words" in entry:
                words[entry["metric"]] = Metric(**entry.pop("words"))
            scores.append(Score(**entry))
    except (ValueError, TypeError, KeyError) as error:
        raise ParibusError(
            "Scores cannot be read.",
            where=str(path),
            got=str(error).splitlines()[0],
            expected="the file as Paribus wrote it",
            fix=fix,
        ) from None
    return scores, words
