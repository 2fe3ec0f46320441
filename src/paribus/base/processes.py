"""Which of a run's processes this is (torchrun starts several and says so in their environment), and how one is asked
to stop.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Place:
    """One process among those that share a run.

    Attributes:
        rank: 0 to count - 1, over all hosts; process 0 decides for all, and it alone writes.
        count: Processes of the run.
        local_rank: 0 to local_count - 1.
        local_count: Processes on this host.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is process 0, as it is where there is no other."""
        return self.rank == 0

    def share(self, n: int) -> tuple[int, int]:
        """Where this process's share of n things begins and ends."""
        return self.rank * n // self.count, (self.rank + 1) * n // self.count


_ALONE = Place()


def launcher(count: int) -> list[str]:
    """The words that stand for `paribus` where so many processes of one host are to share a run."""
    return ["paribus"] if count == 1 else ["torchrun", "--nproc_per_node", str(count), "-m", "paribus"]


def place() -> Place:
    """This process's place: alone, unless torchrun started it with others."""
    # not a context that is passed: the environment has it, it never changes, and it is asked deep inside losses
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return _ALONE
    return Place(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))


def signals(*names: str) -> tuple[signal.Signals, ...]:
    """Those of the named signals that this system has."""
    return tuple(signal.Signals[name] for name in names if name in signal.Signals.__members__)


def is_alive(process: int) -> bool:
    """Whether a process of this number is at work on this machine, and is not this one.

    One that has ended, and of which only its parent has not been told (a zombie), is not: as the first process of a
    container, many a program never asks.
    """
    if process == os.getpid():
        return False
    if os.name == "nt":  # where os.kill would end it
        import psutil

        return psutil.pid_exists(process)
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    try:  # of Linux: number, (name), state
        state = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state not in (b"Z", b"X")


APART: dict[str, Any] = {
    "start_new_session": True,  # passed over on Windows
    "creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
}
"""Arguments of `subprocess.Popen` for a process that Ctrl-C on the terminal does not reach."""

_STOPPING = signals("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def _leave_terminal() -> None:
    """Lets what is written to a terminal that was closed go nowhere: it would be an error before the checkpoint."""
    import termios  # systems without terminals in this sense have no SIGHUP either

    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        try:
            termios.tcgetattr(descriptor)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                os.dup2(nowhere, descriptor)
    os.close(nowhere)


_interrupted = threading.Event()


def interrupt(number: int, frame: object) -> None:
    """What a signal does that stops at once, and after which `was_interrupted` is true."""
    _interrupted.set()
    raise KeyboardInterrupt


def was_interrupted() -> bool:
    """Whether a signal stopped this process at once: some libraries turn KeyboardInterrupt into errors of their own."""
    return _interrupted.is_set()


@contextmanager
def stop_on_signal(*, once_asked: bool = False) -> Iterator[Callable[[], bool]]:
    """Turns the first Ctrl-C, SIGTERM or SIGHUP into a request to stop after the step; a second one stops at once,
    but for SIGHUP: a closed terminal may send several. A signal that is ignored, as by nohup, stays so.

    Args:
        once_asked: Whether the first one stops at once, too, until requests are asked for: before the first step there
            is nothing to be written.
    """
    requested, asked = threading.Event(), threading.Event()
    if not once_asked:
        asked.set()

    def request(number: int, frame: object) -> None:
        if number in signals("SIGHUP"):
            _leave_terminal()
            if requested.is_set():
                return
        if requested.is_set() or not asked.is_set():
            interrupt(number, frame)
        requested.set()

    def is_requested() -> bool:
        asked.set()
        return requested.is_set()

    before = {
        number: signal.signal(number, request) for number in _STOPPING if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield is_requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
