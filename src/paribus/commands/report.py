"""`report`: the page of a study or a run, with its decoders where it is to be live."""

from __future__ import annotations

from pathlib import Path

from paribus.exports.live import write_live
from paribus.report import write_report


def report(folder: str | Path, out: str | Path | None = None, *, live: bool = False) -> Path:
    """Writes the report of a study or a run: one HTML file that needs nothing else.

    Args:
        folder: A study's or a run's, finished or not.
        out: The file; report.html in the folder by default.
        live: With sliders: decoders that work in the page itself.

    Raises:
        ParibusError: There is neither in the folder, or the file cannot be written.
    """
    if live:
        write_live(Path(folder))
    return write_report(Path(folder), None if out is None else Path(out), live=live)
