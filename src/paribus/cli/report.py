"""The command `paribus report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study's or a run's folder, finished or not.")],
    out: Annotated[Path | None, typer.Option(help="The HTML file (DIR/report.html).")] = None,
    live: Annotated[bool, typer.Option("--live", help="With sliders: decoders that work in the page itself.")] = False,
) -> None:
    """Write the report of a study or a run: one HTML file that needs nothing else."""
    from paribus.commands.report import report as write

    print(write(folder, out, live=live))
