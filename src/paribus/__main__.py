"""The command `paribus`, also as `python -m paribus`."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from paribus.base import unforeseen
from paribus.base.errors import ParibusError, machine_fault
from paribus.base.processes import interrupt, place, was_interrupted

BAD_INPUT, INTERRUPTED = 2, 130


def main() -> None:
    """Runs the command line; a user's mistake ends with one message and exit code 2, never with a traceback.

    So does a fault of Paribus itself: with exit code 70, and a file that holds the traceback.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):  # what goes to a file or a pipe has the system's code page on Windows
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:  # nohup ignores it
        signal.signal(signal.SIGINT, interrupt)
    try:
        from paribus.cli.app import app

        app(prog_name="paribus")
    except ParibusError as error:
        _end(error)
    except KeyboardInterrupt:
        _end_interrupted()
    except BrokenPipeError:  # the reader of our output went away, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if was_interrupted():
            _end_interrupted()
        _end(machine_fault(error) or unforeseen.as_message(error))


def _open_closed_streams() -> None:
    """What was started without an input or an output (`>&-`) reads nothing, and is heard by nobody.

    Without this the next file that is opened would be the output, and be written into by whatever is printed.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))


def _end_interrupted() -> NoReturn:
    print("paribus: interrupted", file=sys.stderr)
    sys.exit(INTERRUPTED)


def _end(error: ParibusError) -> NoReturn:
    if place().is_first:  # the processes of a run agree on their errors: one message
        print(f"paribus: {error}", file=sys.stderr)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
