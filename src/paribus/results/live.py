"""live.json of a run: a decoder for a report's page, and which runs have one."""

from __future__ import annotations

from paribus.results.run import RunResult
from paribus.results.study import StudyResult

TOTAL_BYTES = 5_000_000
"""Room for all decoders' weights, as text: with the pictures the page stays under 8 MB."""


def runs_to_show(study: StudyResult) -> list[RunResult]:
    """The first finished run of each model, by seed."""
    found = {run.model: run for run in reversed(study.runs) if run.status == "done" and run.folder}
    return [found[model] for model in study.models if model in found]


def no_room(size: int) -> str:
    """Why a decoder of so many bytes is left out, as a clause."""
    return f"its decoder takes {size / 1e6:.1f} MB, and all decoders together have room for {TOTAL_BYTES / 1e6:.0f} MB"
