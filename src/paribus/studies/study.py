"""A study: every run of a plan in a process of its own, then results and a report."""

from __future__ import annotations

import math
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError, RunsInterrupted
from paribus.base.files import read_yaml, write_json, write_yaml
from paribus.base.locks import locked_folder
from paribus.base.names import fitted_name
from paribus.base.outputs import check_output_file, refuse_foreign
from paribus.config import validated
from paribus.data import ImageData
from paribus.recipes.command import without_passwords
from paribus.results import records
from paribus.results.folder import RunFolder
from paribus.results.run import command_text, one_line
from paribus.results.study import StudyResult
from paribus.results.study_files import read_folder, write_results
from paribus.runs.identity import is_scored, refuse_another
from paribus.studies.estimate import Cost, StudyCost, estimate, starting
from paribus.studies.local_engine import run_locally, wait_until_free
from paribus.studies.matching import total_parameters
from paribus.studies.plan import StudyPlan, StudyRun
from paribus.studies.preparation import LOCAL, Preparation, prepare
from paribus.studies.results import study_result
from paribus.studies.retrying import set_aside, with_stored_changes
from paribus.studies.status import RunState, no_study
from paribus.training.hardware import machine

Timing = Callable[[str, str, int, int], None]
"""Told what is timed: which kind of run, what of it, its place among the kinds, and how many kinds there are."""
RECORDS = ("study.yaml", "results.json")
"""Each tells the folder of a study; the second is written first, and is left where the first one is removed."""
WriteReport = Callable[[Path, Path | None], Path]
"""Writes the page of a study's folder, into another file where one is named; returns its path."""


@dataclass(frozen=True)
class Study:
    """Runs of several models or settings in one folder.

    Attributes:
        folder: Where study.yaml, results.json, report.html and runs/ lie.
        plan: What was asked for.
        prepared: Its runs with their images, and how they divide the machine.
        write_report: Writes the study's page.
        engine: Where runs are trained; local, ray, or the address of a Ray cluster.
        beside: JSON files by name that the folder is to hold besides, such as what a paper reports.
        after_runs: Called with the runs when they are over, before the report is written.
        retried: Labels whose failed runs `run` tries again where it is asked to; None for all.
    """

    folder: Path
    plan: StudyPlan
    prepared: Preparation
    write_report: WriteReport
    engine: str = LOCAL
    beside: Mapping[str, Any] = field(default_factory=dict)
    after_runs: Callable[[Sequence[StudyRun]], None] = lambda runs: None
    retried: frozenset[str] | None = None

    @classmethod
    def of(
        cls,
        plan: StudyPlan,
        folder: Path | None = None,
        *,
        write_report: WriteReport,
        workers: int | None = None,
        engine: str = LOCAL,
        images: ImageData | None = None,
        may_grow: bool = True,
        beside: Mapping[str, Any] | None = None,
        after_runs: Callable[[Sequence[StudyRun]], None] = lambda runs: None,
        retried: frozenset[str] | None = None,
        records: Collection[str] = RECORDS,
    ) -> Study:
        """The study of a plan, new or resumed; nothing is written yet.

        Args:
            plan: What to do.
            folder: Where; by default runs/ and the plan's name.
            write_report: Writes the study's page.
            workers: Runs at a time; by default as many as there are cores, and one with a budget in seconds.
            engine: Where runs are trained: local, ray, or the address of a Ray cluster.
            images: Those of every run, where they are loaded already.
            may_grow: Whether a folder that holds part of the plan is extended, and not refused.
            beside: JSON files by name to write into the folder.
            after_runs: Called with the runs when they are over, before the report is written.
            retried: Labels whose runs may begin anew, where the plan's settings are others than they began with.
            records: Files each of which tells that a folder is this study's.

        Raises:
            ParibusError: The plan cannot be run, or the folder holds another study or something else.
        """
        folder = Path("runs") / plan.name if folder is None else folder
        cls.check_place(folder, records)
        stored = stored_description(folder)
        plan = with_stored_changes(plan, stored)
        threads = stored.get("threads")
        prepared = prepare(plan, folder, images=images, workers=workers, threads=threads, engine=engine)
        study = cls(folder, plan, prepared, write_report, engine, beside or {}, after_runs, retried)
        study._refuse_another(stored, may_grow)
        return study

    @staticmethod
    def check_place(folder: Path, records: Collection[str] = RECORDS) -> None:
        """Finds out before any work that a study cannot be written into a folder.

        Raises:
            ParibusError: It holds something else, or cannot be written to.
        """
        refuse_foreign(folder, "study", records)
        check_output_file(folder / "report.html")

    @property
    def runs(self) -> tuple[StudyRun, ...]:
        """All runs, in the plan's order."""
        return self.prepared.runs

    @property
    def results(self) -> StudyResult:
        """What its folder says: every run's scores, and what follows from them."""
        return read_folder(self.folder)

    @property
    def data_names(self) -> str:
        """The names of all data sets, as the plan gives them."""
        return ", ".join(dict.fromkeys(images.name for images in self.prepared.data_sets))

    @property
    def budget(self) -> str:
        """The budget of every run, or all of them where it is an axis."""
        return ", ".join(dict.fromkeys(str(run.config.training.budget) for run in self.runs))

    def run_folder(self, label: str, seed: int) -> RunFolder:
        """Where one run lies."""
        return next(run.folder for run in self.runs if (run.label, run.seed) == (label, seed))

    def waiting(self, retry: bool = False) -> list[StudyRun]:
        """The runs that `run` would train, or score anew where an older Paribus did; failed ones only with `retry`."""

        def is_over(run: StudyRun) -> bool:
            status = run.folder.ending.get("status")
            tried = retry and (self.retried is None or run.label in self.retried)
            if status == "done":
                over = is_scored(run.folder) and not run.folder.has_damaged_model
            else:
                over = status == "failed" and not tried
            return over and not self._begins_anew(run)

        return [run for run in self.runs if not is_over(run)]

    def listing(self, waiting: Sequence[StudyRun]) -> list[dict[str, Any]]:
        """Each run and what there is of it, for a table."""
        folders = {run.folder.path for run in waiting}
        return [
            {
                "run": run.name,
                "state": ("resumes" if run.folder.checkpoint.is_file() and not self._begins_anew(run) else "new")
                if run.folder.path in folders
                else run.folder.ending["status"],
                "budget": str(run.config.training.budget),
                "parameters": f"{total_parameters(run.config, self.prepared.images_of(run).shape):,}",
                "folder": str(run.folder.path),
            }
            for run in self.runs
        ]

    def estimate(self, runs: Sequence[StudyRun], notice: Timing = lambda label, what, place, of: None) -> StudyCost:
        """Expected cost of some runs: seconds of this machine with all workers busy, and bytes.

        Args:
            runs: Which.
            notice: Told which kind of run is timed, what of it, its place among the kinds, and how many there are.
        """
        first, counts = {run.label: run for run in reversed(runs)}, Counter(run.label for run in runs)
        if not runs:
            return StudyCost(0.0, 0.0, 0.0, 0.0, 0.0)
        busy = min(self.prepared.workers, len(runs))
        costs, prepared = dict[str, Cost](), dict[str, float]()
        with starting(runs[0].config, busy - 1) as starts:
            for place, label in enumerate(counts, 1):
                images = self.prepared.images_of(first[label])
                costs[label] = estimate(first[label].config, images, partial(_tell, notice, label, place, len(counts)))
                prepared.setdefault(images.fingerprint, costs[label].preparing_seconds)
            notice(label, "the start of a process", len(counts), len(counts))
            start = starts.seconds + max(cost.first_seconds for cost in costs.values())
        at_a_time = len(runs) / math.ceil(len(runs) / busy)  # the last ones may be fewer
        training, scoring, disk = (sum(costs[label][part] * n for label, n in counts.items()) for part in range(3))
        return StudyCost(
            start_seconds=start * len(runs) / at_a_time,
            preparing_seconds=sum(prepared.values()),
            training_seconds=training / at_a_time,
            scoring_seconds=scoring / at_a_time,
            disk_bytes=disk,
            by_label={label: start + cost.training_seconds + cost.scoring_seconds for label, cost in costs.items()},
        )

    def run(
        self,
        changed: Callable[[Sequence[RunState]], None] = lambda states: None,
        stop_requested: Callable[[], bool] = lambda: False,
        *,
        retry: bool = False,
    ) -> bool:
        """Trains and scores every run that is not over yet, then writes results.json and report.html.

        Args:
            changed: Called with the states of all runs whenever one of them changed.
            stop_requested: When it becomes true, the runs write their checkpoints and the study ends unfinished.
            retry: Whether failed runs are resumed, too, from their last checkpoint.

        Returns:
            Whether every run is done, or failed by itself.

        Raises:
            ParibusError: Another process is at work in the folder, or a run found other images than were planned.
            RunsInterrupted: The machine interrupted runs: the same call carries on.
        """
        with locked_folder(self.folder, "study"):
            for run in filter(self._begins_anew, self.runs):
                wait_until_free(run.folder)
                set_aside(run.folder, self.folder)
            folders = {run.folder.path for run in self.waiting(retry)}
            states = [_state(run, run.folder.path in folders) for run in self.runs]
            for state in states:
                if state.status == "waiting":
                    wait_until_free(state.run.folder)
            self.write_results()
            self.write_description()
            for name, content in self.beside.items():
                write_json(self.folder / name, content)
            changed(states)
            if self.engine == LOCAL:
                run_locally(states, self.prepared.workers, lambda: changed(states), stop_requested)
            else:
                from paribus.studies.ray_engine import run_on_ray  # Ray is an extra

                address = None if self.engine == "ray" else self.engine
                run_on_ray(states, lambda: changed(states), stop_requested, study=self.folder, address=address)
            self._refuse_other_runs()  # where a run was trained, other images or another Paribus may lie
            self.write_results()
            self.after_runs(self.runs)
            self.report()
        refuse_interruptions(states, self.folder)
        return not any(state.status in ("waiting", "stopped") for state in states)

    def write_results(self) -> None:
        """Writes results.json from the runs' folders as they are."""
        write_results(self.folder / "results.json", study_result(self.folder.name, self.prepared))

    def report(self, out: str | Path | None = None) -> Path:
        """Writes the report, a self-contained HTML file, by default report.html in the study's folder."""
        return self.write_report(self.folder, Path(out) if out else None)

    def write_description(self) -> None:
        """Writes study.yaml: what was asked for, by which commands, of which images."""
        stored, here = stored_description(self.folder), self._extent()
        sets = list({images.fingerprint: images.summary() for images in self.prepared.data_sets}.values())
        grew = bool(stored) and any(stored.get(key) != value for key, value in here.items())
        grew |= bool(stored) and with_stored_changes(StudyPlan(), stored).changed != self.plan.changed
        commands = [command_text(stored["command"])] if stored.get("command") else []
        commands += [_command()] if not stored or (grew and _command() not in commands) else []
        description = {
            "name": self.folder.name,
            "created": stored.get("created") or datetime.now(UTC).isoformat(timespec="seconds"),
            "command": " && ".join(commands),
            "budget_unit": self.runs[0].config.training.budget.unit,
            "data": sets[0] if len(sets) == 1 else {"name": self.data_names, "sets": sets},
            **here,
            "threads": self.prepared.threads,
            "machine": machine(),
            "plan": self.plan.model_dump(mode="json"),
        }
        write_yaml(self.folder / "study.yaml", description)

    def _extent(self) -> dict[str, Any]:
        return {
            "models": list(dict.fromkeys(run.label for run in self.runs)),
            "seeds": list(dict.fromkeys(run.seed for run in self.runs)),
            "budget": self.budget,
        }

    def _refuse_another(self, stored: dict[str, Any], may_grow: bool) -> None:
        named = {*self.plan.axes, *(path for values in self.plan.settings.values() for path in values)}
        for key, value in self._extent().items() if stored else ():
            kept = (
                set(stored.get(key) or ()) <= set(value) if may_grow and key != "budget" else stored.get(key) == value
            )
            if may_grow and key == "budget" and "training.budget" in named:
                continue  # each label names its own
            if not kept:
                raise ParibusError(
                    "This folder holds another study.",
                    where=f"{key} in {self.folder / 'study.yaml'}",
                    got=value,
                    expected=stored.get(key),
                    fix="repeat the command that the study began with, or choose another --out; 'paribus study run "
                    f"{self.folder}' resumes what the folder holds, 'paribus study add' extends it",
                )
        self._refuse_other_runs()

    def _begins_anew(self, run: StudyRun) -> bool:
        """Whether a retry changes the settings that a run began with."""
        if run.label not in (self.retried or ()) or not run.folder.exists:
            return False
        return RunFolder(run.folder.path).record.get("identity") != run.identity  # the run's own keeps what it read

    def _refuse_other_runs(self) -> None:
        for run in self.runs:
            if run.folder.exists and not self._begins_anew(run):
                refuse_another(run.config, self.prepared.images_of(run).fingerprint, run.folder)


def refuse_interruptions(states: Sequence[RunState], folder: Path) -> None:
    """Refuses to go on where the machine interrupted runs.

    Raises:
        RunsInterrupted: It is so; it says what happened.
    """
    reasons = [
        f"\n    {state.name}: {one_line(state.reason)}"
        for state in states
        if state.status == "stopped" and state.reason
    ]
    if reasons:
        raise RunsInterrupted(
            f"{len(reasons)} of {len(states)} runs were interrupted, by no fault of theirs:{''.join(reasons)}",
            where=str(folder),
            fix="see to what the reasons name, then give the same command again: it resumes them",
        )


def stored_description(folder: Path) -> dict[str, Any]:
    """The content of a study's study.yaml; empty where there is none."""
    path = folder / "study.yaml"
    fix = "remove the file and give the command again that the study began with: finished runs are kept"
    return records.checked(records.STUDY, read_yaml(path, fix), path, fix) if path.is_file() else {}


def stored_plan(folder: Path) -> StudyPlan:
    """The plan of the study in a folder.

    Raises:
        ParibusError: There is none.
    """
    stored = stored_description(folder)
    if "plan" not in stored:
        raise no_study(folder, "study.yaml")
    name = fitted_name(str(stored["plan"].get("name", "study")))  # its folder is there, and earlier versions took more
    try:
        plan: StudyPlan = validated(StudyPlan, stored["plan"] | {"name": name})
    except ParibusError as error:
        raise error.at(f"plan.{error.where} in {folder / 'study.yaml'}") from None
    return plan


def _state(run: StudyRun, waits: bool) -> RunState:
    done = run.folder.ending
    return RunState(run.name, run, "waiting" if waits else done["status"], reason=done.get("reason") or "")


def _tell(notice: Timing, label: str, place: int, of: int, what: str) -> None:
    notice(label, what, place, of)


def _command() -> str:
    program, *arguments = sys.argv or [""]
    if Path(program).name in ("paribus", "__main__.py"):
        return shlex.join(["paribus", *map(without_passwords, arguments)])
    return "Python, by paribus.compare, paribus.tune, paribus.replicate or paribus.commands"
