"""A study: models x seeds under one budget, each run in a process of its own, then results and a report."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from paribus.config import RunConfig
from paribus.data import ImageData
from paribus.errors import ParibusError
from paribus.experiment import data_settings, load
from paribus.overrides import merged
from paribus.recipes import resolve
from paribus.runs import RunFolder, write_atomically, write_json
from paribus.studies.engines import Job, run_locally
from paribus.studies.equality import what_varied, what_was_equal
from paribus.studies.estimate import Cost, estimate
from paribus.studies.results import results, run_row
from paribus.training.hardware import machine, usable_cores


@dataclass(frozen=True)
class Study:
    """Runs of several models in one folder.

    Attributes:
        folder: Where study.yaml, results.json, report.html and runs/ lie.
        configs: A configuration for each (model, seed).
        data: The images of all of them.
        workers: Runs at a time.
    """

    folder: Path
    configs: dict[tuple[str, int], RunConfig]
    data: ImageData
    workers: int

    @property
    def results(self) -> dict[str, Any]:
        """The content of results.json."""
        return json.loads((self.folder / "results.json").read_text())

    def run_folder(self, model: str, seed: int) -> RunFolder:
        """Where one run lies."""
        return RunFolder(self.folder / "runs" / f"{model}-seed{seed}")

    def estimate(self) -> Cost:
        """Expected cost of all runs: seconds of this machine with all workers busy, and bytes."""
        models = {model: config for (model, _), config in self.configs.items()}
        seeds = len(self.configs) / len(models)
        each = [estimate(config, self.data) for config in models.values()]
        return Cost(
            sum(cost.training_seconds for cost in each) * seeds / self.workers,
            sum(cost.sampling_seconds for cost in each) * seeds / self.workers,
            sum(cost.disk_bytes for cost in each) * seeds,
        )

    def run(
        self,
        changed: Callable[[list[Job]], None] = lambda jobs: None,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Does every run that is not finished yet, then writes results.json and report.html.

        Args:
            changed: Called with all jobs whenever one of them changed.
            stop_requested: When it becomes true, the runs write their checkpoints and the study ends unfinished.

        Returns:
            Whether every run was carried out (or failed by itself).
        """
        jobs = [self._job(model, seed, config) for (model, seed), config in self.configs.items()]
        self._write_description()
        changed(jobs)
        run_locally(jobs, self.workers, lambda: changed(jobs), stop_requested)
        self.write_results()
        self.report()
        return not any(job.state in ("waiting", "stopped") for job in jobs)

    def write_results(self) -> None:
        """Writes results.json from the runs' folders as they are."""
        rows = [run_row(model, seed, self.run_folder(model, seed), self.folder) for model, seed in self.configs]
        equal = {"equal": what_was_equal(self.configs, self.data), "varied": what_varied(self.configs)}
        write_json(self.folder / "results.json", results(rows) | equal)

    def report(self, out: str | Path | None = None) -> Path:
        """Writes the report, a self-contained HTML file, by default report.html in the study's folder."""
        from paribus.report import write_report

        return write_report(self.folder, Path(out) if out else None)

    def _job(self, model: str, seed: int, config: RunConfig) -> Job:
        folder = self.run_folder(model, seed)
        done = folder.done
        finished = done is not None and done["status"] == "done"
        return Job(f"{model} seed {seed}", config, folder, state="done" if finished else "waiting")

    def _write_description(self) -> None:
        first = next(iter(self.configs.values()))
        path = self.folder / "study.yaml"
        description = {
            "name": self.folder.name,
            "created": _stored(path).get("created") or datetime.now(UTC).isoformat(timespec="seconds"),
            "command": _command(),
            "budget": str(first.training.budget),
            "budget_unit": first.training.budget.unit,
            "data": self.data.summary(),
            "models": list(dict.fromkeys(model for model, _ in self.configs)),
            "seeds": list(dict.fromkeys(seed for _, seed in self.configs)),
            "threads": first.training.threads,
            "machine": machine(),
        }
        write_atomically(path, yaml.safe_dump(description, sort_keys=False, allow_unicode=True))


def compare(
    models: Sequence[str],
    data: ImageData | str | Path = "digits",
    *,
    seeds: int | Sequence[int] = 2,
    budget: str = "200kimg",
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    changes: dict[str, Any] | None = None,
    workers: int | None = None,
    start: bool = True,
) -> Study:
    """Trains and scores several models under one budget; carries on where an earlier call with the same words ended.

    Args:
        models: Names of presets.
        data: Loaded images, or what `load_data` takes.
        seeds: How many, or which.
        budget: The same for every run.
        out: The study's folder; by default runs/compare-DATA.
        overrides: `key.path=value` texts for every run.
        changes: Parts of the configuration tree for every run.
        workers: Runs at a time; by default as many as there are cores, and one with a budget in seconds.
        start: Whether to run it now; otherwise `Study.estimate` and `Study.run` are at hand.

    Raises:
        ParibusError: Something given is wrong, or the folder holds another study.
    """
    chosen = range(seeds) if isinstance(seeds, int) else seeds
    if not models or not chosen:
        raise ParibusError("A study needs a model and a seed.", where="--models, --seeds", got=f"{models}, {seeds}")
    change = merged(changes or {}, {"data": data_settings(data), "training": {"budget": budget}})
    configs = {
        (model, seed): resolve(model, change, {"seed": seed}, overrides=list(overrides))
        for model in dict.fromkeys(models)
        for seed in chosen
    }
    first = next(iter(configs.values()))
    cores = usable_cores()
    if workers is None:
        workers = 1 if first.training.budget.is_timed else min(cores, len(configs))
    elif workers > 1 and first.training.budget.is_timed:
        raise ParibusError(
            "With a budget in seconds runs must not share the machine: one worker at a time.",
            where="--workers",
            got=workers,
            fix="leave --workers out, or give the budget in images (200kimg) or epochs",
        )
    threads = first.training.threads or max(1, cores // workers)
    configs = {key: _with_threads(config, threads) for key, config in configs.items()}
    images = data if isinstance(data, ImageData) else load(first)
    folder = Path(out) if out is not None else Path("runs") / f"compare-{Path(first.data.name).name}"
    _refuse_another(folder, configs, images)
    study = Study(folder, configs, images, workers)
    if start:
        study.run()
    return study


def _with_threads(config: RunConfig, threads: int) -> RunConfig:
    return config.model_copy(update={"training": config.training.model_copy(update={"threads": threads})})


def _refuse_another(folder: Path, configs: dict[tuple[str, int], RunConfig], data: ImageData) -> None:
    stored = _stored(folder / "study.yaml")
    first = next(iter(configs.values()))
    asked = {
        "models": list(dict.fromkeys(model for model, _ in configs)),
        "seeds": list(dict.fromkeys(seed for _, seed in configs)),
        "budget": str(first.training.budget),
    }
    for key, value in asked.items():
        if stored and stored[key] != value:
            raise ParibusError(
                "This folder holds another study.",
                where=f"{key} in {folder / 'study.yaml'}",
                got=value,
                expected=stored[key],
                fix="repeat the command that the study began with, or choose another --out",
            )
    if stored and stored["data"]["fingerprint"] != data.fingerprint:
        raise ParibusError("This folder holds a study of other images.", where=str(folder), fix="choose another --out")


def _stored(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text()) if path.is_file() else {}


def _command() -> str:
    program, *arguments = sys.argv or [""]
    if Path(program).name in ("paribus", "__main__.py"):
        return shlex.join(["paribus", *arguments])
    return "pb.compare(...) from Python"
