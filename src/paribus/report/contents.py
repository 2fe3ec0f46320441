"""What a report is about: a study's runs, scores and summaries as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from paribus.results.folder import RunFolder
from paribus.results.statistics import Comparison, Summary, summary

PLAIN_KEYS = {"step", "images", "seconds"}
"""What a line of a run's log holds besides terms."""


@dataclass(frozen=True)
class Metric:
    """A metric in words; direction is "lower", "higher", "towards" (its target) or "none"."""

    name: str
    label: str
    unit: str = ""
    direction: str = "none"
    meaning: str = ""
    comparable: str = ""
    target: float | None = None

    @property
    def better(self) -> str:
        """Which values are better: "lower is better", "nearer to 1 is better"; empty where none are."""
        if self.target is not None:
            return f"nearer to {self.target:g} is better"
        return f"{self.direction} is better" if self.direction in ("lower", "higher") else ""

    @property
    def arrow(self) -> str:
        """The same as a sign."""
        if self.target is not None:
            return f"→ {self.target:g}"
        return {"lower": "↓", "higher": "↑"}.get(self.direction, "")

    def shortfall(self, value: float) -> float:
        """How far a value is from the best: the less, the better."""
        if self.target is not None:
            return abs(value - self.target)
        return -value if self.direction == "higher" else value


@dataclass(frozen=True)
class Score:
    """One measured number; `value` is None where it could not be measured, and `warning` says why."""

    value: float | None
    error: float | None = None
    n: int | None = None
    encoder: str | None = None
    split: str | None = None
    protocol: str = ""
    warning: str = ""

    @classmethod
    def read(cls, entry: Any) -> Score:
        """A score from its JSON form; a number that is not finite counts as missing, with a warning."""
        entry = entry if isinstance(entry, dict) else {"value": entry}
        value, warning = finite(entry.get("value")), str(entry.get("warning") or "")
        if value is None and isinstance(entry.get("value"), float):
            warning = warning or "the result was not a finite number"
        return cls(
            value=value,
            error=finite(entry.get("error")),
            n=entry.get("n"),
            encoder=entry.get("encoder"),
            split=entry.get("split"),
            protocol=str(entry.get("protocol") or ""),
            warning=warning,
        )


@dataclass(frozen=True)
class Run:
    """One row of a study; status is "done", "failed" or "unfinished".

    Args:
        others: Scores of the last weights by encoder and metric, of every encoder but the first, whose are `scores`.
        sampler: What latents are drawn from: "prior", or what was fitted after training.
        command: What trains the run again by itself.
        machine: The processor and the versions that it was trained with.
    """

    model: str
    seed: int
    status: str = "done"
    reason: str = ""
    scores: dict[str, Score] = field(default_factory=dict)
    best: dict[str, Score] = field(default_factory=dict)
    others: dict[str, dict[str, Score]] = field(default_factory=dict)
    best_images: int | None = None
    best_is_last: bool = False
    images: float | None = None
    seconds: float | None = None
    updates: Any = None
    parameters: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    size: int | None = None
    latent_dim: int | None = None
    sampler: str = "prior"
    command: str = ""
    machine: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    folder: RunFolder | None = None

    @property
    def label(self) -> str:
        """The run in words."""
        return f"{self.model}, seed {self.seed}"

    @cached_property
    def log(self) -> dict[str, list[tuple[float, float]]]:
        """By term of the run's log, its values against the images seen."""
        found: dict[str, list[tuple[float, float]]] = {}
        for line in self.folder.metrics_lines() if self.folder else []:
            images = finite(line.get("images"))
            for term, value in line.items():
                if term not in PLAIN_KEYS and images is not None and (y := finite(value)) is not None:
                    found.setdefault(term, []).append((float(images), float(y)))
        return found

    @property
    def chosen(self) -> dict[str, Score]:
        """The scores of the snapshot that was best on the validation split; those of the last weights if it is it."""
        return self.scores if self.best_is_last else self.best

    def value(self, metric: str) -> float | None:
        """The last weights' value of a metric, or None."""
        score = self.scores.get(metric)
        return None if score is None else score.value


@dataclass(frozen=True)
class Study:
    """Everything that a report shows, apart from pictures and curves, which stay in the runs' folders."""

    name: str
    runs: tuple[Run, ...]
    models: tuple[str, ...]
    metrics: dict[str, Metric]
    single: bool = False
    created: str = ""
    command: str = ""
    budget: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    threads: int | None = None
    machine: dict[str, Any] = field(default_factory=dict)
    summaries: dict[str, dict[str, Summary]] = field(default_factory=dict)
    steadiness: dict[str, dict[str, Score]] = field(default_factory=dict)
    equal: tuple[str, ...] = ()
    varied: tuple[str, ...] = ()
    path: Path | None = None
    comparisons: dict[str, Comparison] = field(default_factory=dict, init=False, repr=False, compare=False)
    """By metric, kept as they are asked for: a page asks for the same one many times."""

    @property
    def data_name(self) -> str:
        """The data's name, short enough for a sentence."""
        name = str(self.data.get("name") or "unnamed data")
        return Path(name).name if name.startswith(("/", "./", "../", "~")) else name

    @property
    def done(self) -> tuple[Run, ...]:
        """The runs that ended well."""
        return tuple(run for run in self.runs if run.status == "done")

    def of(self, model: str) -> tuple[Run, ...]:
        """A model's runs, by seed."""
        return tuple(run for run in self.runs if run.model == model)

    def values(self, model: str, metric: str, *, best: bool = False) -> list[float]:
        """A metric's values over the finished seeds of a model, of the last or of the best weights."""
        tables = (run.chosen if best else run.scores for run in self.of(model) if run.status == "done")
        scores = (table[metric] for table in tables if metric in table)
        return [score.value for score in scores if score.value is not None]

    def summary(self, model: str, metric: str, *, best: bool = False) -> Summary | None:
        """Mean and interval over seeds: as the study recorded them, else computed from the runs.

        None where the seeds were measured through different encoders: numbers of two encoders have no mean.
        """
        if len(self.encoders(model, metric, best=best)) > 1:
            return None
        if not best and metric in self.summaries.get(model, {}):
            return self.summaries[model][metric]
        values = self.values(model, metric, best=best)
        return summary(values) if values else None

    def encoders(self, model: str, metric: str, *, best: bool = False) -> set[str | None]:
        """The encoders behind a metric's values over the finished seeds of a model."""
        tables = (run.chosen if best else run.scores for run in self.of(model) if run.status == "done")
        return {table[metric].encoder for table in tables if metric in table and table[metric].value is not None}

    def metric(self, name: str) -> Metric:
        """A metric in words, also where the study does not describe it."""
        return self.metrics.get(name) or Metric(name, name.replace("_", " "))


def finite(value: Any) -> float | None:
    """A finite number as it is, anything else as None."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None
