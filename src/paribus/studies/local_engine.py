"""Runs a study's runs on this machine, each in a process of its own, so that a crash takes one run with it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from paribus.base.errors import ParibusError
from paribus.base.files import make_folder, open_to_append, write_json
from paribus.base.processes import APART
from paribus.results.folder import RunFolder
from paribus.studies.status import Message, RunState
from paribus.studies.worker import FAILED, INTERRUPTED

_WHY_KILLED = {
    "SIGKILL": ", as the system does where memory runs out",
    "SIGBUS": ", as the system does where a file that is mapped into memory has no room or is gone",
}
DYING_SECONDS = 60.0
"""How long a worker whose study or node died may take to end; Ray waits 30 s for a client that vanished."""


@dataclass(frozen=True)
class _Worker:
    """The process of one run.

    Attributes:
        state: What becomes of the run.
        process: Its stdout carries messages, its stderr goes to the log.
        log: The run's log.txt, which every process of the run adds to.
        log_start: Bytes of the log that earlier processes wrote.
    """

    state: RunState
    process: subprocess.Popen[str]
    log: Path
    log_start: int

    def last_words(self) -> str:
        """How the process ended, and the last line that it wrote to the log."""
        code = self.process.returncode
        if code < 0:
            name = signal.Signals(-code).name
            return f"killed by {name}{_WHY_KILLED.get(name, '')}"
        with self.log.open("rb") as file:
            file.seek(self.log_start)
            lines = file.read().decode(errors="replace").strip().splitlines()
        return f"the process ended with code {code}: {lines[-1] if lines else 'no message'}"

    def ask_to_stop(self) -> None:
        """Has it write its checkpoint and end; asked twice, it ends at once. A signal is no way: Windows has none."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended
            os.write(self.process.stdin.fileno(), b"\n")

    def close(self) -> None:
        """Waits for the end of the process."""
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # it ended before it was told what to run
                    stream.close()


_Messages = queue.Queue[tuple[int, Message | None]]
"""What workers said, by process; None when one said its last."""


def wait_until_free(run: RunFolder) -> None:
    """Waits for an earlier worker of a run, which may not have noticed yet that its study or its node is gone.

    Raises:
        ParibusError: It does not end.
    """
    if run.path.is_dir():
        with run.locked(DYING_SECONDS):
            pass


def run_locally(
    states: Sequence[RunState],
    workers: int,
    changed: Callable[[], None] = lambda: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> None:
    """Runs what waits, at most `workers` runs at a time.

    Args:
        states: Updated in place.
        workers: Processes at a time.
        changed: Called whenever a run's status or progress changed.
        stop_requested: When it becomes true, the workers are told to write their checkpoints and end.
    """
    waiting = deque(state for state in states if state.status == "waiting")
    running: dict[int, _Worker] = {}
    messages: _Messages = queue.Queue()
    stopping = False
    try:
        while (waiting and not stopping) or running:
            if stop_requested() and not stopping:
                stopping = True
                for worker in running.values():
                    worker.ask_to_stop()
            while waiting and len(running) < workers and not stopping:
                worker = _start(waiting.popleft(), messages)
                running[worker.process.pid] = worker
                changed()
            try:
                pid, message = messages.get(timeout=0.5)
            except queue.Empty:
                continue
            if message is None:
                _finish(running.pop(pid), stopping)
            else:
                running[pid].state.update(message)
            changed()
    finally:  # whatever went wrong here, no worker stays behind
        for worker in running.values():
            worker.ask_to_stop()
        for worker in running.values():
            worker.close()


def _start(state: RunState, messages: _Messages) -> _Worker:
    folder = state.run.folder.path
    make_folder(folder)
    path = folder / "log.txt"
    with open_to_append(path) as log:
        log.write(f"--- started {datetime.now(UTC).isoformat(timespec='seconds')}\n".encode())
        log.flush()
        log_start = path.stat().st_size
        process = subprocess.Popen(
            [sys.executable, "-m", "paribus.studies.worker", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            errors="replace",
            **APART,  # Ctrl-C on the terminal is for this process alone; it tells the workers
        )
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(state.run.config.tree()) + "\n")
        process.stdin.flush()
    state.status, state.reason = "running", ""

    def listen() -> None:
        try:
            for line in process.stdout or ():
                messages.put((process.pid, Message.read(line)))
        finally:
            messages.put((process.pid, None))

    threading.Thread(target=listen, daemon=True).start()
    return _Worker(state, process, path, log_start)


def _finish(worker: _Worker, stopping: bool) -> None:
    worker.close()
    state, code = worker.state, worker.process.returncode
    if code == 0:
        state.status = "done"
        return
    asked = code == INTERRUPTED or (stopping and code < 0)
    state.reason = "" if asked else state.reason or worker.last_words()
    state.status = "failed" if code == FAILED else "stopped"  # by the machine, not by what was to be trained
    if state.status == "stopped":
        return
    run = state.run.folder
    with contextlib.suppress(ParibusError), run.locked():  # held: the run belongs to another process
        done = run.ending
        if done.get("status") != "done" and done.get("reason") != state.reason:  # else the run itself said so
            write_json(run.path / "done.json", {"status": "failed", "reason": state.reason})
