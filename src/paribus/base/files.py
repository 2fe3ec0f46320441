"""Files that are written whole or not at all, and folders made so that they last."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from paribus.base.errors import NotWritten
from paribus.base.processes import is_alive
from paribus.base.seals import json_content, json_value, yaml_content, yaml_value

# earlier versions left the ending out
_PARTIAL = re.compile(r"\.(\d+)\..+", re.DOTALL)
held_folders: set[Path] = set()
"""Those that this process holds (`locks.locked_folder`)."""
NEVER_THROUGH_A_LINK = getattr(os, "O_NOFOLLOW", 0)
NEVER_WAITING = getattr(os, "O_NONBLOCK", 0)
"""For who is at the other end of a pipe."""


def partial_path(path: Path) -> Path:
    """Where this process writes what is to become `path`: its name tells every reader that it is not whole."""
    return path.with_name(f".{os.getpid()}.{path.name}.partial")


def is_partial(path: Path) -> bool:
    """Whether a file or folder is one that somebody was about to write."""
    return _PARTIAL.fullmatch(path.name) is not None


def sweep(folder: Path, pattern: str = ".*") -> None:
    """Removes what processes left behind that were killed while they wrote.

    Args:
        folder: Where it lies.
        pattern: Of the names, as `Path.glob` takes it; with **/ in front, below the folder, too.
    """
    for path in list(folder.glob(pattern)):
        found = _PARTIAL.fullmatch(path.name)
        if found is None or is_alive(int(found[1])):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` to write to, and moves it there if no exception was raised.

    A reader, a crash of the process and one of the machine see either the old file or the new one, whole: the content
    is on the disk before the name is, and the name when this ends. What a killed process left of the same file goes.

    Raises:
        NotWritten: The disk is full or fails, or nothing may be written there.
    """
    partial = partial_path(path)
    try:
        make_folder(path.parent)
        sweep(path.parent, f".*.{glob.escape(path.name)}.partial")
        # of our making, and no link that was there before
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            yield partial
            sync(partial)
            _move(partial, path)
            sync(path.parent)
        finally:
            partial.unlink(missing_ok=True)
    except NotWritten:
        raise
    except OSError as error:
        # what is written may come over a network, whose errors are of the same class and no fault of the disk
        if error.errno is None or isinstance(error, ConnectionError | TimeoutError):
            raise
        raise NotWritten(path, error) from error


def _move(path: Path, to: Path, patience_seconds: float = 2.0) -> None:
    """Gives a file another's name. Windows refuses that while somebody reads the other, so it is tried again there."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            path.replace(to)
            return
        except PermissionError:
            if os.name != "nt" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, on the disk, too.

    Raises:
        FileNotFoundError: This process holds one of them, and it is gone: what lay in it is missing.
    """
    if folder.is_dir():
        return
    if folder in held_folders:
        raise FileNotFoundError(errno.ENOENT, "The folder vanished", str(folder))
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def sync(path: Path) -> None:
    """Has the system write a file, or a folder's list of names, to the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders; its file system keeps a journal of their names
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)  # there only what is written is synced
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP) or not path.is_dir():  # not every file system can
            raise
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: bytes | memoryview | str) -> None:
    """Replaces a file so that a reader or a crash sees either the old one or the new one, whole.

    Raises:
        NotWritten: The disk is full or fails, or nothing may be written there.
    """
    with replacing(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


def open_to_append(path: Path) -> IO[bytes]:
    """Opens a file to add lines to it, made if need be; never through a link.

    Raises:
        NotWritten: It cannot be opened.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | NEVER_THROUGH_A_LINK | NEVER_WAITING
    try:
        return os.fdopen(os.open(path, flags, 0o666), "ab")
    except OSError as error:
        raise NotWritten(path, error) from error


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        OSError: There is none; or it is a pipe, for whose other end nobody waits, or a device.
    """
    # Path.open takes no opener
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | NEVER_WAITING)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "Not a file", str(path))
        return file.read()


def append(path: Path, line: bytes) -> None:
    """Adds a line to a file.

    Raises:
        NotWritten: The disk is full or fails; a part of the line may be there.
    """
    try:
        with open_to_append(path) as file:
            file.write(line)
    except OSError as error:
        raise NotWritten(path, error) from error


def remove(path: Path) -> None:
    """Removes a file, if it is there.

    Raises:
        NotWritten: Something else is in its place, or nothing may be changed there.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise NotWritten(path, error) from None


def write_json(path: Path, value: Any) -> None:
    """Writes JSON atomically and, where it is a mapping or a list of them, with its digest."""
    write_atomically(path, json_content(value))


def write_yaml(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a mapping as YAML atomically, with its digest."""
    write_atomically(path, yaml_content(value))


RESTORE = "restore the file from a copy, or remove it and give the command again that wrote it"


def read_json(path: Path, fix: str = RESTORE) -> Any:
    """What was written by `write_json`.

    Raises:
        Damaged: The file is not as it was written.
    """
    return json_value(read_bytes(path), path, fix)


def read_yaml(path: Path, fix: str = RESTORE) -> Any:
    """What was written by `write_yaml`.

    Raises:
        Damaged: The file is not as it was written.
    """
    return yaml_value(read_bytes(path), path, fix)
