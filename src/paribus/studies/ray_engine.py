"""Runs a study's runs on a Ray cluster, each as one of its tasks.

Ray decides which run goes where and when, by the CPUs and GPUs that it takes, and retries a run whose process or node
died. A task is the local engine with one run, so that a run is the same process everywhere. What it leaves in the
study's folder, which all nodes share, is all that a retry needs to resume it and all that is shown of its progress.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray

from paribus.base.errors import ParibusError
from paribus.base.locks import is_locked
from paribus.base.network import is_reachable
from paribus.base.processes import stop_on_signal
from paribus.results.folder import RunFolder
from paribus.studies.local_engine import run_locally, wait_until_free
from paribus.studies.plan import StudyRun
from paribus.studies.status import RunState, Status, logged_progress

LOOK_SECONDS = 1.0
"""How often the runs' folders are looked at; a run logs as often."""
REACH_SECONDS = 5.0
"""How long an address may take to answer; Ray itself asks for many minutes."""


class Stopped(Exception):
    """A run's process was ended from outside, or an earlier one does not end: unless cancelled, Ray retries the run."""


def run_on_ray(
    states: Sequence[RunState],
    changed: Callable[[], None] = lambda: None,
    stop_requested: Callable[[], bool] = lambda: False,
    *,
    study: Path,
    address: str | None = None,
) -> None:
    """Runs what waits on a Ray cluster; a process or node that dies takes no run with it.

    Args:
        states: Updated in place.
        changed: Called whenever the runs were looked at.
        stop_requested: When it becomes true, the workers are told to write their checkpoints and end.
        study: The study's folder, held by this process, on a file system that all nodes share.
        address: HOST:PORT or ray://HOST:PORT; None for the cluster that this machine belongs to, or a new one.

    Raises:
        ParibusError: There is no cluster, none of its nodes has room for a run, or one does not see the folder.
    """
    waiting = [state for state in states if state.status == "waiting"]
    if not waiting:
        return
    with _connected(address):
        pending: dict[Any, RunState] = {}
        try:
            for state in waiting:
                pending[_submit(state.run, study.absolute())] = state
            stopping = False
            while pending:
                if stop_requested() and not stopping:
                    stopping = True
                    _cancel(pending)
                for task in ray.wait(list(pending), timeout=LOOK_SECONDS)[0]:
                    _finish(pending.pop(task), task)
                for state in pending.values():
                    _look(state)
                changed()
        finally:  # whatever went wrong here, no run goes on
            _cancel(pending)
            ray.wait(list(pending), num_returns=len(pending))


def required_resources(run: StudyRun, available: dict[str, float]) -> dict[str, float]:
    """The CPUs and GPUs of one run: its threads, and one GPU if it trains on GPUs.

    Args:
        run: The run.
        available: Those of the whole cluster. With `training.device: auto` a run takes a GPU where there are any.
    """
    training = run.config.training
    on_gpu = training.device == "cuda" or (training.device == "auto" and "GPU" in available)
    return {"CPU": training.threads or 1, "GPU": int(on_gpu)}


def run_on_node(run: StudyRun, study: Path, directory: Path, environment: dict[str, str]) -> tuple[Status, str]:
    """Runs one run, as a task on some node; returns the status that it has then, and the reason for it.

    Args:
        run: The run.
        study: The study's folder.
        directory: Where the study was started: paths in a configuration are relative to it.
        environment: Variables of the process that started the study which every run needs.

    Raises:
        ParibusError: This node does not see the study's folder as it is.
        Stopped: The run has not ended, by no fault of its own.
    """
    if not is_locked(study):
        raise ParibusError(
            "A node of the Ray cluster does not see the study's folder, or does not see that it is locked.",
            where=f"{study} on {platform.node()}",
            got="a folder that no process holds" if study.is_dir() else "no such folder",
            expected="the folder that the study's own process holds",
            fix="put the study (--out) on a file system that all nodes share, with locks, such as NFS; or use "
            "--engine local",
        )
    os.environ.update(environment)
    if directory.is_dir():
        os.chdir(directory)
    with stop_on_signal() as stop_requested:  # Ray cancels a task by a SIGINT, and ends its process by a SIGTERM
        try:
            wait_until_free(run.folder)
        except ParibusError as error:
            raise Stopped(error.what) from error
        state = RunState(run.name, run)
        run_locally([state], workers=1, stop_requested=stop_requested)
    if state.status not in ("done", "failed"):
        raise Stopped(state.reason)
    return state.status, state.reason


@contextlib.contextmanager
def _connected(address: str | None) -> Iterator[None]:
    if ray.is_initialized():  # by the program that this is part of
        yield
        return
    handler = signal.getsignal(signal.SIGTERM)
    try:
        if address is not None and not is_reachable(f"ray://{address.removeprefix('ray://')}", REACH_SECONDS):
            raise ConnectionError("nothing answers there")
        ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, ImportError, ray.exceptions.RayError) as error:
        raise ParibusError(
            "Ray cannot be reached.",
            where="--engine",
            got=str(error).strip().splitlines()[0],
            expected=f"a Ray cluster at {address}" if address else "the Ray cluster of this machine, or a new one",
            fix="see docs/studies.md for how to start one; with a token, RAY_AUTH_MODE=token must be set here, too; "
            "'ray stop' clears away what a crash left",
        ) from error
    finally:  # Ray's own handler would end this process at once
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # where Ray tells of a retry
            yield
    finally:
        ray.shutdown()


def _submit(run: StudyRun, study: Path) -> Any:
    needs = required_resources(run, ray.cluster_resources())
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(kind, 0) >= amount for kind, amount in needs.items()) for node in nodes):
        raise ParibusError(
            "No node of the Ray cluster has room for the run.",
            where=f"training.threads and training.device of {run.name}",
            got=_room(needs),
            expected="at most " + "; ".join(dict.fromkeys(map(_room, nodes))),
            fix="set training.threads or training.device, or add a larger node",
        )
    task = ray.remote(run_on_node).options(
        name=run.name, num_cpus=needs["CPU"], num_gpus=needs["GPU"], retry_exceptions=[Stopped]
    )
    sent = replace(run, folder=RunFolder(run.folder.path.absolute()))
    # by the names of variables
    environment = {key: value for key, value in os.environ.items() if key.startswith("PARIBUS_")}
    return task.remote(sent, study, Path.cwd(), environment)


def _room(resources: dict[str, float]) -> str:
    return f"{resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs"


def _cancel(pending: dict[Any, RunState]) -> None:
    for task in pending:
        ray.cancel(task)


def _look(state: RunState) -> None:
    """Reads off a run's folder how far it is."""
    folder = state.run.folder
    over = folder.ending.get("status") == "done"  # though its task has not said so yet
    state.status = "running" if over or is_locked(folder.path) else "waiting"
    progress = logged_progress(folder, state.run.expected_images)
    if progress.terms:
        state.progress, state.notice = progress, "scoring" if progress.fraction == 1 else ""


def _finish(state: RunState, task: Any) -> None:
    try:
        state.status, state.reason = ray.get(task)
    except ray.exceptions.TaskCancelledError:
        state.status = "stopped"
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ParibusError):
            raise error.cause from None
        if not isinstance(error.cause, Stopped):
            raise
        state.status, state.reason = "stopped", str(error.cause)
    except ray.exceptions.RayError as error:  # more processes or nodes died than Ray gives a task
        state.status, state.reason = "stopped", str(error).strip().splitlines()[0]
