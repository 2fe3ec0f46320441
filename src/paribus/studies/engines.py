"""Where a study's runs are carried out: by an engine; the local one gives each run a process of its own here."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import queue
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from paribus.base.errors import ParibusError, did_you_mean
from paribus.base.files import write_json
from paribus.results.folder import RunFolder

INTERRUPTED = 130
FROM_OUTSIDE = {-number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP)}
"""Exit codes of a process that something else ended; what a run brings upon itself is a failure."""
STARTED = "--- started "
"""Begins the line of log.txt before what one process of a run says."""
DYING_SECONDS = 60.0
"""How long a worker whose study or node died may take to end; Ray waits 30 s for a client that vanished."""
LOCAL = "local"


@dataclass
class Job:
    """A run to be done, and how far it is; plain enough to be sent to another machine.

    Attributes:
        config: The tree of its configuration.
        state: waiting, running, done, failed, or stopped (by request with a checkpoint, or killed from outside).
        expected_images: Training images that its budget amounts to, where that is known beforehand.
        progress: fraction of the budget (None where the engine cannot know it), images, seconds, terms.
        notice: What it is doing besides training.
    """

    name: str
    config: dict[str, Any]
    folder: RunFolder
    state: str = "waiting"
    expected_images: float | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    notice: str = ""
    reason: str = ""


class Engine(Protocol):
    """Carries out the jobs that wait, and updates all in place."""

    def __call__(
        self, jobs: list[Job], *, changed: Callable[[], None] = ..., stop_requested: Callable[[], bool] = ...
    ) -> None:
        """Returns when no job runs any more.

        Args:
            jobs: Updated in place.
            changed: Called whenever a job's state or progress changed.
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
    from paribus.studies.ray_engine import run_on_ray

    return partial(run_on_ray, study=study, address=None if name == "ray" else name)


def wait_until_free(run: RunFolder) -> None:
    """Waits for an earlier worker of a run, which may not have noticed yet that its study or its node is gone.

    Raises:
        ParibusError: It does not end.
    """
    if run.path.is_dir():
        with run.locked(DYING_SECONDS):
            pass


def run_locally(
    jobs: list[Job],
    workers: int,
    changed: Callable[[], None] = lambda: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> None:
    """Carries out the jobs, at most `workers` at a time; a crash takes one run with it.

    Args:
        jobs: Updated in place.
        workers: Processes at a time.
        changed: Called whenever a job's state or progress changed.
        stop_requested: When it becomes true, the workers are told to write their checkpoints and end.
    """
    waiting = deque(job for job in jobs if job.state == "waiting")
    running: dict[int, tuple[Job, subprocess.Popen[str]]] = {}
    messages: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
    stopping = False
    try:
        while (waiting and not stopping) or running:
            if stop_requested() and not stopping:
                stopping = True
                _terminate(running)
            while waiting and len(running) < workers and not stopping:
                job = waiting.popleft()
                process = _start(job, messages)
                running[process.pid] = (job, process)
                changed()
            try:
                pid, message = messages.get(timeout=0.5)
            except queue.Empty:
                continue
            job, process = running[pid]
            if message is None:
                _close(process)
                _finish(job, process.returncode)
                del running[pid]
            else:
                job.progress = message.get("progress", job.progress)
                job.notice = message.get("notice", job.notice)
                job.reason = message.get("failed", job.reason)
            changed()
    finally:  # whatever went wrong here, no worker stays behind
        _terminate(running)
        for _, process in running.values():
            _close(process)


def _close(process: subprocess.Popen[str]) -> None:
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _terminate(running: dict[int, tuple[Job, subprocess.Popen[str]]]) -> None:
    for _, process in running.values():
        process.terminate()


def _start(job: Job, messages: queue.Queue[tuple[int, dict[str, Any] | None]]) -> subprocess.Popen[str]:
    job.folder.path.mkdir(parents=True, exist_ok=True)
    with (job.folder.path / "log.txt").open("a") as log:
        log.write(f"{STARTED}{datetime.now(UTC).isoformat(timespec='seconds')}\n")
        log.flush()
        process = subprocess.Popen(
            [sys.executable, "-m", "paribus.studies.worker", str(job.folder.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # Ctrl-C on the terminal is for this process alone; it tells the workers
            start_new_session=True,
        )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(job.config) + "\n")
    process.stdin.flush()
    job.state = "running"

    def listen() -> None:
        try:
            for line in process.stdout or ():
                messages.put((process.pid, json.loads(line)))
        finally:
            messages.put((process.pid, None))

    threading.Thread(target=listen, daemon=True).start()
    return process


def _finish(job: Job, code: int) -> None:
    if code == 0:
        job.state = "done"
        return
    if code == INTERRUPTED or code in FROM_OUTSIDE:
        job.state = "stopped"
        job.reason = f"killed by {signal.Signals(-code).name}" if code < 0 else ""
        return
    job.state = "failed"
    said = (job.folder.path / "log.txt").read_text().rpartition(STARTED)[2].strip().splitlines()[1:]
    job.reason = job.reason or f"the process ended with code {code}: {said[-1] if said else 'no message'}"
    with contextlib.suppress(ParibusError), job.folder.locked():  # held: the run belongs to another process
        if (job.folder.done or {}).get("status") != "done":
            write_json(job.folder.path / "done.json", {"status": "failed", "reason": job.reason})
