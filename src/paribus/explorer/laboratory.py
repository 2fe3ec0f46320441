"""The laboratory: trainings on points in a thread of their own, one at a time, and what its page asks for."""

from __future__ import annotations

import base64
import itertools
import threading
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Depends, Request
from pydantic import Field
from typing_extensions import override

from paribus.base.errors import ParibusError
from paribus.config import Settings
from paribus.laboratory.frames import Frame
from paribus.laboratory.models import checked_overrides, configuration, contents, controls_of, laboratory_models
from paribus.laboratory.points import point_set, point_set_names
from paribus.laboratory.recording import PointTraining, frame_steps

State = Literal["training", "done", "stopped", "failed"]


class LiveTraining(threading.Thread):
    """One or two trainings that go on together, a frame of each at a time.

    Attributes:
        number: Which one it is, of all of this server.
        frames: Those that are ready, by side.
        state: Where it stands.
        trouble: Why it failed.
    """

    def __init__(self, number: int, sides: list[PointTraining], looks: list[int]) -> None:
        super().__init__(daemon=True)
        self.number, self.sides, self.looks = number, sides, looks
        self.frames: list[list[Frame]] = [[] for _ in sides]
        self.state: State = "training"
        self.trouble: ParibusError | None = None
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ends it after the step at hand, and waits for that."""
        self._stopping.set()
        self.join()

    @override
    def run(self) -> None:
        running = [side.frames(self.looks, self._stopping.is_set) for side in self.sides]
        try:
            for _ in self.looks:
                for frames, kept in zip(running, self.frames, strict=True):
                    kept.extend(itertools.islice(frames, 1))
            self.state = "stopped" if self._stopping.is_set() else "done"
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
        self._latest: LiveTraining | None = None

    def begin(self, sides: list[PointTraining], looks: list[int]) -> LiveTraining:
        """Stops what is going on and begins another training."""
        with self._lock:
            if self._latest is not None:
                self._latest.stop()
            self._latest = LiveTraining(next(self._numbers), sides, looks)
            self._latest.start()
            return self._latest

    def __getitem__(self, number: int) -> LiveTraining | None:
        """The training of that number; None where another one took its place."""
        latest = self._latest
        return latest if latest is not None and latest.number == number else None


LOOKS = 48
"""Frames of a training."""
THUMBNAIL = 300
"""Points in the picture of a set."""
REPLACED = {"what": "This training is over: another page began one.", "where": "the laboratory", "fix": "train again"}
ARRAYS = ("samples", "near", "judged", "push", "mesh", "latents", "spreads")


class Side(Settings):
    """One model of a training."""

    model: str
    settings: dict[str, float] = Field(default_factory=dict)


class Order(Settings):
    """What the page wants trained: one model or two, on the same points from the same seed."""

    data: str
    seed: int = Field(ge=0, lt=2**31)
    steps: int = Field(ge=LOOKS, le=10_000)
    sides: Annotated[list[Side], Field(min_length=1, max_length=2)]


router = APIRouter()
"""Its application shows `Trainings`."""


def _trainings(request: Request) -> Trainings:
    found: Trainings = request.app.state.shown
    return found


Shown = Annotated[Trainings, Depends(_trainings)]


@router.get("/choices")
def choices(trainings: Shown) -> dict[str, Any]:
    """What can be trained, and with which settings."""
    return {
        "begin": trainings.data,
        "data": _point_sets(),
        "models": {name: _model(name) for name in laboratory_models()},
        "experiments": contents()["experiments"],
    }


@router.post("/trainings")
def begin(order: Order, trainings: Shown) -> dict[str, Any]:
    """Begins a training, in the place of the one before."""
    sides = [
        PointTraining(order.data, side.model, seed=order.seed, overrides=checked_overrides(side.model, side.settings))
        for side in order.sides
    ]
    training = trainings.begin(sides, frame_steps(order.steps, LOOKS))
    shown = [{"data": packed(side.data.numpy()), "z": packed(side.z.numpy())} for side in sides]
    return {"number": training.number, "looks": training.looks, "sides": shown}


@router.get("/trainings/{number}")
def watch(number: int, trainings: Shown, after: int = 0) -> dict[str, Any]:
    """Where a training stands, with its frames from the number `after` on."""
    training = trainings[number]
    if training is None:
        return {"state": "replaced", "trouble": REPLACED, "sides": []}
    state, trouble = training.state, training.trouble  # before the frames: all are there once it says so
    return {
        "state": state,
        "trouble": None if trouble is None else {"what": trouble.what, "where": trouble.where, "fix": trouble.fix},
        "sides": [[_frame(frame) for frame in frames[max(0, after) :]] for frames in training.frames],
    }


@router.post("/trainings/{number}/stop")
def stop(number: int, trainings: Shown) -> dict[str, Any]:
    """Ends a training; its frames stay."""
    training = trainings[number]
    if training is not None:
        training.stop()
    return {}


def _frame(frame: Frame) -> dict[str, Any]:
    arrays = {name: packed(getattr(frame, name)) for name in ARRAYS if getattr(frame, name) is not None}
    return {
        "step": frame.step,
        "modes": frame.modes_found,
        "quality": frame.quality,
        "restored": frame.restored,
        "terms": frame.terms,
    } | arrays


def packed(array: np.ndarray) -> str:
    """An array's numbers as float32, little-endian, in base64."""
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def _point_sets() -> list[dict[str, Any]]:
    sets = [point_set(name) for name in point_set_names()]
    return [
        {
            "name": points.name,
            "modes": len(points.modes),
            "points": packed(points.some(THUMBNAIL).numpy()),
        }
        for points in sets
    ]


def _model(name: str) -> dict[str, Any]:
    config = configuration(name)
    return {
        "about": contents()["models"][name]["about"],
        "judgement": config.objective.judgement,
        "controls": controls_of(config),
    }
