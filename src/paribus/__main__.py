"""The command `paribus`, also as `python -m paribus`."""

from __future__ import annotations

import io
import os
import sys

from paribus.base.errors import ParibusError
from paribus.base.processes import place

BAD_INPUT, INTERRUPTED = 2, 130


def main() -> None:
    """Runs the command line; a user's mistake ends with one message and exit code 2, never with a traceback."""
    from paribus.cli.app import app

    for stream in (sys.stdout, sys.stderr):  # what goes to a file or a pipe has the system's code page on Windows
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="paribus")
    except ParibusError as error:
        if place().is_first:  # the processes of a run agree on their errors: one message
            print(f"paribus: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("paribus: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output went away, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
