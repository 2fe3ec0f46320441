"""Places and attempts: what Optuna's trials are to a tuning.

A trial has a place, 0 to count - 1, by the order in which trials were begun. One that was interrupted goes on as
another trial of Optuna's, with the same settings, at the same place: its next attempt.
"""

from __future__ import annotations

import warnings

from optuna import Study
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

# For good: the filters belong to the process, and Optuna's own threads set and restore them while others warn.
warnings.filterwarnings("ignore", category=ExperimentalWarning)


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
    return len(RetryHeartbeatStaleTrialCallback.retry_history(trial))


def give_back(study: Study, trial: FrozenTrial) -> None:
    """Puts a trial whose attempt was interrupted into Optuna's queue again, for whoever asks next."""
    if trial.state == TrialState.RUNNING:
        trial = study.tell(trial.number, state=TrialState.FAIL)
    RetryHeartbeatStaleTrialCallback()(study, trial)


def _first_attempt(trial: FrozenTrial) -> int:
    first = RetryHeartbeatStaleTrialCallback.retried_trial_number(trial)
    return trial.number if first is None else first
