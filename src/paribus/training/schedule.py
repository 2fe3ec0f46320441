"""When the averaged model is kept: `training.snapshots` as questions to a run's progress."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from paribus.base.errors import ParibusError
from paribus.config import Budget, TrainingSettings
from paribus.training.state import Pace, TrainingState


@dataclass(frozen=True)
class SnapshotSchedule:
    """Amounts of training after which, or an interval at which, a snapshot is due."""

    marks: tuple[Budget, ...]
    every: Budget | None

    @classmethod
    def of(cls, settings: TrainingSettings) -> SnapshotSchedule:
        """Reads `training.snapshots`.

        Raises:
            ParibusError: An entry is neither a fraction of the budget nor an amount.
        """
        where = "training.snapshots"
        if isinstance(settings.snapshots, str):
            word, _, amount = settings.snapshots.partition(" ")
            if word != "every":
                raise ParibusError(
                    "Snapshots are a list, or one interval.",
                    where=where,
                    got=repr(settings.snapshots),
                    expected='["1/4", "10epochs"] or "every 10epochs"',
                )
            return cls((), Budget.parse(amount, where))
        return cls(tuple(_mark(entry, settings.budget, where) for entry in settings.snapshots), None)

    def passed(self, pace: Pace, state: TrainingState) -> int:
        """How many snapshots were due up to now; a snapshot is due whenever this number rises."""
        if self.every is not None:
            return int(pace.fraction(self.every, state))
        return sum(pace.fraction(mark, state) >= 1 for mark in self.marks)


def _mark(entry: str, budget: Budget, where: str) -> Budget:
    try:
        share = Fraction(entry)
    except ValueError:
        return Budget.parse(entry, where)
    if not 0 < share <= 1:
        raise ParibusError("A snapshot's share of the budget lies between 0 and 1.", where=where, got=entry)
    return Budget(float(share) * budget.amount, budget.unit)
