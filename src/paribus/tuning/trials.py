"""Optuna's part: what became of the trials, who is at work on which, and what is tried next.

The database, its use by several machines, the signs of life of running trials and the queue for those whose process
died are Optuna's. Ours are places and attempts: a trial has a place, 0 to count - 1, by the order in which trials were
begun, and one that was interrupted is resumed as another trial of Optuna's, with the same settings, at the same place:
its next attempt.
"""

from __future__ import annotations

import glob
import itertools
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError, SQLAlchemyError
from typing_extensions import override

from paribus.base.errors import Interrupted, MachineFault, ParibusError
from paribus.base.files import partial_path, sweep, sync
from paribus.base.randomness import keyed_seed
from paribus.recipes.command import without_passwords

# For good: the filters belong to the process, and Optuna's own threads set and restore them while others warn.
warnings.filterwarnings("ignore", category=ExperimentalWarning)

HEARTBEAT_SECONDS = 5
GRACE_SECONDS = 30
"""Without a sign of life for so long a trial counts as dead and goes back into the queue."""
WAIT_SECONDS = 1.0
LOCK_SECONDS = 60
"""How long a process waits for another one's turn at an SQLite file."""
RETRIES = 3
"""How often a trial that the machine interrupts is taken up again before the search ends and says so."""

OVER = (TrialState.COMPLETE, TrialState.PRUNED)


def place_of(study: optuna.Study, trial: FrozenTrial) -> int:
    """The place of an attempt: how many trials were begun before its first one."""
    return sorted({_first_attempt(other) for other in study.get_trials(deepcopy=False)}).index(_first_attempt(trial))


def interruptions(trial: FrozenTrial) -> int:
    """How many attempts there were before this one."""
    return len(RetryHeartbeatStaleTrialCallback.retry_history(trial))


def give_back(study: optuna.Study, trial: FrozenTrial) -> None:
    """Puts a trial whose attempt was interrupted back into Optuna's queue, for whoever asks next."""
    if trial.state == TrialState.RUNNING:
        trial = study.tell(trial.number, state=TrialState.FAIL)
    RetryHeartbeatStaleTrialCallback()(study, trial)


def _first_attempt(trial: FrozenTrial) -> int:
    first = RetryHeartbeatStaleTrialCallback.retried_trial_number(trial)
    return trial.number if first is None else first


class PlacedSampler(BaseSampler):
    """Draws every trial from a sampler of its own, made for the trial's place.

    So what a trial tries depends on its place and on the trials that were over before it, and not on how often the
    search was interrupted.
    """

    def __init__(self, sampler_at: Callable[[int], BaseSampler]) -> None:
        self._sampler_at, self._own = sampler_at, sampler_at(0)
        self.place = self.interruptions = 0

    @override
    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.place, self.interruptions = place_of(study, trial), interruptions(trial)
        self._own = self._sampler_at(self.place)
        self._own.before_trial(study, trial)

    @override
    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
        return self._own.infer_relative_search_space(study, trial)

    @override
    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        return self._own.sample_relative(study, trial, search_space)

    @override
    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self._own.sample_independent(study, trial, param_name, param_distribution)

    @override
    def after_trial(self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        self._own.after_trial(study, trial, state, values)


def sampler_for(kind: str, seed: int, grid: Mapping[str, list[Any]]) -> PlacedSampler:
    """Optuna's sampler of a kind, seeded for each place; for "grid" the combination of that place.

    Optuna's own grid sampler may try a combination twice where several processes share a search.
    """

    def at(place: int) -> BaseSampler:
        own = keyed_seed("tuning", seed, place) % 2**32
        if kind == "tpe":
            return TPESampler(seed=own)
        if kind == "random":
            return RandomSampler(own)
        values = next(itertools.islice(itertools.product(*grid.values()), place, None), None)
        return PartialFixedSampler(dict(zip(grid, values, strict=True)) if values else {}, RandomSampler(own))

    return PlacedSampler(at)


@dataclass(frozen=True)
class Turn:
    """A trial that is to be run.

    Attributes:
        trial: Optuna's.
        place: Its place among all.
        interruptions: How often it was begun and not ended before.
        stopping: Whether it is to stop with a checkpoint.
    """

    trial: Trial
    place: int
    interruptions: int
    stopping: Callable[[], bool]


class _Surplus(Exception):
    """Another process began the last trial at the same moment."""


@dataclass(frozen=True)
class Trials:
    """The trials of one tuning, in a database that several processes may share.

    Attributes:
        url: The database, as SQLAlchemy names it.
        name: The name of Optuna's study in it.
        count: How many trials there are to be.
        owner: This process's machine and folder: no other process of that name is at work.
        sampler: Makes the sampler of one thread.
        pruner: Optuna's.
    """

    url: str
    name: str
    count: int
    owner: str
    sampler: Callable[[], PlacedSampler]
    pruner: BasePruner

    def __post_init__(self) -> None:
        """Keeps Optuna's log from standing between the lines of whoever watches."""
        optuna.logging.set_verbosity(optuna.logging.ERROR)

    def run(self, attempt: Callable[[Turn], float], workers: int, stop_requested: Callable[[], bool]) -> bool:
        """Runs trials, `workers` at a time, until all are over, wherever.

        Args:
            attempt: Trains and scores one trial; returns the number to be made small.
            workers: How many at a time.
            stop_requested: When it becomes true, `attempt` is to stop its trial, too, by `Interrupted`.

        Returns:
            Whether all are over.

        Raises:
            ParibusError: The database cannot be used.
        """
        study, broken, beginning = self._study(), threading.Event(), threading.Lock()

        def stopping() -> bool:
            return stop_requested() or broken.is_set()

        def work() -> None:
            try:
                self._work(attempt, stopping, beginning)
            except BaseException:
                broken.set()  # the other threads' trials end with a checkpoint
                raise

        with self._readable_errors():
            while not stopping():
                self._take_back(study)
                with ThreadPoolExecutor(workers) as pool:
                    working = [pool.submit(work) for _ in range(workers)]
                for future in working:
                    future.result()
                if stopping() or self._all_over(study):
                    break
                time.sleep(WAIT_SECONDS)  # the rest is being tried elsewhere
                optuna.storages.fail_stale_trials(study)
            return self._all_over(study)

    def newest(self, study: optuna.Study | None = None) -> list[FrozenTrial]:
        """The newest attempt at each place; empty before the first one."""
        attempts = {_first_attempt(trial): trial for trial in (study or self._study()).get_trials(deepcopy=False)}
        return list(attempts.values())[: self.count]

    def close(self) -> None:
        """Ends the connections to the database; the next question opens another."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def _work(self, attempt: Callable[[Turn], float], stopping: Callable[[], bool], beginning: threading.Lock) -> None:
        """One thread's work: one trial after the other; `beginning` is held while one is taken up."""
        sampler = self.sampler()
        study = self._study(sampler)

        def objective(trial: Trial) -> float:
            trial.set_user_attr("owner", self.owner)
            begun.close()
            if sampler.place >= self.count:
                raise _Surplus
            return attempt(Turn(trial, sampler.place, sampler.interruptions, stopping))

        while not stopping():
            with ExitStack() as begun:
                begun.enter_context(beginning)  # SQLite would let two threads take the same trial from the queue
                if not self._is_something_left(study):
                    return
                study.optimize(objective, n_trials=1, catch=(Interrupted, _Surplus), callbacks=[self._after])

    def _after(self, study: optuna.Study, trial: FrozenTrial) -> None:
        if trial.state == TrialState.FAIL and place_of(study, trial) < self.count:
            give_back(study, trial)

    def _is_something_left(self, study: optuna.Study) -> bool:
        newest = self.newest(study)
        return len(newest) < self.count or any(trial.state == TrialState.WAITING for trial in newest)

    def _all_over(self, study: optuna.Study) -> bool:
        newest = self.newest(study)
        return len(newest) == self.count and all(trial.state in OVER for trial in newest)

    def _take_back(self, study: optuna.Study) -> None:
        """Gives back what an earlier process of this folder was killed at: it will show no sign of life again."""
        for trial in self.newest(study):
            if trial.state in (TrialState.RUNNING, TrialState.FAIL) and self._is_dead(trial):
                give_back(study, trial)

    def _is_dead(self, trial: FrozenTrial) -> bool:
        owner = trial.user_attrs.get("owner")
        if owner is None and trial.datetime_start is not None:  # killed before its first sign of life
            return datetime.now() - trial.datetime_start > timedelta(seconds=GRACE_SECONDS)
        return owner == self.owner

    def _study(self, sampler: PlacedSampler | None = None) -> optuna.Study:
        """Optuna's study; one for each thread, with a sampler of its own.

        Raises:
            ParibusError: The database cannot be used.
        """
        with self._readable_errors():
            return optuna.create_study(
                study_name=self.name,
                storage=self._storage,
                sampler=sampler or self.sampler(),
                pruner=self.pruner,
                load_if_exists=True,
            )

    @cached_property
    def _storage(self) -> RDBStorage:
        file = _file_of(self.url)

        def connected() -> RDBStorage:
            return RDBStorage(
                self.url,
                engine_kwargs={"connect_args": {"timeout": LOCK_SECONDS}} if file else {},
                heartbeat_interval=HEARTBEAT_SECONDS,
                grace_period=GRACE_SECONDS,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
            )

        with self._readable_errors(ImportError):
            try:
                if file is not None and file.parent.is_dir() and not file.exists():
                    _make_database(file)
                return connected()
            except (IntegrityError, ProgrammingError):  # another process made the tables at the same moment
                time.sleep(WAIT_SECONDS)
                return connected()

    @contextmanager
    def _readable_errors(self, *others: type[Exception]) -> Iterator[None]:
        kinds: tuple[type[Exception], ...] = (SQLAlchemyError, optuna.exceptions.StorageInternalError, *others)
        # Optuna asserts that a trial's end was stored, and so hides why it was not
        heard: tuple[type[Exception], ...] = (*kinds, AssertionError)
        try:
            yield
        except heard as error:
            hidden = error.__context__ if isinstance(error, AssertionError) else error
            if not isinstance(hidden, kinds):
                raise
            cause = hidden.__cause__ or hidden
            reason = " ".join(str(getattr(cause, "orig", cause)).split())  # without the statement
            file = _file_of(self.url)
            if file is not None and not file.exists():
                reason = f"no such file ({reason})"
            # a disk or a server that fails is not a wrong name
            raise (MachineFault if isinstance(cause, OperationalError) else ParibusError)(
                "The database of the trials cannot be used.",
                where="--storage",
                got=f"{without_passwords(self.url)}: {reason}",
                expected="a URL of SQLAlchemy, such as sqlite:///trials.db or postgresql+psycopg2://USER@HOST/DATABASE",
                fix="start or create the database, see to its disk, or install its driver (PostgreSQL: pip install "
                "psycopg2-binary); then give the same command again",
            ) from error


def _file_of(url: str) -> Path | None:
    """The file of an SQLite database, by its URL."""
    name = make_url(url).database if url.startswith("sqlite") else None
    return None if name in (None, "", ":memory:") else Path(name)


def _make_database(file: Path) -> None:
    """Makes an SQLite database with Optuna's tables, whole or not at all; one that another process made first stays.

    Optuna makes the tables one after the other, and a process that is killed between two would leave a database that
    takes the same name twice.
    """
    partial = partial_path(file)
    sweep(file.parent, f".*.{glob.escape(file.name)}.partial")
    try:
        made = RDBStorage(f"sqlite:///{partial}")
        made.remove_session()
        made.engine.dispose()
        sync(partial)
        try:
            os.link(partial, file)
        except FileExistsError:
            return
        except OSError:  # a file system without links
            partial.replace(file)
        sync(file.parent)
    finally:
        partial.unlink(missing_ok=True)
