"""Files that are written whole or not at all, folders that one process at a time holds, what may be written to, and
where results that can be computed again are kept.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from paribus.base.errors import ParibusError


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds `path` (which need not exist) against every other process that asks for it here; waits for its turn.

    The lock is a file PATH.lock beside it; it ends with the process, however that ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` to write to, and moves it there, whole, if no exception was raised."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes | memoryview | str) -> None:
    """Replaces a file so that a reader or a crash sees either the old one or the new one, whole."""
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, value: Any) -> None:
    """Writes JSON atomically."""
    write_atomically(path, json.dumps(value, indent=1, allow_nan=True) + "\n")


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, by the parser in C where there is one: a study may have hundreds of them."""
    return yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def check_output(folder: Path) -> None:
    """Finds out before any work that files cannot be written to a folder; makes nothing.

    Args:
        folder: It need not exist; then it can be made where the nearest folder above it may be written to.

    Raises:
        ParibusError: A file is in its place or above it, or nothing may be written there.
    """
    absolute = folder.absolute()
    # unlike Path.exists, false for what may not be looked at
    there = next(place for place in (absolute, *absolute.parents) if os.access(place, os.F_OK))
    if not there.is_dir():
        reason = f"{there} is a file"
    elif not os.access(there, os.W_OK | os.X_OK):
        reason = f"nothing may be written to {there}"
    else:
        return
    raise ParibusError("This folder cannot be written to.", where=str(folder), got=reason, fix="choose another --out")


def check_output_file(path: Path) -> None:
    """Finds out before any work that a file cannot be written; makes nothing.

    Raises:
        ParibusError: A folder is in its place, or its own cannot be written to.
    """
    check_output(path.parent)
    if path.is_dir():
        raise ParibusError(
            "This file cannot be written.", where=str(path), got="a folder of that name", fix="choose another --out"
        )


@contextlib.contextmanager
def locked_folder(folder: Path, what: str = "run", patience_seconds: float = 2.0) -> Iterator[None]:
    """Holds a folder for this process.

    Args:
        folder: Made if need be.
        what: Whose folder it is, in words.
        patience_seconds: How long to wait for another holder, which may be about to end, or only looking
            (`is_locked`).

    Raises:
        ParibusError: Another process holds it, or it cannot be written to.
    """
    check_output(folder)
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience_seconds
    with (folder / ".lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ParibusError(
                        f"Another process is working in this {what}'s folder.",
                        where=str(folder),
                        fix="wait until it ends, or choose another --out",
                    ) from None
                time.sleep(0.05)
        yield


def is_locked(folder: Path) -> bool:
    """Whether a process holds a folder at this moment."""
    try:
        with (folder / ".lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def cache_folder() -> Path:
    """The root of the cache: `PARIBUS_CACHE`, else `XDG_CACHE_HOME`/paribus, else ~/.cache/paribus (not created)."""
    own = os.environ.get("PARIBUS_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared).expanduser() if shared else Path.home() / ".cache") / "paribus"
