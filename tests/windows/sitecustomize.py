"""Makes a Python on Linux behave like one on Windows towards Paribus, as far as that can be had: put this folder on
PYTHONPATH, and name a folder in LIKE_WINDOWS.

In Paribus os.name is "nt", and modules, signals and functions that Windows lacks are not there. In the folder, a name
that Windows refuses cannot be made, and what this process has open, or in memory as a map, can be neither removed nor
renamed.
"""
# this lies below pathlib:
# ruff: noqa: PTH118, PTH208, PTH112, PTH115, PTH123

from __future__ import annotations

import builtins
import contextlib
import enum
import os
import re
import signal
import sys
import types
from pathlib import Path, PureWindowsPath
from typing import Any

MODULES = frozenset({"fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "syslog"})
FUNCTIONS = re.compile(
    r"sched_.*|[gs]et(e|res)?[ug]ids?|initgroups|fork\w*|register_at_fork|kill|killpg|setsid|getpg\w+|nice|sysconf\w*|"
    r"f?pathconf\w*|wait[^p]\w*|W[A-Z]+|posix_\w+|f?statvfs|f?chown|f?chmod|mkfifo|pread|pwrite|sendfile|uname|"
    r"O_(NOFOLLOW|DIRECTORY|NONBLOCK|CLOEXEC|SYNC|NOCTTY)|getloadavg|ttyname|openpty|mknod|fdatasync"
)
SIGNALS = ("SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM")
NAME = re.compile(r'[^<>:"|?*\\\x00-\x1f]+(?<![ .])')
FOLDER = os.environ.get("LIKE_WINDOWS")

_import = builtins.__import__


def _without(module: types.ModuleType, lacking: re.Pattern[str], **others: Any) -> types.ModuleType:
    stand_in = types.ModuleType(module.__name__)
    kept = {name: value for name, value in vars(module).items() if not lacking.fullmatch(name)}
    vars(stand_in).update(kept | others)
    return stand_in


def _psutil() -> types.ModuleType:
    """The little of psutil that is asked for on Windows."""
    made = types.ModuleType("psutil")
    made.pid_exists = lambda process: Path(f"/proc/{process}").exists()
    made.virtual_memory = lambda: types.SimpleNamespace(total=8 << 30, available=4 << 30)
    made.Process = lambda: types.SimpleNamespace(memory_info=lambda: types.SimpleNamespace(peak_wset=123 << 20))
    return made


_STAND_INS = {
    "os": _without(os, FUNCTIONS, name="nt"),
    "signal": _without(
        signal,
        re.compile(r"SIG[A-Z0-9]+|Signals|pthread_\w+|alarm|setitimer|sig\w+wait\w*"),
        Signals=enum.IntEnum("Signals", {name: getattr(signal, name) for name in SIGNALS}),
        **{name: getattr(signal, name) for name in SIGNALS},
    ),
}


def _imported(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
    if level == 0 and (globals or {}).get("__name__", "").partition(".")[0] == "paribus":
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name == "psutil":
            return _psutil()
        if name in _STAND_INS:
            return _STAND_INS[name]
    return _import(name, globals, locals, fromlist, level)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, (str, bytes)) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            _check_name(path)
    elif event == "os.mkdir":
        _check_name(arguments[0])
    elif event in ("os.remove", "os.rmdir"):
        _check_closed(arguments[0])
    elif event == "os.rename":
        _check_closed(arguments[0])
        _check_closed(arguments[1])
        _check_name(arguments[1])


def _inside(path: Any) -> str | None:
    """A path in the folder, resolved but for its last part."""
    place, name = os.path.split(os.fsdecode(path))
    whole = os.path.join(os.path.realpath(place), name)
    return whole if FOLDER and whole.startswith(FOLDER + "/") else None


def _check_name(path: Any) -> None:
    whole = _inside(path)
    if whole is None:
        return
    for part in whole[len(FOLDER or "") + 1 :].split("/"):
        if not NAME.fullmatch(part) or PureWindowsPath(part).is_reserved():
            raise OSError(22, "a name that Windows refuses", whole)
    folder, name = os.path.split(whole)
    others = os.listdir(folder) if os.path.isdir(folder) else []
    if name not in others and name.casefold() in map(str.casefold, others):
        raise OSError(22, "to Windows another file's name", whole)


def _check_closed(path: Any) -> None:
    whole = _inside(path)
    if whole is None:
        return
    held = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            held.append(os.readlink(f"/proc/self/fd/{number}"))
    with open("/proc/self/maps", "rb") as maps:
        held += [os.fsdecode(found) for found in re.findall(rb"(/.+)", maps.read())]
    if any(each == whole or each.startswith(whole + "/") for each in held):
        raise PermissionError(13, "The process cannot access the file because it is being used", whole)


if FOLDER:
    builtins.__import__ = _imported
    sys.addaudithook(_refuse)
