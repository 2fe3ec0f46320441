"""Breaks a process at its N-th write: what is counted is opening a file to write, writing, syncing, renaming, making
and removing, below one folder.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import io
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Break = Callable[[str, str], None]
"""Called at the N-th write with what is done and its path: kills the process, or raises what the system would."""

REMOVING = frozenset({"os.remove", "os.rmdir"})
_CHANGING = frozenset({"os.mkdir", "os.rename", "os.truncate"}) | REMOVING
"""Audit events whose first argument is a path."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass
class Breaking:
    """Counts the writes of this process, and breaks at one of them.

    Attributes:
        below: Where they count.
        at: The first is 1; 0 for none.
        how: What happens then.
        lasting: Whether it also happens at all that follow, as on a full disk.
    """

    below: Path
    at: int = 0
    how: Break = lambda event, path: None
    lasting: bool = False
    count: int = 0
    _inside: bool = field(default=False, repr=False)

    def install(self) -> None:
        """For good: this is for a process that ends soon."""
        sys.addaudithook(self._heard)
        sync = os.fsync

        def fsync(descriptor: int) -> None:
            self._counted("fsync", descriptor)
            sync(descriptor)

        os.fsync = fsync
        builtins.open = io.open = self._opened(io.open)  # type: ignore[assignment]

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                self._counted(event, path)
        elif event in _CHANGING:
            self._counted(event, arguments[0])

    def _opened(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            stream = plain(file, mode, *arguments, **options)
            if set(mode) & set("wax+") and not isinstance(file, int):
                stream.write = self._written(stream.write, stream.flush, str(file))
            return stream

        return opened

    def _written(self, write: Callable[[Any], int], flush: Callable[[], None], path: str) -> Callable[[Any], int]:
        def half_first(content: Any) -> int:
            half = 0
            if self.at == self.count + 1 and self._is_below(path):
                half = write(content[: len(content) // 2])
                flush()
            self._counted("write", path)
            return half + write(content[half:])

        return half_first

    def _is_below(self, path: Any) -> bool:
        place = Path(f"/proc/self/fd/{path}") if isinstance(path, int) else Path(os.fsdecode(path))
        if isinstance(path, int):
            try:
                place = place.readlink()
            except OSError:
                return False
            if not place.is_absolute():  # a pipe
                return False
        return place.absolute().is_relative_to(self.below)

    def _counted(self, event: str, path: Any) -> None:
        if self._inside or not isinstance(path, str | bytes | int | os.PathLike) or not self._is_below(path):
            return
        self.count += 1
        if self.at and (self.count == self.at or (self.lasting and self.count > self.at)):
            self._inside = True
            try:
                self.how(event, str(path))
            finally:
                self._inside = False


def kill(event: str, path: str) -> None:
    """As kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


def forked(work: Callable[[], T]) -> T | None:
    """What comes of some work in a process of its own, forked from this one; None where that was killed."""
    read, write = os.pipe()
    process = os.fork()
    if not process:
        try:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no orphans
            os.close(read)
            content = pickle.dumps(work())
            with os.fdopen(write, "wb") as file:
                file.write(content)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        content = file.read()
    os.waitpid(process, 0)
    return pickle.loads(content) if content else None  # type: ignore[no-any-return]  # written above


class ForkedWorker:
    """Stands in for `subprocess.Popen` of a study's worker: forked, with the imports behind it, which take seconds."""

    started = 0
    broken: Callable[[int], None] = staticmethod(lambda number: None)  # type: ignore[assignment]
    """Called in the worker with its number, from 0."""

    def __init__(self, arguments: list[str], *, stderr: Any, **_: Any) -> None:
        told, tell = os.pipe()
        hear, say = os.pipe()
        number, ForkedWorker.started = ForkedWorker.started, ForkedWorker.started + 1
        self.returncode: int | None = None
        self.pid = os.fork()
        if not self.pid:
            for place, descriptor in enumerate((told, say, stderr.fileno())):
                os.dup2(descriptor, place)
            os.closerange(3, 1024)  # the pipes of others must end with their parent
            self._work(number, arguments[-1])
        os.close(told)
        os.close(say)
        self.stdin, self.stdout = os.fdopen(tell, "w"), os.fdopen(hear)

    def _work(self, number: int, folder: str) -> None:
        from paribus.studies import worker

        code = 1
        try:
            for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(each, signal.SIG_DFL)
            sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
            sys.argv = ["worker", folder]
            ForkedWorker.broken(number)
            code = worker.main()
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def terminate(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGTERM)

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode
