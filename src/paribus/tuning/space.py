"""What is searched: a range or a list of choices for each path of the configuration.

training.optimizer.G.learning_rate: 1e-4..1e-2 log     uniform in the logarithm
objective.latent_dim: 8..64                            whole numbers, since both ends are written as such
objective.beta: 0.5..4 step 0.5                        0.5, 1.0, ..., 4.0
backbone.width: [32, 64, 128]                          one of these
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from optuna import Trial

from paribus.base.errors import ParibusError
from paribus.base.parsing import from_yaml

# ranges as a user writes them
_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})(?:\s+(?:(log)|step\s+({_NUMBER})))?")
FORMS = "LOW..HIGH, LOW..HIGH log, LOW..HIGH step SIZE, or a list [A, B, ...]"

UNFIT = {
    "model": "Each model is tuned by itself: repeat the command for each, with the same number of trials.",
    "seed": "Seeds are not searched: the best of several seeds is luck.",
    "data": "Scores on other images cannot be compared; of the data only `data.augment` can be searched.",
    "training.budget": "Every trial has the same budget.",
    "training.snapshots": "The search chooses the snapshots.",
    "evaluation": "Scores that were taken in another way cannot be compared.",
    "tuning": "This is a record of the search.",
}
"""Paths that no search may vary, and why."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes:
        path: Of the configuration.
        step: The distance of two neighbours; None without one.
        log: Whether the search is uniform in the logarithm.
        whole: Whether the numbers are whole ones.
    """

    path: str
    low: Decimal
    high: Decimal
    step: Decimal | None = None
    log: bool = False
    whole: bool = False

    def suggest(self, trial: Trial) -> int | float:
        """The value that a trial is to try."""
        if self.whole:
            return trial.suggest_int(self.path, int(self.low), int(self.high), step=int(self.step or 1), log=self.log)
        step = None if self.step is None else float(self.step)
        return trial.suggest_float(self.path, float(self.low), float(self.high), step=step, log=self.log)

    def read(self, stored: int | float) -> int | float:
        """A value as Optuna stores it."""
        return stored

    def grid(self) -> list[int | float] | None:
        """Every value, as Optuna stores it; None where there is no step."""
        if self.step is None:
            return None
        return [self._number(self.low + k * self.step) for k in range(int((self.high - self.low) / self.step) + 1)]

    def probes(self) -> list[int | float]:
        """Both ends and a number between them: what is wrong with a path or its range shows at one of these."""
        if self.step is not None:
            inner = self.low + self.step
        else:
            inner = (self.low * self.high).sqrt() if self.log else self.low + (self.high - self.low) * Decimal("0.382")
            inner = inner.to_integral_value() if self.whole else inner
        return [self._number(number) for number in (self.low, inner, self.high)]

    def _number(self, number: Decimal) -> int | float:
        return int(number) if self.whole else float(number)


@dataclass(frozen=True)
class Choices:
    """One of several values, of any kind that YAML knows."""

    path: str
    values: tuple[Any, ...]

    def suggest(self, trial: Trial) -> Any:
        """The value that a trial is to try."""
        return self.read(trial.suggest_categorical(self.path, self.grid()))

    def read(self, stored: str) -> Any:
        """A value from what Optuna stores of it."""
        return json.loads(stored)

    def grid(self) -> list[str]:
        """Every value, as Optuna stores it: as JSON, since it stores no lists or groups of settings."""
        return [json.dumps(value) for value in self.values]

    def probes(self) -> list[Any]:
        """Every value."""
        return list(self.values)


Dimension = Range | Choices


def read_search(text: str) -> tuple[str, Any]:
    """Reads `key.path=RANGE`, as `--search` takes it, into a path and what a file would say of it.

    Raises:
        ParibusError: The text has another form.
    """
    path, sign, values = text.partition("=")  # as a user wrote it
    try:
        found = from_yaml(values)
    except ValueError:
        found = None
    if not sign or not path.strip() or found is None:
        raise ParibusError(
            "What is searched must have the form key.path=RANGE.",
            where="--search",
            got=repr(text),
            expected=f"a path of the configuration and {FORMS}",
            fix="for example --search 'training.optimizer.G.learning_rate=1e-4..1e-2 log'",
        )
    return path.strip(), found


def read_space(search: Mapping[str, Any]) -> tuple[Dimension, ...]:
    """The dimensions of a search, from a range or a list of choices by path.

    Raises:
        ParibusError: There is none, one has another form, or one may not be searched.
    """
    if not search:
        raise ParibusError(
            "There is nothing to search.",
            where="--search",
            expected=f"a path of the configuration and {FORMS}",
            fix="for example --search 'training.optimizer.G.learning_rate=1e-4..1e-2 log'",
        )
    paths = list(search)
    for path in paths:
        _refuse_unfit(path)
        if outer := next((other for other in paths if other != path and _is_within(path, other)), None):
            raise ParibusError(
                f"'{path}' is searched twice: it lies within '{outer}'.",
                where=f"search.{path}",
                fix="leave one of the two out",
            )
    return tuple(_dimension(path, given) for path, given in search.items())


def _is_within(path: str, outer: str) -> bool:
    """Whether a path is another one or lies within it."""
    parts = outer.split(".")
    return path.split(".")[: len(parts)] == parts


def _refuse_unfit(path: str) -> None:
    if _is_within(path, "data.augment"):
        return
    for unfit, reason in UNFIT.items():
        if _is_within(path, unfit):
            raise ParibusError(f"'{path}' cannot be searched. {reason}", where=f"search.{path}", fix="leave it out")


def _dimension(path: str, given: Any) -> Dimension:
    if isinstance(given, list):
        return _choices(path, given)
    found = _RANGE.fullmatch(str(given).strip())
    if found is None:
        raise ParibusError(
            f"What is searched of '{path}' is neither a range nor a list.",
            where=f"search.{path}",
            got=repr(given),
            expected=FORMS,
            fix=f"one value is set by -o {path}=VALUE; a list of names is [a, b]",
        )
    low, high, log, step = found.groups()
    whole = all(re.fullmatch(r"[+-]?\d+", number) for number in (low, high, step) if number)
    dimension = Range(path, Decimal(low), Decimal(high), Decimal(step) if step else None, bool(log), whole)
    _check(dimension, str(given))
    return dimension


def _choices(path: str, given: list[Any]) -> Choices:
    texts = [json.dumps(value, default=str) for value in given]
    if len(given) < 2 or len(set(texts)) < len(texts):
        raise ParibusError(
            f"The choices of '{path}' must be several different values.",
            where=f"search.{path}",
            got=given,
            fix=f"one value is set by -o {path}=VALUE",
        )
    return Choices(path, tuple(given))


def _check(found: Range, text: str) -> None:
    step = found.step
    reasons = {
        "The lower end of a range must be below the upper one.": found.low >= found.high,
        "A logarithmic range must lie above 0.": found.log and found.low <= 0,
        "The step of a range must be above 0.": step is not None and step <= 0,
    }
    reasons["The step of a range must lead from its lower end exactly to its upper one."] = bool(
        step and step > 0 and (found.high - found.low) % step
    )
    for reason, holds in reasons.items():
        if holds:
            raise ParibusError(reason, where=f"search.{found.path}", got=text, expected=FORMS)
