"""Where results that can be computed again are kept, also for other users of the machine."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from platformdirs import user_cache_path

from paribus.base.errors import NotWritten, ParibusError, Unavailable
from paribus.base.locks import held_lock
from paribus.base.outputs import leads_elsewhere, unwritable


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds `path` of the cache (which need not exist) against all who ask for it here; waits for its turn.

    The lock is a file PATH.lock beside it; it ends with the process, however that ends.

    Raises:
        ParibusError: See `make_cache_part`.
        NotWritten: Another user made the lock, and keeps it from us.
    """
    make_cache_part(path.parent)
    lock = path.with_name(path.name + ".lock")
    with held_lock(lock):
        with contextlib.suppress(PermissionError):  # as open as the folder, for others who share it
            lock.chmod(path.parent.stat().st_mode & 0o666)
        yield


@contextlib.contextmanager
def temporary_cache() -> Iterator[Path]:
    """Another cache for as long as it is open: what is tried out leaves nothing behind in the user's own."""
    before = os.environ.get("PARIBUS_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PARIBUS_CACHE"] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ["PARIBUS_CACHE"]
            if before is not None:
                os.environ["PARIBUS_CACHE"] = before


def cache_folder() -> Path:
    r"""The root of the cache: `PARIBUS_CACHE`, else the system's place for it (not created).

    That is `XDG_CACHE_HOME`/paribus or ~/.cache/paribus on Linux, ~/Library/Caches/paribus on macOS, and
    paribus\Cache under %LOCALAPPDATA% on Windows.

    Raises:
        ParibusError: There is no home folder, and nothing else is named.
    """
    own = os.environ.get("PARIBUS_CACHE")
    try:
        return (Path(own) if own else user_cache_path("paribus", appauthor=False)).expanduser()
    except RuntimeError as error:
        raise ParibusError("There is no folder for the cache.", where="HOME", got=error, fix=_NAME_A_CACHE) from None


_NAME_A_CACHE = "set PARIBUS_CACHE to a folder that can be written to"


def check_cache() -> None:
    """Finds out before any work that nothing can be kept in the cache; makes nothing.

    Raises:
        ParibusError: It is so.
    """
    for folder in (cache_folder(), *(cache_folder() / part for part in CACHE_PARTS)):
        if reason := unwritable(folder):
            raise Unavailable("The cache cannot be written to.", where=str(folder), got=reason, fix=_NAME_A_CACHE)


def make_cache_part(part: Path) -> None:
    """Makes one of the cache's folders (`CACHE_PARTS`), as open to other users as the cache itself.

    Raises:
        ParibusError: A link is in its place.
        NotWritten: It cannot be made.
    """
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        if part.is_symlink():
            raise leads_elsewhere(part.parent, Path(part.name), f"a link to {os.path.realpath(part)}")
        if not part.is_dir():
            part.mkdir(exist_ok=True)
            part.chmod(stat.S_IMODE(part.parent.stat().st_mode))
    except OSError as error:
        raise NotWritten(part, error) from error


CACHE_PARTS = ("reference", "encoders", "weights", "data", "memory")
UNPACKED = "unpacked"
"""Folder of an entry of the cache that holds what an archive held, under its own names."""
_OF_A_KEY = re.compile(r"[0-9a-f]{32,64}(\.(npz|json|safetensors|partial))?|.+-[0-9a-f]{12}\.npz")
_OF_AN_ENTRY = re.compile(rf"(source-)?[a-z]+\.npy|labels\.npz|outcome\.json|fingerprint|{UNPACKED}")


def clean_cache(root: Path, known: Collection[str] = ()) -> int:
    """Removes what Paribus wrote into a cache, and folders that are empty then; the number of bytes.

    Args:
        root: The cache; other files in it stay.
        known: Names of files that are kept in it under other names than a hash.
    """
    removed = 0
    for part in CACHE_PARTS:
        for path in [] if (root / part).is_symlink() else sorted((root / part).glob("*")):
            name = path.name.removesuffix(".lock")
            if found := re.fullmatch(r"\.\d+\.(.+?)(\.partial)?", name):
                name = found[1]
            if name not in known and not _OF_A_KEY.fullmatch(name):
                continue
            entries = (
                [file for file in path.iterdir() if _OF_AN_ENTRY.fullmatch(file.name)]
                if _is_own_folder(path)
                else [path]
            )
            for file in entries:
                below = [file, *file.rglob("*")] if _is_own_folder(file) else [file]
                removed += sum(each.lstat().st_size for each in below if not each.is_dir())
                shutil.rmtree(file) if _is_own_folder(file) else file.unlink()
            if _is_own_folder(path):
                _remove_empty(path)
        _remove_empty(root / part)
    _remove_empty(root)
    return removed


def _is_own_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it is not there, or something else is in it
        folder.rmdir()
