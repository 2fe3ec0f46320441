"""A study: every variant of a plan with every seed, each run in a process of its own, then results and a report."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from paribus.base.errors import ParibusError
from paribus.base.files import held, read_yaml, write_atomically, write_json
from paribus.config import validated
from paribus.data import ImageData
from paribus.recipes import RunConfig
from paribus.recipes.command import without_passwords
from paribus.results.folder import RunFolder
from paribus.results.study import StudyResult
from paribus.results.study_files import read_folder, write_results
from paribus.runs.identity import refuse_another
from paribus.studies.engines import LOCAL, Job, check_engine, engine_of, wait_until_free
from paribus.studies.equality import different_machines, equal_parameters, what_varied, what_was_equal
from paribus.studies.estimate import Cost, estimate
from paribus.studies.matching import Match, total_parameters
from paribus.studies.plan import Plan
from paribus.studies.planning import PlannedRun, planned
from paribus.studies.results import study_result
from paribus.training.hardware import machine


@dataclass(frozen=True)
class Study:
    """Runs of several variants in one folder.

    Attributes:
        folder: Where study.yaml, results.json, report.html and runs/ lie.
        plan: What was asked for.
        runs: What is to be carried out, in the plan's order.
        matches: By label, the width that the plan's `params` chose.
        workers: Runs at a time on this machine.
        threads: CPU threads of each run that does not name its own.
        engine: Where runs are carried out; see `engine_of`.
        beside: JSON files by name that the folder is to hold besides, such as what a paper reports.
        after_runs: Called with the runs when they are over, before the report is written.
    """

    folder: Path
    plan: Plan
    runs: tuple[PlannedRun, ...]
    matches: Mapping[str, Match]
    workers: int
    threads: int
    engine: str = LOCAL
    beside: Mapping[str, Any] = field(default_factory=dict)
    after_runs: Callable[[tuple[PlannedRun, ...]], None] = lambda runs: None

    @classmethod
    def of(
        cls,
        plan: Plan,
        folder: Path | None = None,
        *,
        workers: int | None = None,
        engine: str = LOCAL,
        images: ImageData | None = None,
        may_grow: bool = True,
        beside: Mapping[str, Any] | None = None,
    ) -> Study:
        """The study of a plan, new or carried on; nothing is written yet.

        Args:
            plan: What to do.
            folder: Where; by default runs/ and the plan's name.
            workers: Runs at a time; by default as many as there are cores, and one with a budget in seconds.
            engine: Where runs are carried out: local, ray, or the address of a Ray cluster.
            images: Those of every run, where they are loaded already.
            may_grow: Whether a folder that holds part of the plan is extended, and not refused.
            beside: JSON files by name to write into the folder.

        Raises:
            ParibusError: The plan cannot be carried out, or the folder holds another study.
        """
        check_engine(engine)
        folder = Path("runs") / plan.name if folder is None else folder
        stored = stored_description(folder)
        runs, matches, workers, threads = planned(
            plan, folder, images=images, workers=workers, threads=stored.get("threads"), engine=engine
        )
        study = cls(folder, plan, tuple(runs), matches, workers, threads, engine, beside or {})
        study._refuse_another(stored, may_grow)
        return study

    @classmethod
    def open(cls, folder: Path, *, workers: int | None = None, engine: str = LOCAL, plan: Plan | None = None) -> Study:
        """The study that a folder holds, or that study with a larger plan.

        Raises:
            ParibusError: There is no study in the folder.
        """
        return cls.of(plan or stored_plan(folder), folder, workers=workers, engine=engine)

    @property
    def results(self) -> StudyResult:
        """What its folder says: every run's scores, and what follows from them."""
        return read_folder(self.folder)

    @property
    def configs(self) -> dict[tuple[str, int], RunConfig]:
        """The configuration of each (label, seed)."""
        return {(run.label, run.seed): run.config for run in self.runs}

    @property
    def data_names(self) -> str:
        """The names of all data sets, as the plan gives them."""
        return ", ".join(dict.fromkeys(run.data.name for run in self.runs))

    @property
    def budget(self) -> str:
        """The budget of every run, or all of them where it is an axis."""
        return ", ".join(dict.fromkeys(str(run.config.training.budget) for run in self.runs))

    def run_folder(self, label: str, seed: int) -> RunFolder:
        """Where one run lies."""
        return next(run.folder for run in self.runs if (run.label, run.seed) == (label, seed))

    def waiting(self, retry: bool = False) -> list[PlannedRun]:
        """The runs that `run` would carry out; failed ones only with `retry`."""
        over = ("done",) if retry else ("done", "failed")
        return [run for run in self.runs if (run.folder.done or {}).get("status") not in over]

    def listing(self, waiting: list[PlannedRun]) -> list[dict[str, Any]]:
        """Each run and what there is of it, for a table."""
        open_names = {run.name for run in waiting}
        return [
            {
                "run": f"{run.label} seed {run.seed}",
                "state": ("goes on" if run.folder.checkpoint.is_file() else "new")
                if run.name in open_names
                else (run.folder.done or {})["status"],
                "budget": str(run.config.training.budget),
                "parameters": f"{total_parameters(run.config, run.data.shape):,}",
                "folder": str(run.folder.path),
            }
            for run in self.runs
        ]

    def estimate(self, runs: list[PlannedRun]) -> Cost:
        """Expected cost of some runs: seconds of this machine with all workers busy, and bytes."""
        total = Cost(0.0, 0.0, 0.0)
        for label in dict.fromkeys(run.label for run in runs):
            same = [run for run in runs if run.label == label]
            total += estimate(same[0].config, same[0].data) * len(same)
        busy = min(self.workers, len(runs)) or 1
        return Cost(total.training_seconds / busy, total.sampling_seconds / busy, total.disk_bytes)

    def run(
        self,
        changed: Callable[[list[Job]], None] = lambda jobs: None,
        stop_requested: Callable[[], bool] = lambda: False,
        *,
        retry: bool = False,
    ) -> bool:
        """Carries out every run that is not over yet, then writes results.json and report.html.

        Args:
            changed: Called with all jobs whenever one of them changed.
            stop_requested: When it becomes true, the runs write their checkpoints and the study ends unfinished.
            retry: Whether runs that failed are tried again, from their last checkpoint.

        Returns:
            Whether every run was carried out (or failed by itself).

        Raises:
            ParibusError: Another process is at work in the folder, or a run found other images than were planned.
        """
        with held(self.folder, "study"):
            again = {run.name for run in self.waiting(retry)}
            jobs = [_job(run, run.name in again) for run in self.runs]
            for job in jobs:
                if job.state == "waiting":
                    wait_until_free(job.folder)
            self.write_results()
            self._write_description()
            for name, content in self.beside.items():
                write_json(self.folder / name, content)
            changed(jobs)
            engine = engine_of(self.engine, self.workers, self.folder)
            engine(jobs, changed=lambda: changed(jobs), stop_requested=stop_requested)
            self._refuse_other_runs()  # where a run was carried out, other images or another Paribus may lie
            self.write_results()
            self.after_runs(self.runs)
            self.report()
        return not any(job.state in ("waiting", "stopped") for job in jobs)

    def write_results(self) -> None:
        """Writes results.json from the runs' folders as they are."""
        images = {id(run.data): run.data for run in self.runs}.values()
        equal = [*what_was_equal(self.configs, *images), *equal_parameters(self.matches)]
        # read anew: a run that was carried on may have moved to another machine
        begun = {(run.label, run.seed): RunFolder(run.folder.path) for run in self.runs if run.folder.exists}
        machines = {key: folder.record["machine"] for key, folder in begun.items()}
        varied = [*what_varied(self.configs), *different_machines(machines)]
        write_results(self.folder / "results.json", study_result(self.folder.name, self.runs, equal, varied))

    def report(self, out: str | Path | None = None) -> Path:
        """Writes the report, a self-contained HTML file, by default report.html in the study's folder."""
        from paribus.report import write_report

        return write_report(self.folder, Path(out) if out else None)

    def _write_description(self) -> None:
        stored, here = stored_description(self.folder), self._extent()
        sets = list({run.data.fingerprint: run.data.summary() for run in self.runs}.values())
        grew = bool(stored) and any(stored[key] != value for key, value in here.items())
        commands = [stored["command"]] if stored else []
        commands += [_command()] if not stored or (grew and _command() not in commands) else []
        description = {
            "name": self.folder.name,
            "created": stored.get("created") or datetime.now(UTC).isoformat(timespec="seconds"),
            "command": " && ".join(commands),
            "budget_unit": self.runs[0].config.training.budget.unit,
            "data": sets[0] if len(sets) == 1 else {"name": self.data_names, "sets": sets},
            **here,
            "threads": self.threads,
            "machine": machine(),
            "plan": self.plan.model_dump(mode="json"),
        }
        write_atomically(self.folder / "study.yaml", yaml.safe_dump(description, sort_keys=False, allow_unicode=True))

    def _extent(self) -> dict[str, Any]:
        return {
            "models": list(dict.fromkeys(run.label for run in self.runs)),
            "seeds": list(dict.fromkeys(run.seed for run in self.runs)),
            "budget": self.budget,
        }

    def _refuse_another(self, stored: dict[str, Any], may_grow: bool) -> None:
        named = {*self.plan.axes, *(path for values in self.plan.settings.values() for path in values)}
        for key, value in self._extent().items() if stored else ():
            kept = set(stored[key]) <= set(value) if may_grow and key != "budget" else stored[key] == value
            if may_grow and key == "budget" and "training.budget" in named:
                continue  # each label names its own
            if not kept:
                raise ParibusError(
                    "This folder holds another study.",
                    where=f"{key} in {self.folder / 'study.yaml'}",
                    got=value,
                    expected=stored[key],
                    fix="repeat the command that the study began with, or choose another --out; 'paribus study run "
                    f"{self.folder}' carries on with what the folder holds, 'paribus study add' extends it",
                )
        self._refuse_other_runs()

    def _refuse_other_runs(self) -> None:
        for run in self.runs:
            if run.folder.exists:
                refuse_another(run.config, run.data.fingerprint, run.folder)


def stored_description(folder: Path) -> dict[str, Any]:
    """The content of a study's study.yaml; empty where there is none."""
    path = folder / "study.yaml"
    return (read_yaml(path) or {}) if path.is_file() else {}


def stored_plan(folder: Path) -> Plan:
    """The plan of the study in a folder.

    Raises:
        ParibusError: There is none.
    """
    stored = stored_description(folder)
    if "plan" not in stored:
        raise ParibusError(
            "There is no study here.",
            where=str(folder),
            got="no study.yaml in it" if folder.is_dir() else "no such folder",
            expected="a folder written by 'paribus study run' or 'paribus compare'",
        )
    plan: Plan = validated(Plan, stored["plan"])
    return plan


def _job(run: PlannedRun, waiting: bool) -> Job:
    done, name = run.folder.done or {}, f"{run.label} seed {run.seed}"
    state, reason = "waiting" if waiting else done["status"], done.get("reason") or ""
    return Job(name, run.config.tree(), run.folder, state, run.expected_images, reason=reason)


def _command() -> str:
    program, *arguments = sys.argv or [""]
    if Path(program).name in ("paribus", "__main__.py"):
        return shlex.join(["paribus", *map(without_passwords, arguments)])
    return "Python, by paribus.compare, paribus.tune, paribus.replicate or paribus.studies"
