"""`paribus replicate`: what a paper compares as a study, and what it printed beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from paribus.replication.papers import paper, scale_named
from paribus.replication.study import replication_study
from paribus.report import write_report
from paribus.studies.study import Study


def replicate(
    name: str,
    *,
    scale: str = "cpu",
    out: str | Path | None = None,
    seeds: int | Sequence[int] = 1,
    workers: int | None = None,
    start: bool = True,
) -> Study:
    """Trains and scores what a paper compares; resumes where an earlier call with the same words ended.

    Args:
        name: Of a paper (`paribus list papers`).
        scale: smoke (that the rows run, on enlarged digits where a data set is not at hand), cpu (about an hour, with
            stated reductions) or paper (the full budget).
        out: The study's folder; by default runs/NAME-SCALE.
        seeds: How many, or which.
        workers: Runs at a time; by default as many as there are cores.
        start: Whether to run it now; otherwise `Study.estimate` and `Study.run` are at hand.

    Raises:
        ParibusError: There is no such paper or scale, a data set is unavailable, or the folder holds another study.
    """
    chosen = scale_named(scale)
    study = replication_study(
        paper(name),
        chosen,
        Path(out) if out is not None else None,
        write_report=write_report,
        seeds=seeds if isinstance(seeds, int) else list(seeds),
        workers=workers,
    )
    if start:
        study.run()
    return study
