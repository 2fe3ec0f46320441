"""Where a study's runs are carried out: on a Ray cluster, each run as one of its tasks.

Ray decides which run goes where and when, by the CPUs and GPUs that it takes, and starts a run again whose process or
node died. A task is the local engine with one job, so that a run is the same process everywhere. What it leaves in the
study's folder, which all nodes share, is all that a retry needs to carry on and all that is shown of its progress.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.base.files import is_held
from paribus.base.network import is_reachable
from paribus.base.signals import stop_on_signal
from paribus.results.folder import RunFolder
from paribus.studies.engines import Job, run_locally, wait_until_free
from paribus.studies.status import fraction_trained

LOOK_SECONDS = 1.0
"""How often the runs' folders are looked at; a run logs as often."""
REACH_SECONDS = 5.0
"""How long an address may take to answer; Ray itself asks for many minutes."""


class Stopped(Exception):
    """A run's process was ended from outside, or one of before does not end: unless cancelled, Ray tries again."""


def run_on_ray(
    jobs: list[Job],
    changed: Callable[[], None] = lambda: None,
    stop_requested: Callable[[], bool] = lambda: False,
    *,
    study: Path,
    address: str | None = None,
) -> None:
    """Carries out the jobs on a Ray cluster; a process or node that dies takes no run with it.

    Args:
        jobs: Updated in place.
        changed: Called whenever the jobs were looked at.
        stop_requested: When it becomes true, the workers are told to write their checkpoints and end.
        study: The study's folder, held by this process, on a file system that all nodes share.
        address: HOST:PORT or ray://HOST:PORT; None for the cluster that this machine belongs to, or a new one.

    Raises:
        ParibusError: There is no cluster, none of its nodes has room for a run, or one does not see the folder.
    """
    waiting = [job for job in jobs if job.state == "waiting"]
    if not waiting:
        return
    with _connected(address):
        import ray

        pending: dict[Any, Job] = {}
        try:
            for job in waiting:
                pending[_submitted(job, study.absolute())] = job
            stopping = False
            while pending:
                if stop_requested() and not stopping:
                    stopping = True
                    _cancel(pending)
                for task in ray.wait(list(pending), timeout=LOOK_SECONDS)[0]:
                    _finish(pending.pop(task), task)
                for job in pending.values():
                    _look(job)
                changed()
        finally:  # whatever went wrong here, no run goes on
            _cancel(pending)
            ray.wait(list(pending), num_returns=len(pending))


def required_resources(job: Job, available: dict[str, float]) -> dict[str, float]:
    """The CPUs and GPUs of one run: its threads, and one GPU if it trains on GPUs.

    Args:
        job: The run.
        available: Those of the whole cluster. With `training.device: auto` a run takes a GPU where there are any.
    """
    training = job.config["training"]
    on_gpu = training["device"] == "cuda" or (training["device"] == "auto" and "GPU" in available)
    return {"CPU": training["threads"], "GPU": int(on_gpu)}


def carried_out(job: Job, study: Path, directory: Path, environment: dict[str, str]) -> tuple[str, str]:
    """One run, as a task on some node; returns the job's state and the reason for it.

    Args:
        job: The run.
        study: The study's folder.
        directory: Where the study was started: paths in a configuration are relative to it.
        environment: Variables of the process that started the study which every run needs.

    Raises:
        ParibusError: This node does not see the study's folder as it is.
        Stopped: The run has not ended, by no fault of its own.
    """
    if not is_held(study):
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
            wait_until_free(job.folder)
        except ParibusError as error:
            raise Stopped(error.what) from error
        run_locally([job], workers=1, stop_requested=stop_requested)
    if job.state not in ("done", "failed"):
        raise Stopped(job.reason)
    return job.state, job.reason


@contextlib.contextmanager
def _connected(address: str | None) -> Iterator[None]:
    import ray

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


def _submitted(job: Job, study: Path) -> Any:
    import ray

    needs = required_resources(job, ray.cluster_resources())
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(kind, 0) >= amount for kind, amount in needs.items()) for node in nodes):
        raise ParibusError(
            "No node of the Ray cluster has room for the run.",
            where=f"training.threads and training.device of {job.name}",
            got=_room(needs),
            expected="at most " + "; ".join(dict.fromkeys(map(_room, nodes))),
            fix="set training.threads or training.device, or add a larger node",
        )
    task = ray.remote(carried_out).options(
        name=job.name, num_cpus=needs["CPU"], num_gpus=needs["GPU"], retry_exceptions=[Stopped]
    )
    sent = replace(job, folder=RunFolder(job.folder.path.absolute()))
    environment = {key: value for key, value in os.environ.items() if key.startswith("PARIBUS_")}
    return task.remote(sent, study, Path.cwd(), environment)


def _room(resources: dict[str, float]) -> str:
    return f"{resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs"


def _cancel(pending: dict[Any, Job]) -> None:
    import ray

    for task in pending:
        ray.cancel(task)


def _look(job: Job) -> None:
    """Reads off a run's folder how far it is."""
    over = (job.folder.done or {}).get("status") == "done"  # though its task has not said so yet
    job.state = "running" if over or is_held(job.folder.path) else "waiting"
    line = job.folder.last_line()
    if line:
        fraction = fraction_trained(job.folder, job.expected_images, line)
        job.progress = {"fraction": fraction, "images": line["images"], "seconds": line["seconds"], "terms": line}
        job.notice = "scoring" if fraction == 1 else ""


def _finish(job: Job, task: Any) -> None:
    import ray

    try:
        job.state, job.reason = ray.get(task)
    except ray.exceptions.TaskCancelledError:
        job.state = "stopped"
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ParibusError):
            raise error.cause from None
        if not isinstance(error.cause, Stopped):
            raise
        job.state, job.reason = "stopped", str(error.cause)
    except ray.exceptions.RayError as error:  # more processes or nodes died than Ray gives a task
        job.state, job.reason = "stopped", str(error).strip().splitlines()[0]
