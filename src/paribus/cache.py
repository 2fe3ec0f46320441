"""Where results that can be computed again are kept between runs, and how processes share them safely."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def cache_folder() -> Path:
    """The root of the cache: `PARIBUS_CACHE`, else `XDG_CACHE_HOME`/paribus, else ~/.cache/paribus (not created)."""
    own = os.environ.get("PARIBUS_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared).expanduser() if shared else Path.home() / ".cache") / "paribus"


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
