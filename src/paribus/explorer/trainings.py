"""Trainings on points in a thread of their own, one at a time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Literal

from paribus.base.errors import ParibusError
from paribus.laboratory.frames import Frame
from paribus.laboratory.points import point_set
from paribus.laboratory.recording import PointTraining

State = Literal["training", "done", "stopped", "failed"]


class Training:
    """One or two trainings that go on together, a frame of each at a time.

    Attributes:
        number: Which one it is, of all of this server.
        frames: Those that are ready, by side.
        state: Where it stands.
        trouble: Why it failed.
    """

    def __init__(self, number: int, sides: list[PointTraining], looks: list[int]) -> None:
        self.number, self.looks = number, looks
        self.sides = sides
        self.frames: list[list[Frame]] = [[] for _ in sides]
        self.state: State = "training"
        self.trouble: ParibusError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._train, daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it after the step at hand, and waits for that."""
        self._stop.set()
        self.join()

    def join(self) -> None:
        """Waits for its end."""
        self._thread.join()

    def _train(self) -> None:
        running: list[Iterator[Frame]] = [side.frames(self.looks, self._stop.is_set) for side in self.sides]
        try:
            for _ in self.looks:
                for frames, kept in zip(running, self.frames, strict=True):
                    kept.extend(itertools.islice(frames, 1))
            self.state = "stopped" if self._stop.is_set() else "done"
        except ParibusError as error:
            self.trouble, self.state = error, "failed"


class Trainings:
    """The trainings of one server: a new one ends the one before.

    Args:
        data: Name of the point set that the page begins with.

    Raises:
        ParibusError: There is no such set.
    """

    def __init__(self, data: str) -> None:
        self.data = point_set(data).name
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._latest: Training | None = None

    def begin(self, sides: list[PointTraining], looks: list[int]) -> Training:
        """Stops what is going on and begins another training."""
        with self._lock:
            if self._latest is not None:
                self._latest.stop()
            self._latest = Training(next(self._numbers), sides, looks)
            self._latest.start()
            return self._latest

    def __getitem__(self, number: int) -> Training | None:
        """The training of that number; None where another one took its place."""
        latest = self._latest
        return latest if latest is not None and latest.number == number else None
