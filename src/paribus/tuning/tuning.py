"""A tuning: trials that choose settings, then a study that says what the chosen ones are worth."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from optuna import Trial, TrialPruned
from optuna.pruners import MedianPruner, NopPruner
from optuna.trial import FrozenTrial, TrialState

from paribus.base.errors import AllFailed, Interrupted, ParibusError
from paribus.base.files import read_json, write_json
from paribus.base.locks import locked_folder
from paribus.base.outputs import check_output, refuse_foreign
from paribus.config import Settings
from paribus.data import ImageData, load_data
from paribus.evaluation import evaluate
from paribus.models import load_model
from paribus.models.samplers import fitted_sampler
from paribus.recipes import RunConfig
from paribus.recipes.command import without_passwords
from paribus.results.folder import RunFolder
from paribus.results.metric import Metric
from paribus.results.words import fact_words
from paribus.studies.estimate import estimate
from paribus.studies.local_engine import run_locally, wait_until_free
from paribus.studies.plan import StudyRun
from paribus.studies.preparation import divide_machine
from paribus.studies.status import RunState, Status
from paribus.studies.study import Study, WriteReport, refuse_interruptions
from paribus.training import NUMERICS_VERSION
from paribus.tuning.plan import AFTERWARDS, TuningPlan, check_plan, check_score, check_space, score_by
from paribus.tuning.trials import RETRIES, Trials, Turn, sampler_for

NOTE = (
    "These scores chose the settings, and the best of many is better than it should be: they are no results. Results "
    "stand in results.json, from other seeds and against the test split, which no trial has seen."
)
RECORDS = ("tune.json", "trials/trials.db", "trials/.lock")
"""Each tells the folder of a tuning; the trials are there before the first."""
OVER: dict[str, Status] = {"done": "done", "pruned": "stopped", "failed": "failed"}
"""States of a trial that is over, and what is shown for them."""


class TrialRecord(Settings):
    """What became of a trial.

    Attributes:
        trial: Its place among all.
        state: Whether it is over, and how.
        settings: What was tried, by path.
        score: By the plan's metric, as its evaluation.json has it; None without one.
        reason: Why it failed.
    """

    trial: int
    state: Literal["waiting", "running", "done", "pruned", "failed"]
    settings: dict[str, Any]
    score: dict[str, Any] | None = None
    reason: str | None = None


@dataclass
class Snapshots:
    """What a trial's snapshots score while it is trained, and whether it is to be given up.

    Attributes:
        trial: Optuna's, whose pruner decides.
        run: Where it is trained.
        config: Its configuration.
        data: The images.
        metric: What it is scored by.
        hopeless: Whether it is to be given up.
    """

    trial: Trial
    run: RunFolder
    config: RunConfig
    data: ImageData
    metric: Metric
    hopeless: bool = False
    _reported: int = 0

    def look(self) -> bool:
        """Scores the snapshots that are new, in their order; returns whether the trial is to be given up."""
        for images in self.run.snapshots()[self._reported :]:
            if self.hopeless:
                break
            self.trial.report(self._shortfall(images), self._reported)
            self._reported += 1
            self.hopeless = self.trial.should_prune()
        return self.hopeless

    def _shortfall(self, images: int) -> float:
        model = load_model(self.run.path, weights=self.run.snapshot(images))
        model.sampler = fitted_sampler(model, self.data.train)
        value = score_by(self.metric, evaluate(model, self.data, self.config.evaluation)).value
        return math.nan if value is None else self.metric.shortfall(value)


@dataclass(frozen=True)
class Tuning:
    """A search for better settings of a model, in one folder.

    Attributes:
        folder: Where tune.json and trials/ lie, and then the files of the winners' study.
        plan: What was asked for.
        data: The images.
        write_report: Writes the page of the winners' study.
        storage: The URL of the trials' database; None for an SQLite file in the folder.
        workers: Trials at a time.
        threads: CPU threads of each trial.
    """

    folder: Path
    plan: TuningPlan
    data: ImageData
    write_report: WriteReport
    storage: str | None
    workers: int
    threads: int
    _states: list[RunState] = field(default_factory=list, repr=False)
    _showing: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of(
        cls,
        plan: TuningPlan,
        folder: Path | None = None,
        *,
        write_report: WriteReport,
        storage: str | None = None,
        workers: int | None = None,
        images: ImageData | None = None,
    ) -> Tuning:
        """The tuning of a plan, new or resumed; nothing is written yet.

        Args:
            plan: What to do.
            folder: Where; by default runs/ and the plan's name.
            write_report: Writes the page of the winners' study.
            storage: The database of the trials, as SQLAlchemy names it; by default an SQLite file in the folder.
            workers: Trials at a time; by default as many as there are cores, and one with a budget in seconds.
            images: The images, where they are loaded already.

        Raises:
            ParibusError: The plan cannot be run, or the folder holds another tuning or cannot be written to.
        """
        check_plan(plan)
        folder = Path("runs") / plan.name if folder is None else folder
        check_output(folder)
        refuse_foreign(folder, "tuning", RECORDS)
        path = folder / "tune.json"
        stored = read_json(path) if path.is_file() else {}
        defaults = plan.trial({})
        data = images if images is not None else load_data(defaults.data)
        workers, threads = divide_machine([defaults], plan.count, workers, stored.get("threads"))
        tuning = cls(folder, plan, data, write_report, storage, workers, threads)
        tuning._refuse_another(stored)
        if not stored:  # what has begun was found good
            check_space(plan, data)
            check_score(plan, tuning.config({}), data)
        return tuning

    @property
    def trials(self) -> list[TrialRecord]:
        """What became of each trial that was begun."""
        return [self._record(place, newest) for place, newest in enumerate(self._trials.newest())]

    @property
    def left(self) -> int:
        """How many trials are not over yet."""
        return self.plan.count - sum(trial.state in OVER for trial in self.trials)

    def seconds(self) -> float:
        """Expected seconds of training of the trials that are left, on this machine alone."""
        return estimate(self.config({}), self.data, scored=False).training_seconds * self.left / self.workers

    def config(self, point: Mapping[str, Any]) -> RunConfig:
        """The configuration of a trial, with its thread count."""
        config = self.plan.trial(point)
        training = config.training.model_copy(update={"threads": config.training.threads or self.threads})
        return config.model_copy(update={"training": training})

    def run(
        self,
        changed: Callable[[Sequence[RunState]], None] = lambda states: None,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Runs the trials that are not over yet.

        Args:
            changed: Called with the states of all trials whenever one of them changed.
            stop_requested: When it becomes true, the trials write their checkpoints and the search ends unfinished.

        Returns:
            Whether all trials are over, here or on another machine.

        Raises:
            ParibusError: Another process is at work in the folder, or the database cannot be used.
        """

        def show() -> None:
            with self._showing:
                changed(self._states)

        def attempt(turn: Turn) -> float:
            try:
                return self._shortfall(turn, show)
            finally:
                show()

        with locked_folder(self.folder / "trials", "tuning"), closing(self._trials):
            self.write()
            known = {trial.trial: trial for trial in self.trials}
            self._states[:] = [self._state(place, known.get(place)) for place in range(self.plan.count)]
            finished = self._trials.run(attempt, self.workers, stop_requested)
            self.write()
        return finished

    def write(self) -> None:
        """Writes tune.json from the trials as they are."""
        content = {
            "note": NOTE,
            "split": "validation",
            "optuna": self._optuna,
            "threads": self.threads,
            "plan": self.plan.model_dump(mode="json"),
            "trials": [trial.model_dump(mode="json") for trial in self.trials],
        }
        write_json(self.folder / "tune.json", content)

    def winners(self) -> dict[str, dict[str, Any]]:
        """The best settings by name ("trial 7"), the best first; those of the defaults are left out.

        Raises:
            AllFailed: No trial came to an end.
        """
        trials = self.trials
        shortfall = self.plan.scored_by.shortfall
        done = [
            (shortfall(trial.score["value"]), trial.trial, trial)
            for trial in trials
            if trial.state == "done" and trial.score is not None
        ]
        if not done:
            reasons = [trial.reason for trial in trials if trial.reason]
            raise AllFailed(
                "No trial came to an end: there is nothing to choose from.",
                where=str(self.folder / "tune.json"),
                got=reasons[0].splitlines()[0] if reasons else f"{len(trials)} trials",
                fix="search a smaller range, for example of the learning rate, or choose another --out",
            )
        chosen: dict[str, dict[str, Any]] = {}
        seen = [self.config({}).tree()]
        for _, _, trial in sorted(done, key=lambda entry: entry[:2]):
            tree = self.config(trial.settings).tree()
            if tree not in seen:
                seen.append(tree)
                chosen[f"trial {trial.trial}"] = trial.settings
        return dict(list(chosen.items())[: self.plan.top])

    def study(self, *, workers: int | None = None) -> Study:
        """The study of the winners and the defaults, on fresh seeds, at the full budget, against the test split.

        Raises:
            AllFailed: No trial came to an end.
            ParibusError: The folder holds another study.
        """
        plan = self.plan.winners(self.winners())
        return Study.of(
            plan, self.folder, write_report=self.write_report, workers=workers, images=self.data, records=RECORDS
        )

    def _shortfall(self, turn: Turn, show: Callable[[], None]) -> float:
        """Trains one trial in a process of its own, and says what it is worth."""
        metric, state = self.plan.scored_by, self._states[turn.place]
        point = {dimension.path: dimension.suggest(turn.trial) for dimension in self.plan.space}
        run = state.run = replace(state.run, axes=point, config=self.config(point))
        wait_until_free(run.folder)
        done = run.folder.done or {}
        state.status, state.reason = done.get("status", "waiting"), done.get("reason", "")
        snapshots = Snapshots(turn.trial, run.folder, run.config, self.data, metric)
        run_locally(
            [state],
            1,
            lambda: show() if state.status == "running" else None,  # how it ended is said with its score
            lambda: turn.stopping() or snapshots.look(),
        )
        if state.status != "failed" and snapshots.look():
            state.status, state.reason = "stopped", "given up: worse than the median of earlier trials by then"
            raise TrialPruned
        if state.status == "stopped":
            if not turn.stopping() and turn.interruptions >= RETRIES:
                refuse_interruptions([state], self.folder)
            raise Interrupted(run.folder.path)
        score = score_by(metric, run.folder.evaluation) if state.status == "done" else None
        turn.trial.set_user_attr("score", score and score.as_json())
        if score is None or score.value is None:
            # for Optuna the worst of all, so that TPE keeps away from it; an error would go unnoticed
            warnings = "; ".join(map(fact_words, score.warnings)) if score else ""
            state.status, state.reason = "failed", state.reason or warnings
            turn.trial.set_user_attr("reason", state.reason)
            raise TrialPruned
        state.reason = f"{metric.name} {score.value:.5g}"
        return metric.shortfall(score.value)

    def _state(self, place: int, known: TrialRecord | None) -> RunState:
        name = f"trial {place}"
        run = StudyRun(name, {}, self.config({}), RunFolder(self.folder / "trials" / f"{place:03}"))
        if known is None:
            return RunState(name, run)
        return RunState(name, run, OVER.get(known.state, "waiting"), reason=known.reason or "")

    def _record(self, place: int, newest: FrozenTrial) -> TrialRecord:
        reason = newest.user_attrs.get("reason")
        state = {
            TrialState.COMPLETE: "done",
            TrialState.PRUNED: "failed" if reason else "pruned",
            TrialState.RUNNING: "running",
        }.get(newest.state, "waiting")
        space = {dimension.path: dimension for dimension in self.plan.space}
        return TrialRecord(
            trial=place,
            state=state,
            settings={path: space[path].read(value) for path, value in newest.params.items()},
            score=newest.user_attrs.get("score"),
            reason=reason,
        )

    @cached_property
    def _trials(self) -> Trials:
        if self.storage is None:
            (self.folder / "trials").mkdir(parents=True, exist_ok=True)
        return Trials(
            url=self.storage or f"sqlite:///{self.folder.resolve() / 'trials' / 'trials.db'}",
            name=self._name,
            count=self.plan.count,
            owner=f"{platform.node()}:{self.folder.resolve()}",
            sampler=lambda: sampler_for(self.plan.sampler, self.plan.seed, self.plan.grid),
            pruner=MedianPruner() if self.plan.pruner == "median" else NopPruner(),
        )

    @property
    def _asked(self) -> dict[str, Any]:
        """What the trials depend on."""
        return {key: value for key, value in self.plan.model_dump(mode="json").items() if key not in AFTERWARDS}

    @property
    def _name(self) -> str:
        """The name of Optuna's study: the same on every machine that is asked for the same trials of the same images.

        It holds a hash of all that a trial depends on, so that one database serves any number of tunings.
        """
        asked, tree = self._asked, self.plan.trial({}).tree()
        for place in (asked, tree):
            place["data"] = place["data"] | {"name": self.data.fingerprint}  # wherever the images lie on this machine
        content = [asked, tree, NUMERICS_VERSION]
        return f"{self.plan.name}-{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]}"

    @property
    def _optuna(self) -> dict[str, str | None]:
        return {"study": self._name, "storage": self.storage and without_passwords(self.storage)}

    def _refuse_another(self, stored: dict[str, Any]) -> None:
        if not stored:
            return
        before = stored["plan"] | stored["optuna"]
        for key, value in (self._asked | self._optuna).items():
            if before.get(key) != value:
                raise ParibusError(
                    "This folder holds another tuning.",
                    where=f"{key} in {self.folder / 'tune.json'}",
                    got=value,
                    expected=before.get(key),
                    fix="repeat the command that the tuning began with, or choose another --out",
                )
