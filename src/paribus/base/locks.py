"""Files and folders that one process at a time holds; a lock ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from filelock import lock_descriptor

from paribus.base.errors import NotWritten, Unavailable
from paribus.base.files import NEVER_THROUGH_A_LINK, NEVER_WAITING, held_folders, make_folder, sweep
from paribus.base.outputs import check_output, refuse_links


@contextlib.contextmanager
def held_lock(path: Path, patience_seconds: float = math.inf) -> Iterator[None]:
    """Holds a file's lock, which the system lets go when the process ends; the file's content is not touched.

    Args:
        path: The file, made if need be; no link.
        patience_seconds: How long to wait for another holder.

    Raises:
        TimeoutError: Another holder has it still.
        NotWritten: The file cannot be made or locked.
    """
    deadline = time.monotonic() + patience_seconds
    with _opened_lock(path) as file:
        while not _is_taken(path, file.fileno()):
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.05)
        yield


def _is_taken(path: Path, descriptor: int) -> bool:
    try:
        return lock_descriptor(descriptor, blocking=False)
    except OSError as error:
        raise NotWritten(path, error) from error


def _opened_lock(path: Path) -> IO[bytes]:
    """A file that is only there to be locked, made if need be: its content stays, and a link is not followed.

    Raises:
        NotWritten: It cannot be opened.
    """
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):  # the second for one that another user made
        try:
            descriptor = os.open(path, flags | NEVER_THROUGH_A_LINK | NEVER_WAITING, 0o666)
        except PermissionError as error:
            refused = error
        except OSError as error:
            raise NotWritten(path, error) from error
        else:
            return os.fdopen(descriptor, "rb")
    raise NotWritten(path, refused) from refused


@contextlib.contextmanager
def locked_folder(folder: Path, what: str = "run", patience_seconds: float = 2.0) -> Iterator[None]:
    """Holds a folder for this process.

    Args:
        folder: Made if need be.
        what: Whose folder it is, in words.
        patience_seconds: How long to wait for another holder, which may be about to end, or only looking
            (`is_locked`).

    Raises:
        Unavailable: Another process holds it, or it cannot be written to.
        ParibusError: A link leads out of it.
    """
    check_output(folder)
    make_folder(folder)
    refuse_links(folder)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(held_lock(folder / ".lock", patience_seconds))
        except TimeoutError:
            raise Unavailable(
                f"Another process is working in this {what}'s folder.",
                where=str(folder),
                fix="wait until it ends, or choose another --out",
            ) from None
        sweep(folder)
        held_folders.add(folder)
        try:
            yield
        finally:
            held_folders.discard(folder)
            sweep(folder)  # a killed process may have been ending still when this one began


def is_locked(folder: Path) -> bool:
    """Whether a process holds a folder at this moment."""
    try:
        descriptor = os.open(folder / ".lock", os.O_RDONLY | NEVER_THROUGH_A_LINK | NEVER_WAITING)
    except OSError:  # there is none, or one that no process of ours can hold
        return False
    try:
        return not _lock_to_look(descriptor)
    finally:
        os.close(descriptor)  # which lets it go


def _lock_to_look(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # on Windows two that look at one moment may see each other
        return lock_descriptor(descriptor, blocking=False)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared with others that look
    except BlockingIOError:
        return False
    return True
