"""Places and attempts: what Optuna's trials are to a tuning.

A trial has a place, 0 to count - 1, by the order in which trials were begun. One that was interrupted goes on as
another trial of Optuna's, with the same settings, at the same place: its next attempt.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from optuna import Study
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

# Python's filters belong to the process: workers that set and restored them side by side would lose each other's.
_filters = threading.Lock()


@contextmanager
def experimental() -> Iterator[None]:
    """Without Optuna's warnings that the interface of what is used here may change."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def newest_attempts(study: Study) -> list[FrozenTrial]:
    """The newest attempt at each place."""
    attempts: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        attempts[_first_attempt(trial)] = trial
    return list(attempts.values())


def place_of(study: Study, trial: FrozenTrial) -> int:
    """The place of an attempt: how many trials were begun before its first one."""
    return sorted({_first_attempt(other) for other in study.get_trials(deepcopy=False)}).index(_first_attempt(trial))


def interruptions(trial: FrozenTrial) -> int:
    """How many attempts there were before this one."""
    with experimental():
        return len(RetryHeartbeatStaleTrialCallback.retry_history(trial))


def give_back(study: Study, trial: FrozenTrial) -> None:
    """Puts a trial whose attempt was interrupted into Optuna's queue again, for whoever asks next."""
    if trial.state == TrialState.RUNNING:
        trial = study.tell(trial.number, state=TrialState.FAIL)
    with experimental():
        RetryHeartbeatStaleTrialCallback()(study, trial)


def _first_attempt(trial: FrozenTrial) -> int:
    with experimental():
        first = RetryHeartbeatStaleTrialCallback.retried_trial_number(trial)
    return trial.number if first is None else first
