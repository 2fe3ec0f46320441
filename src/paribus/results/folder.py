"""A run's folder: what lies where, read and written in one place.

run.yaml            the resolved configuration, the data's fingerprint, versions, parameters
metrics.jsonl       one JSON object a line: step, images, seconds of training, flat "phase/term" keys, and its crc32
model.safetensors   config.json   the averaged model, all that sampling needs
checkpoint/         state.pt: everything that exact resume needs; previous.pt: the one before it, until the run is done
trained_on.safetensors   a hash of each different image of the training split, sorted
snapshots/          <images>.safetensors: the averaged model on the way
samples/            <images>.png grids on the way; final.png, real.png, reconstructions.png at the end
evaluation.json     a list of scores
snapshots.json      a list of the snapshots' scores on the validation split
done.json           written last
live.json           the decoder for the page of a report that was asked for with --live
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from paribus.base.errors import Damaged, ParibusError
from paribus.base.files import read_bytes, read_json, read_yaml, remove, sweep, sync, write_atomically, write_json
from paribus.base.locks import locked_folder
from paribus.base.places import checked_path
from paribus.base.seals import KEY, ZEROS, check, sealed
from paribus.results import records
from paribus.results.metric import Metric
from paribus.results.score import Score

_SNAPSHOT = re.compile(r"(\d+)\.safetensors")

LONGEST_LINE = 1 << 14
"""Bytes that a line of metrics.jsonl does not exceed."""
LIVE_BYTES = 5_000_000
"""Room in a page for all decoders' weights, as text: with the pictures it stays under 8 MB."""


def refuse_study(folder: Path) -> None:
    """Refuses a study's folder, or that of its runs, where one run is wanted; names the runs in it.

    Raises:
        ParibusError: It is one.
    """
    is_study = (folder / "study.yaml").is_file()
    if not is_study and (not folder.is_dir() or (folder / "run.yaml").is_file()):
        return
    place = folder / "runs" if is_study else folder
    runs = sorted(record.parent.name for record in place.glob("*/run.yaml"))
    if not is_study and not runs:
        return
    raise ParibusError(
        f"This is {'a study' if is_study else 'a folder of runs'}, not one run.",
        where=str(folder),
        got=f"{len(runs)} runs in {place}: {', '.join(runs[:6])}{', ...' if len(runs) > 6 else ''}",
        fix=f"give one of them{f', such as {place / runs[0]}' if runs else ''}; 'paribus report' shows all",
    )


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
        run = cls(checked_path(path, "RUN"))
        if not run.exists:
            raise ParibusError(
                "This is not the folder of a run.",
                where=str(path),
                got="no run.yaml in it" if run.path.is_dir() else "no such folder",
                expected="a folder written by 'paribus train'",
                fix="give the folder that 'paribus train' named at its end",
            )
        return run

    @property
    def exists(self) -> bool:
        """Whether a run was started here."""
        return os.path.isfile(self.path / "run.yaml")  # noqa: PTH113  (false, too, of what can be no name)

    @property
    def checkpoint(self) -> Path:
        """Everything that exact resume needs, as `write_checkpoint` writes it."""
        return self.path / "checkpoint" / "state.pt"

    @property
    def checkpoint_before(self) -> Path:
        """The checkpoint before that one: what there is to resume from where it is damaged."""
        return self.checkpoint.with_name("previous.pt")

    @property
    def _checkpoints(self) -> list[Path]:
        """Those that there are, the newer one first."""
        return [path for path in (self.checkpoint, self.checkpoint_before) if path.is_file()]

    def write_checkpoint(self, content: bytes) -> None:
        """Writes a checkpoint with its digest, and keeps the one before it.

        Raises:
            NotWritten: The disk is full or fails; the checkpoint that there was stays.
            Damaged: What was written reads otherwise; the same.
        """
        new = self.checkpoint.with_name("new.pt")
        try:
            write_atomically(new, sealed(b"".join((f"{KEY}: {ZEROS}\n".encode(), content))))
            check(read_bytes(new), new, "the disk does not keep what is written to it: see to it, then resume")
            if self.checkpoint.is_file():
                self.checkpoint.replace(self.checkpoint_before)
            new.replace(self.checkpoint)
            sync(new.parent)
        finally:
            new.unlink(missing_ok=True)

    def read_checkpoint(self) -> Checkpoint | None:
        """The newest whole checkpoint; None where none was written yet.

        Raises:
            Damaged: There is none that is whole.
        """
        damage = None
        for path in self._checkpoints:
            try:
                content = check(read_bytes(path), path, self._start_again, required=True)
            except Damaged as error:
                damage = damage or error
                continue
            return Checkpoint(memoryview(content)[content.index(b"\n") + 1 :], path, damage)
        if damage is not None:
            raise damage
        return None

    @property
    def _start_again(self) -> str:
        """The way on where a run cannot be resumed."""
        try:
            command = f"'{self.record['command']} --out {self.path}'"
        except (OSError, KeyError, ParibusError):
            command = "the command that it began with"
        return f"remove {self.path} and start again with {command}, or, for a run of a study, with the study's command"

    @property
    def model(self) -> Path:
        """The averaged weights."""
        return self.path / "model.safetensors"

    @property
    def is_unfinished(self) -> bool:
        """Whether a run was begun, or carried on, and has not ended."""
        return self.exists and not (self.path / "done.json").is_file()

    @property
    def has_weights(self) -> bool:
        """Whether there are averaged weights: of the end, or of a moment on the way."""
        return self.model.is_file() or (self.is_unfinished and bool(self._checkpoints or self.snapshots()))

    @property
    def has_damaged_model(self) -> bool:
        """Whether the model is not as it was written, or not the one that done.json speaks of."""
        if not self.model.is_file():
            return False
        try:
            content = check(read_bytes(self.model), self.model, "")
        except Damaged:
            return True
        recorded = self.ending.get("model_sha256")
        return recorded is not None and bool(recorded != hashlib.sha256(content).hexdigest())

    @property
    def trained_on(self) -> Path:
        """A hash of each different image of the training split, uint64, sorted."""
        return self.path / "trained_on.safetensors"

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
        names = (_SNAPSHOT.fullmatch(path.name) for path in (self.path / "snapshots").glob("*.safetensors"))
        return sorted(int(name[1]) for name in names if name)

    def forget_after(self, images: int) -> None:
        """Removes the snapshots, and their pictures, of more training than so many images: of an attempt that died."""
        for pattern in ("snapshots/*.safetensors", "samples/*.png"):
            for path in self.path.glob(pattern):
                if path.stem.isdecimal() and int(path.stem) > images:
                    remove(path)

    @property
    def snapshot_scores(self) -> list[Score]:
        """What snapshots score on the validation split, or an empty list where they were not compared."""
        return read_scores(self.path / "snapshots.json")[0]

    @cached_property
    def record(self) -> dict[str, Any]:
        """The content of run.yaml."""
        path = self.path / "run.yaml"
        fix = f"restore it from a copy, or remove {self.path} and start the run again"
        return records.checked(records.RUN, read_yaml(path, fix), path, fix)

    def recorded(self, *keys: str) -> Any:
        """A value of run.yaml by the keys that lead to it.

        Raises:
            Damaged: It is not there.
        """
        value: Any = self.record
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            fix = f"restore it from a copy, or remove {self.path} and start the run again"
            raise Damaged(self.path / "run.yaml", f"no {'.'.join(keys)} in it", fix)
        return value

    @property
    def done(self) -> dict[str, Any] | None:
        """The content of done.json ({"status": "done" | "failed", ...}), or None while unfinished."""
        path = self.path / "done.json"
        if not path.is_file():
            return None
        fix = "'paribus train MODEL --out RUN --resume' or, for a study, 'paribus study run DIR' writes it again"
        found = records.checked(records.ENDING, read_json(path, fix), path, fix)
        if "status" not in found:
            raise Damaged(path, "no status in it", fix)
        return found

    @property
    def ending(self) -> dict[str, Any]:
        """The same for who goes on with the run: empty while unfinished, and where done.json is damaged."""
        try:
            return self.done or {}
        except Damaged:
            return {}

    @property
    def diverged(self) -> bool:
        """Whether a loss diverged, which the same settings do again."""
        return self.ending.get("failure") == "diverged"

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
        for line in read_bytes(self.metrics).splitlines():
            if (read := _log_line(line)) is not None:
                lines.append(read)
        return lines

    def last_line(self) -> dict[str, Any]:
        """The last whole line of metrics.jsonl, without reading the others; empty where there is none."""
        if not self.metrics.is_file():
            return {}
        with self.metrics.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LONGEST_LINE))
            for line in reversed(file.read().splitlines()):
                if (read := _log_line(line)) is not None:
                    return read
        return {}

    @contextlib.contextmanager
    def locked(self, patience_seconds: float = 2.0) -> Iterator[None]:
        """Holds the folder for this process, and removes what killed ones left half written; see `locked_folder`."""
        with locked_folder(self.path, patience_seconds=patience_seconds):
            sweep(self.path, "*/.*")
            try:
                yield
            finally:
                sweep(self.path, "*/.*")  # a killed process may have been ending still


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint.

    Attributes:
        content: As it was given to `RunFolder.write_checkpoint`.
        path: Its file.
        damage: Of the newer one that it stands in for, where that is damaged.
    """

    content: memoryview
    path: Path
    damage: Damaged | None = None


def log_line(values: Mapping[str, Any]) -> bytes:
    """A line of metrics.jsonl, which ends with the checksum of what stands before it."""
    content = json.dumps(values).encode()[:-1]
    return content + f', "crc32": "{zlib.crc32(content):08x}"}}\n'.encode()


# by its place, as seals; earlier versions wrote none
_CHECKED = re.compile(rb'(.*), "([^"]{5})": "([^"]{8})"\}', re.DOTALL)


def _log_line(line: bytes) -> dict[str, Any] | None:
    """A line of metrics.jsonl; None for one that a crash, a disk or the place where reading began has broken."""
    try:
        read = json.loads(line.decode())
        if found := _CHECKED.fullmatch(line):
            del read[found[2].decode()]
            if found[3] != b"%08x" % zlib.crc32(found[1]):
                return None
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    whole = isinstance(read, dict) and all(type(read.get(key)) in (int, float) for key in ("step", "images", "seconds"))
    return read if whole else None


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
        for entry in read_json(path, fix):
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
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ParibusError(
            "Scores cannot be read.",
            where=str(path),
            got=str(error).splitlines()[0],
            expected="the file as Paribus wrote it",
            fix=fix,
        ) from None
    return scores, words
