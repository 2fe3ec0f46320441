"""Files that are written whole or not at all, folders that one process at a time holds, what may be written to, and
where results that can be computed again are kept.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import math
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from filelock import lock_descriptor
from platformdirs import user_cache_path

from paribus.base.errors import NotWritten, ParibusError, Unavailable
from paribus.base.places import checked_path
from paribus.base.processes import is_alive
from paribus.base.seals import is_sealed, json_content, json_value, yaml_content, yaml_value

# earlier versions left the ending out
_PARTIAL = re.compile(r"\.(\d+)\..+", re.DOTALL)
_held: set[Path] = set()
"""Folders that this process holds."""
_NEVER_THROUGH_A_LINK = getattr(os, "O_NOFOLLOW", 0)
_NEVER_WAITING = getattr(os, "O_NONBLOCK", 0)  # for who is at the other end of a pipe


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
    with _held_lock(lock):
        with contextlib.suppress(PermissionError):  # as open as the folder, for others who share it
            lock.chmod(path.parent.stat().st_mode & 0o666)
        yield


@contextlib.contextmanager
def _held_lock(path: Path, patience_seconds: float = math.inf) -> Iterator[None]:
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
            descriptor = os.open(path, flags | _NEVER_THROUGH_A_LINK | _NEVER_WAITING, 0o666)
        except PermissionError as error:
            refused = error
        except OSError as error:
            raise NotWritten(path, error) from error
        else:
            return os.fdopen(descriptor, "rb")
    raise NotWritten(path, refused) from refused


def open_to_append(path: Path) -> IO[bytes]:
    """Opens a file to add lines to it, made if need be; never through a link.

    Raises:
        NotWritten: It cannot be opened.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NEVER_THROUGH_A_LINK | _NEVER_WAITING
    try:
        return os.fdopen(os.open(path, flags, 0o666), "ab")
    except OSError as error:
        raise NotWritten(path, error) from error


def refuse_links(folder: Path) -> None:
    """Refuses a folder in which a link leads out of it: what is written there would be written elsewhere.

    The folder itself may be a link, by which its user names it. Links from one place in it to another stay.

    Raises:
        ParibusError: There is one, or a pipe, a socket or a device.
    """
    root = os.path.realpath(folder)
    waiting = [Path(root)] if folder.is_dir() else []
    while waiting:
        with _listed(waiting.pop()) as entries:
            for entry in entries:
                place = Path(entry.path)
                if entry.is_symlink():
                    target = os.path.realpath(place)
                    if target != root and not target.startswith(root + os.sep):
                        raise _leads_elsewhere(folder, place.relative_to(root), f"a link to {target}")
                elif entry.is_dir():
                    waiting.append(place)
                elif not entry.is_file():
                    raise _leads_elsewhere(folder, place.relative_to(root), "neither a file nor a folder")


def _listed(folder: Path) -> contextlib.AbstractContextManager[Iterator[os.DirEntry[str]]]:
    try:
        return os.scandir(folder)
    except OSError as error:
        raise NotWritten(folder, error) from error


def _leads_elsewhere(folder: Path, place: Path, got: str) -> ParibusError:
    return ParibusError(
        "Nothing is written through a link out of a folder.",
        where=str(folder / place),
        got=got,
        expected="files and folders",
        fix="remove it, or put what it leads to in its place",
    )


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
    if folder in _held:
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
    return json_value(path.read_bytes(), path, fix)


def read_yaml(path: Path, fix: str = RESTORE) -> Any:
    """What was written by `write_yaml`.

    Raises:
        Damaged: The file is not as it was written.
    """
    return yaml_value(path.read_bytes(), path, fix)


def check_output(folder: Path) -> None:
    """Finds out before any work that files cannot be written to a folder; makes nothing.

    Args:
        folder: It need not exist; then it can be made where the nearest folder above it may be written to.

    Raises:
        Unavailable: A file is in its place or above it, or nothing may be written there.
    """
    absolute = checked_path(folder, "--out").absolute()
    # unlike Path.exists, false for what may not be looked at
    there = next(place for place in (absolute, *absolute.parents) if os.access(place, os.F_OK))
    if there != absolute and absolute.is_symlink():
        reason = "a link to nothing"
    elif not there.is_dir():
        reason = f"{there} is a file"
    elif not os.access(there, os.W_OK | os.X_OK):
        reason = f"nothing may be written to {there}"
    else:
        return
    raise Unavailable("This folder cannot be written to.", where=str(folder), got=reason, fix="choose another --out")


PROGRAM = "Paribus"
"""What a picture, a page or a file of arrays says that it was written by."""
_WRITTEN_BY_US = re.compile(
    rb"\A\x89PNG.{0,4096}tEXtSoftware\0Paribus"
    rb"|\AGIF8.{0,4096}!\xfe\x07Paribus\0"
    rb"|\ARIFF.{4}WEBP.*Paribus\0{1,2}\Z"
    rb"|\APK.*\x07\0Paribus\Z"
    rb'|\A<!doctype html>.{0,4096}<meta name="generator" content="Paribus">',
    re.DOTALL | re.IGNORECASE,
)


def check_output_file(path: Path) -> None:
    """Finds out before any work that a file may not be written; makes nothing.

    What is there is overwritten only if it says that Paribus wrote it (see `PROGRAM`), or is empty.

    Raises:
        ParibusError: Something else is in its place, or its folder cannot be written to.
    """
    checked_path(path, "--out")
    check_output(path.parent)
    if path.is_dir():
        raise ParibusError(
            "This file cannot be written.", where=str(path), got="a folder of that name", fix="choose another --out"
        )
    if os.path.lexists(path) and not _is_ours(path):
        raise ParibusError(
            "Only what Paribus wrote is overwritten.",
            where=f"--out {path}",
            got="a file that does not say that Paribus wrote it",
            expected="a new name, or a file that Paribus wrote",
            fix="choose another --out",
        )


def _is_ours(path: Path) -> bool:
    """Whether a file is empty or says that Paribus wrote it."""
    if not path.is_file():
        return False
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return not content or _WRITTEN_BY_US.match(content) is not None


def refuse_foreign(folder: Path, what: str, records: Collection[str], remains: Collection[str] = ()) -> None:
    """Keeps a run, a study or a tuning out of a folder that holds something else; changes nothing.

    Args:
        folder: It need not exist.
        what: What the folder is for, in words.
        records: Files each of which tells the folder of such a thing; one in JSON carries its digest.
        remains: What such a thing may leave there without its record.

    Raises:
        ParibusError: The folder is somebody else's, or a link leads out of it.
    """

    def is_own(path: Path) -> bool:
        return path.is_file() and (path.suffix != ".json" or is_sealed(path.read_bytes()))

    def is_nobodys(path: Path) -> bool:
        """Locks, what was about to be written, and empty folders, as a killed process leaves them."""
        is_empty = path.is_dir() and path.name not in remains and not any(path.iterdir())
        return path.name == ".lock" or is_partial(path) or is_empty

    folder = checked_path(folder, "--out")
    if not folder.is_dir():
        return
    if any(is_own(folder / record) for record in records):
        refuse_links(folder)
        return
    for path in sorted(folder.iterdir()):
        if not (path.name in remains and is_own(path)) and not is_nobodys(path):
            raise ParibusError(
                f"A {what} needs a folder of its own.",
                where=f"--out {folder}",
                got=f"a folder with {path.name}",
                expected="a new or an empty folder",
                fix="choose another --out",
            )


MANIFEST = ".paribus.json"
"""Names the files that Paribus wrote into a folder, with the sha256 of each."""


def check_output_folder(folder: Path) -> None:
    """Finds out before any work that `output_folder` cannot write a folder; makes nothing.

    Raises:
        ParibusError: The folder holds something else, or cannot be written to.
    """
    check_output(folder)
    _refuse_changed(folder)


@contextlib.contextmanager
def output_folder(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder to fill, which then takes the name, whole, if no exception was raised.

    Only a folder that Paribus wrote, and that nobody has changed since, is replaced.

    Raises:
        ParibusError: The folder holds something else, or cannot be written to.
    """
    check_output_folder(folder)
    target = folder.resolve()
    make_folder(target.parent)
    sweep(target.parent, f".*.{glob.escape(target.name)}.partial")
    partial, former = partial_path(target), partial_path(target.with_name(f"former.{target.name}"))
    try:
        partial.mkdir()
        yield partial
        names = sorted(path.name for path in partial.iterdir())
        write_json(partial / MANIFEST, {"files": {name: _sha256(partial / name) for name in names}})
        for path in (*partial.iterdir(), partial):
            sync(path)
        _refuse_changed(folder)
        if target.is_dir():
            target.rename(former)
        partial.rename(target)
        sync(target.parent)
    except OSError as error:
        raise NotWritten(folder, error) from error
    finally:
        for path in (partial, former):
            shutil.rmtree(path, ignore_errors=True)


def _refuse_changed(folder: Path) -> None:
    if not folder.is_dir() or not (names := sorted(path.name for path in folder.iterdir())):
        return
    try:
        known = read_json(folder / MANIFEST)["files"]
    except (OSError, ParibusError, KeyError, TypeError):
        known = {}
    for name in names:
        path = folder / name
        if name != MANIFEST and (not path.is_file() or path.is_symlink() or known.get(name) != _sha256(path)):
            raise ParibusError(
                "Only what Paribus wrote is overwritten.",
                where=f"--out {folder}",
                got=f"{name}, which is not, or no longer, as Paribus wrote it",
                expected="a new or an empty folder, or one that this command wrote",
                fix="choose another --out",
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
            held.enter_context(_held_lock(folder / ".lock", patience_seconds))
        except TimeoutError:
            raise Unavailable(
                f"Another process is working in this {what}'s folder.",
                where=str(folder),
                fix="wait until it ends, or choose another --out",
            ) from None
        sweep(folder)
        _held.add(folder)
        try:
            yield
        finally:
            _held.discard(folder)


def is_locked(folder: Path) -> bool:
    """Whether a process holds a folder at this moment."""
    try:
        descriptor = os.open(folder / ".lock", os.O_RDONLY | _NEVER_THROUGH_A_LINK | _NEVER_WAITING)
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
    try:
        for part in ("", *CACHE_PARTS):
            check_output(cache_folder() / part)
    except ParibusError as error:
        raise Unavailable(
            "The cache cannot be written to.", where=error.where, got=error.got, fix=_NAME_A_CACHE
        ) from None


def make_cache_part(part: Path) -> None:
    """Makes one of the cache's folders (`CACHE_PARTS`), as open to other users as the cache itself.

    Raises:
        ParibusError: A link is in its place.
        NotWritten: It cannot be made.
    """
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        if part.is_symlink():
            raise _leads_elsewhere(part.parent, Path(part.name), f"a link to {os.path.realpath(part)}")
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
