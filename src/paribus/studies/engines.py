"""Where a study's runs are trained: on this machine, or on a Ray cluster."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from paribus.base.errors import ParibusError, did_you_mean
from paribus.studies.local_engine import run_locally
from paribus.studies.progress import RunState
from paribus.studies.ray_engine import run_on_ray

LOCAL = "local"


class Engine(Protocol):
    """Runs what waits, and keeps all states up to date."""

    def __call__(
        self, states: Sequence[RunState], *, changed: Callable[[], None] = ..., stop_requested: Callable[[], bool] = ...
    ) -> None:
        """Returns when nothing runs any more.

        Args:
            states: Updated in place.
            changed: Called whenever a run's status or progress changed.
            stop_requested: When it becomes true, the workers are told to write their checkpoints and end.
        """


def check_engine(name: str) -> None:
    """Refuses what is no engine.

    Raises:
        ParibusError: There is none of this name, or what it needs is not installed.
    """
    if name == LOCAL:
        return
    if name != "ray" and not re.fullmatch(r"(ray://)?[^\s/]+:\d+", name):
        raise ParibusError(
            f"There is no engine '{name}'.{did_you_mean(name, (LOCAL, 'ray'))}",
            where="--engine",
            got=name,
            expected="local, ray, ray://HOST:PORT or HOST:PORT",
        )
    if importlib.util.find_spec("ray") is None:
        raise ParibusError("Ray is not installed.", where="--engine", got=name, fix="pip install 'paribus[ray]'")


def engine_of(name: str, workers: int, study: Path) -> Engine:
    """The engine of a name.

    Args:
        name: local; ray for the Ray cluster that this machine belongs to, or one made for the study; its address.
        workers: Runs at a time of the local engine.
        study: The study's folder, held by this process.
    """
    if name == LOCAL:
        return partial(run_locally, workers=workers)
    return partial(run_on_ray, study=study, address=None if name == "ray" else name)
