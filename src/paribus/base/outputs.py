"""Where results may be written: what is somebody else's is refused before any work, and stays as it is."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from paribus.base.errors import NotWritten, ParibusError, Unavailable
from paribus.base.files import is_partial, make_folder, partial_path, read_json, sweep, sync, write_json
from paribus.base.places import checked_path
from paribus.base.seals import is_sealed


def unwritable(folder: Path) -> str | None:
    """Why files cannot be written to a folder: a file is in its place or above it, or nothing may be written there.

    Args:
        folder: It need not exist; then it can be made where the nearest folder above it may be written to.
    """
    absolute = folder.absolute()
    # unlike Path.exists, false for what may not be looked at
    there = next(place for place in (absolute, *absolute.parents) if os.access(place, os.F_OK))
    if there != absolute and absolute.is_symlink():
        return "a link to nothing"
    if not there.is_dir():
        return f"{there} is a file"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"nothing may be written to {there}"
    return None


def check_output(folder: Path) -> None:
    """Finds out before any work that files cannot be written to a folder; makes nothing.

    Raises:
        Unavailable: See `unwritable`.
    """
    if reason := unwritable(checked_path(folder, "--out")):
        where = f"--out {folder}"
        raise Unavailable("This folder cannot be written to.", where=where, got=reason, fix="choose another --out")


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
            got="a link" if path.is_symlink() else "a file that does not say that Paribus wrote it",
            expected="a new name, or a file that Paribus wrote",
            fix="choose another --out",
        )


def _is_ours(path: Path) -> bool:
    """Whether a file is empty or says that Paribus wrote it; a link is the user's, whatever it leads to."""
    if path.is_symlink() or not path.is_file():
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
                        raise leads_elsewhere(folder, place.relative_to(root), f"a link to {target}")
                elif entry.is_dir():
                    waiting.append(place)
                elif not entry.is_file():
                    raise leads_elsewhere(folder, place.relative_to(root), "neither a file nor a folder")


def _listed(folder: Path) -> contextlib.AbstractContextManager[Iterator[os.DirEntry[str]]]:
    try:
        return os.scandir(folder)
    except OSError as error:
        raise NotWritten(folder, error) from error


def leads_elsewhere(folder: Path, place: Path, got: str) -> ParibusError:
    """The error for a place in a folder that is, or leads to, something else."""
    return ParibusError(
        "Nothing is written through a link out of a folder.",
        where=str(folder / place),
        got=got,
        expected="files and folders",
        fix="remove it, or put what it leads to in its place",
    )
