"""The last resort: an error that nobody foresaw is told in one message, and all that is known of it is in a file."""

from __future__ import annotations

import platform
import shlex
import sys
import tempfile
import traceback
from datetime import UTC, datetime

from paribus.base.errors import ParibusError
from paribus.base.version import __version__


class Unforeseen(ParibusError):
    """A fault of Paribus itself."""

    exit_code = 70  # EX_SOFTWARE of sysexits.h


def as_message(error: BaseException) -> Unforeseen:
    """What a user is told of an error that is a fault of Paribus; its traceback goes into a file of its own."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return Unforeseen(
        "Something happened that Paribus did not foresee: this is a fault of it, and not of what it was given.",
        where=f"{last[0].name} in {last[0].filename.rpartition('/')[2]}, line {last[0].lineno}" if last else None,
        got=reason,
        expected="a result, or a message that says how to get one",
        fix=f"report it where you have Paribus from, with {_written(error)}",
    )


def _written(error: BaseException) -> str:
    """Where the details lie: the first of the system's temporary folders, or this one, that can be written to."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="paribus-", suffix=".log", delete=False, errors="replace"
        ) as file:
            file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{shlex.join(sys.argv)}\n")
            file.write(f"paribus {__version__}, Python {platform.python_version()}, ")
            file.write(f"{platform.system()} {platform.release()}\n\n")  # platform.platform would start a process
            file.write("".join(traceback.format_exception(error)))
    except Exception:  # the last resort does not fail
        return "the command (no file could be written that holds more)"
    return f"{file.name}, which holds the details"
