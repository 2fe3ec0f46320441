"""One run in a process of its own: `python -m paribus.studies.worker FOLDER`, started by an engine.

The first line of stdin is the configuration as JSON; stdin then stays open as long as the parent lives, and the worker
ends when it closes, so that no worker outlives its parent, however that ended. A further line asks it to stop, another
one to stop at once. stdout carries a `Message` a line.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from paribus.base.errors import Interrupted, MachineFault, ParibusError, machine_fault
from paribus.recipes import RunConfig
from paribus.studies.status import Message

if TYPE_CHECKING:
    from paribus.data import ImageData

FAILED, FAULT, INTERRUPTED = 1, 75, 130
"""Exit codes: it cannot be completed; the machine failed (EX_TEMPFAIL of sysexits.h), and what the run resumes from is
kept; it was asked to stop and its checkpoint is written."""


def main() -> int:
    """Runs the configuration on stdin; returns the exit code."""
    config = RunConfig(**json.loads(sys.stdin.readline()))
    asked, stopping = threading.Event(), threading.Event()
    threading.Thread(target=_obey_parent, args=(asked, stopping), daemon=True).start()

    from paribus.base.processes import stop_on_signal
    from paribus.base.wording import stage_words
    from paribus.results.folder import RunFolder
    from paribus.runs.run import complete_run

    def stop_requested() -> bool:
        asked.set()
        return stopping.is_set() or signalled()

    try:
        with stop_on_signal() as signalled:
            complete_run(
                config,
                _images(config),
                RunFolder(Path(sys.argv[1])),
                report=lambda progress: _say(Message(progress)),
                notice=lambda *stage: _say(Message(notice=stage_words(*stage))),
                stop_requested=stop_requested,
            )
    except (Interrupted, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        fault = machine_fault(error)
        if fault is None and not isinstance(error, ParibusError):
            raise
        _say(Message(failure=str(fault or error)))
        return FAULT if fault else FAILED
    return 0


def _images(config: RunConfig) -> ImageData:
    """The images, which were there when the study was planned."""
    from paribus.data import load_data

    try:
        return load_data(config.data)
    except ParibusError as error:
        raise MachineFault(error.what, where=error.where, got=error.got, fix=error.fix) from error


def _say(message: Message) -> None:
    print(message.as_json(), flush=True)


def _obey_parent(asked: threading.Event, stopping: threading.Event) -> None:
    for _ in sys.stdin:
        if stopping.is_set() or not asked.is_set():  # before the first step there is nothing to be written
            os._exit(INTERRUPTED)
        stopping.set()
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
