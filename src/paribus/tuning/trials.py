"""Optuna's part: what became of the trials, who is at work on which, and what is tried next.

The database, its use by several machines, the signs of life of running trials and the queue for those whose process
died are Optuna's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import optuna
from optuna.pruners import BasePruner
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import IntegrityError, ProgrammingError, SQLAlchemyError

from paribus.base.errors import Interrupted, ParibusError
from paribus.recipes.command import without_passwords
from paribus.tuning.attempts import give_back, newest_attempts, place_of
from paribus.tuning.samplers import PlacedSampler

HEARTBEAT_SECONDS = 5
GRACE_SECONDS = 30
"""Without a sign of life for so long a trial counts as dead and goes back into the queue."""
WAIT_SECONDS = 1.0
LOCK_SECONDS = 60
"""How long a process waits for another one's turn at an SQLite file."""
RETRIES = 3
"""How often a trial may be interrupted before being killed from outside counts as its failure."""

OVER = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Turn:
    """A trial that is to be carried out.

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

    def carry_out(self, attempt: Callable[[Turn], float], workers: int, stop_requested: Callable[[], bool]) -> bool:
        """Carries trials out, `workers` at a time, until all are over, wherever.

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

    def newest(self) -> list[FrozenTrial]:
        """The newest attempt at each place; empty before the first one."""
        return newest_attempts(self._study())[: self.count]

    def close(self) -> None:
        """Ends the connections to the database; the next question opens one again."""
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
        newest = newest_attempts(study)
        return len(newest) < self.count or any(trial.state == TrialState.WAITING for trial in newest[: self.count])

    def _all_over(self, study: optuna.Study) -> bool:
        newest = newest_attempts(study)[: self.count]
        return len(newest) == self.count and all(trial.state in OVER for trial in newest)

    def _take_back(self, study: optuna.Study) -> None:
        """Gives back what an earlier process of this folder was killed at: it will show no sign of life again."""
        for trial in newest_attempts(study)[: self.count]:
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
        is_file = self.url.startswith("sqlite")

        def connected() -> RDBStorage:
            return RDBStorage(
                self.url,
                engine_kwargs={"connect_args": {"timeout": LOCK_SECONDS}} if is_file else {},
                heartbeat_interval=HEARTBEAT_SECONDS,
                grace_period=GRACE_SECONDS,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
            )

        with self._readable_errors(ImportError):
            try:
                return connected()
            except (IntegrityError, ProgrammingError):  # another process made the tables at the same moment
                time.sleep(WAIT_SECONDS)
                return connected()

    @contextmanager
    def _readable_errors(self, *others: type[Exception]) -> Iterator[None]:
        kinds: tuple[type[Exception], ...] = (SQLAlchemyError, optuna.exceptions.StorageInternalError, *others)
        try:
            yield
        except kinds as error:
            reason = " ".join(str(error.__cause__ or error).split())
            raise ParibusError(
                "The database of the trials cannot be used.",
                where="--storage",
                got=f"{without_passwords(self.url)}: {reason}",
                expected="a URL of SQLAlchemy, such as sqlite:///trials.db or postgresql+psycopg2://USER@HOST/DATABASE",
                fix="start or create the database, or install its driver (PostgreSQL: pip install psycopg2-binary)",
            ) from error
