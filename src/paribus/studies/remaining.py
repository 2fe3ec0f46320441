"""How long a study that is running will still take: from what has finished, what is left, and what was expected."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from paribus.studies.status import RunState


class Remaining:
    """Told of a study's runs while they run; says how long all of them will still take.

    A run is expected to take as long as the finished ones of its kind did on average; failing that, as long as the
    estimate said, times what the finished runs took of theirs; failing that, by the share of its training that is done.

    Args:
        workers: Runs at a time.
        expected: Seconds of one run of each kind, by its label, where they were estimated.
        clock: Seconds.
    """

    def __init__(
        self, workers: int, expected: Mapping[str, float] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._workers, self._expected, self._clock = max(1, workers), dict(expected or {}), clock
        self._began: dict[str, float] = {}
        self._took: dict[str, list[float]] = {}

    def __call__(self, states: Sequence[RunState]) -> float | None:
        """Seconds until the last run is over; 0 where none is left, None where nothing is known yet."""
        now = self._clock()
        for state in states:
            if state.status == "running":
                self._began.setdefault(state.name, now)
            elif (began := self._began.pop(state.name, None)) is not None and state.status == "done":
                self._took.setdefault(state.run.label, []).append(now - began)
        left = []
        for state in sorted(states, key=lambda state: state.status != "running"):
            if state.status not in ("running", "waiting"):
                continue
            seconds = self._left(state, now)
            if seconds is None:
                return None
            left.append(seconds)
        free = [0.0] * self._workers
        for seconds in left:  # the next run goes where room is first
            free.sort()
            free[0] += seconds
        return max(free)

    def _left(self, state: RunState, now: float) -> float | None:
        whole, training = self._whole(state.run.label), state.progress.seconds_left if state.progress else None
        if state.status == "waiting":
            return whole
        if whole is None:
            return training
        return max(whole - (now - self._began[state.name]), training or 0.0)

    def _whole(self, label: str) -> float | None:
        """Seconds of one run of a kind, from its start to its end."""
        if took := self._took.get(label):
            return sum(took) / len(took)
        if label not in self._expected:
            return None
        known = [(each, self._expected[of]) for of, took in self._took.items() for each in took if of in self._expected]
        announced = sum(expected for _, expected in known)
        return self._expected[label] * (sum(each for each, _ in known) / announced if announced else 1.0)
