"""What one run gave: what it is, what it cost, and its scores."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from pydantic import JsonValue

from paribus.results.folder import RunFolder
from paribus.results.records import DataRecord, Machine
from paribus.results.score import Score

__all__ = ["DataRecord", "Machine", "RunResult", "read_run"]

Scores = dict[str, Score]
"""By metric."""
Status = Literal["done", "failed", "unfinished"]
Points = list[tuple[float, float]]

PLAIN_KEYS = {"step", "images", "seconds"}
"""What a line of a run's log holds besides terms."""


@dataclass(frozen=True)
class RunResult:
    """One run of a study, or one alone.

    Attributes:
        model: What its settings are called among those of its study: a preset, with the values of further axes.
        seed: Its seed.
        status: Whether it came to its end.
        reason: Why it failed, or how far it is.
        scores: Of the last weights. The first encoder that gives a metric speaks for the run, since numbers of two
            encoders have neither a mean nor a ranking in common.
        best: The same of the best snapshot, where that is not the last one.
        others: Of the last weights, by each other encoder's id.
        snapshots: What snapshots score on the validation split.
        preset: The preset that it began from.
        axes: The value of each of the study's axes.
        identity: What tells it from every other run.
        expected_images: Training images that its budget amounts to; None where that is not known beforehand.
        images: Training images that it has seen.
        seconds: Seconds of training alone.
        updates: By phase.
        parameters: Numbers in the networks, by role.
        flops_per_image: Operations of training for each image.
        peak_memory_bytes: The most memory that training held at once.
        sampler_seconds: Seconds of fitting what latents are drawn from.
        spent: By unit of a budget.
        size: Edge of its images in pixels.
        latent_dim: Dimensions of the latent.
        diff_augment: How the images are changed that its discriminator sees; None where it has none.
        conditional: Whether it was trained with the images' labels.
        objective: The name of what it was trained by.
        sampler: What latents are drawn from: "prior", or what was fitted after training.
        command: What trains the run again by itself.
        machine: What it was trained on.
        folder: Where it lies, if that is known.
        fingerprint: Of its data, where it stands beside runs of other studies.
    """

    model: str
    seed: int
    status: Status = "done"
    reason: str = ""
    scores: Scores = field(default_factory=dict)
    best: Scores = field(default_factory=dict)
    others: dict[str, Scores] = field(default_factory=dict)
    snapshots: tuple[Score, ...] = ()
    preset: str = ""
    axes: dict[str, JsonValue] = field(default_factory=dict)
    identity: str = ""
    expected_images: float | None = None
    images: int | None = None
    seconds: float | None = None
    updates: dict[str, int] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    flops_per_image: float | None = None
    peak_memory_bytes: int | None = None
    sampler_seconds: float | None = None
    spent: dict[str, float] = field(default_factory=dict)
    size: int | None = None
    latent_dim: int | None = None
    diff_augment: str | None = None
    conditional: bool = False
    objective: str = ""
    sampler: str = "prior"
    command: str = ""
    machine: Machine = field(default_factory=Machine)
    folder: RunFolder | None = None
    fingerprint: str | None = None

    @property
    def label(self) -> str:
        """The run in words."""
        return f"{self.model}, seed {self.seed}"

    @property
    def best_images(self) -> int | None:
        """Training images that the best snapshot had seen, where it is not the last one."""
        return next((score.snapshot for score in self.best.values() if score.snapshot is not None), None)

    @property
    def best_is_last(self) -> bool:
        """Whether snapshots were compared and the last one was the best."""
        return bool(self.snapshots) and not self.best

    @property
    def chosen(self) -> Scores:
        """The scores of the snapshot that was best on the validation split; those of the last weights if it is it."""
        return self.scores if self.best_is_last else self.best

    def value(self, metric: str) -> float | None:
        """The last weights' value of a metric, or None."""
        score = self.scores.get(metric)
        return None if score is None else score.value

    def cost(self, metric: str) -> float | None:
        """A cost, from the scores or from what the run counted itself."""
        if (value := self.value(metric)) is not None:
            return value
        counted = {
            "parameters": float(sum(self.parameters.values())) if self.parameters else None,
            "train_seconds": self.seconds,
            "images_seen": self.images,
            "flops_per_image": self.flops_per_image,
            "peak_memory_bytes": self.peak_memory_bytes,
            "sampler_seconds": self.sampler_seconds,
        }
        return counted.get(metric)

    def course(self, metric: str) -> Points:
        """A metric of the snapshots against the images seen."""
        found = [(s.snapshot, s.value) for s in self.snapshots if s.metric == metric]
        return sorted((float(x), y) for x, y in found if x is not None and y is not None)

    @cached_property
    def log(self) -> dict[str, Points]:
        """By term of the run's log, its values against the images seen."""
        found: dict[str, Points] = {}
        for line in self.folder.metrics_lines() if self.folder else []:
            images = finite(line.get("images"))
            for term, value in line.items():
                if term not in PLAIN_KEYS and images is not None and (y := finite(value)) is not None:
                    found.setdefault(term, []).append((images, y))
        return found


def read_run(folder: RunFolder, model: str = "", *, scored: bool = True) -> RunResult:
    """A run from its own folder alone, finished or not.

    Args:
        folder: It holds a run.
        model: What its settings are called; by default as its preset is.
        scored: Whether its scores are read, too; those of an older Paribus cannot be.
    """
    record, done, last = folder.record, folder.done or {}, folder.last_line()
    config, data = record.get("config") or {}, record.get("data") or {}
    preset = str(record.get("model") or config.get("model") or folder.path.name)
    scores, best, others = by_encoder(folder.evaluation if scored else [])
    running = "still training, or interrupted" if last else "not started"
    return RunResult(
        model=model or preset,
        seed=int(record.get("seed") or 0),
        status=done.get("status") or "unfinished",
        reason=one_line(str(done.get("reason") or ("" if done else running))),
        scores=scores,
        best=best,
        others=others,
        snapshots=tuple(folder.snapshot_scores) if scored else (),
        preset=preset,
        identity=str(record.get("identity") or ""),
        images=done.get("images", last.get("images")),
        seconds=finite(done.get("seconds", last.get("seconds"))),
        updates=done.get("updates") or {},
        parameters=record.get("parameters") or {},
        flops_per_image=finite(done.get("flops_per_image")),
        peak_memory_bytes=done.get("peak_memory_bytes"),
        sampler_seconds=finite(done.get("sampler_seconds")),
        spent=done.get("spent") or {},
        size=data.get("size"),
        latent_dim=(config.get("objective") or {}).get("latent_dim"),
        diff_augment=(config.get("objective") or {}).get("diff_augment"),
        conditional=bool((config.get("objective") or {}).get("conditional")),
        objective=str((config.get("objective") or {}).get("name") or ""),
        sampler=str((config.get("sampler") or {}).get("name") or "prior"),
        command=command_text(record.get("command")),
        machine=Machine.model_validate((record.get("machine") or {}) | {"threads": record.get("threads")}),
        folder=folder,
    )


def by_encoder(scores: Iterable[Score]) -> tuple[Scores, Scores, dict[str, Scores]]:
    """The scores of a run: of its last weights and of its best snapshot by the first encoder, and of its last weights
    by each other encoder, in the configured order.
    """
    last: Scores = {}
    best: Scores = {}
    others: dict[str, Scores] = {}
    for score in scores:
        table = best if score.weights == "best" else last
        if score.metric not in table:
            table[score.metric] = score
        elif table is last and score.encoder is not None:
            others.setdefault(score.encoder.id, {})[score.metric] = score
    return last, best, others


def one_line(reason: str) -> str:
    """An error of several lines ("what", then "where: ...", "got: ...") as one."""
    first, *others = [" ".join(line.split()) for line in reason.splitlines() if line.strip()] or [""]
    return f"{first.rstrip('.')} ({'; '.join(others)})" if others else first


def command_text(value: Any) -> str:
    """A command as it is typed."""
    return " ".join(str(part) for part in value) if isinstance(value, list) else str(value or "")


def finite(value: Any) -> float | None:
    """A finite number as it is, anything else as None."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None
