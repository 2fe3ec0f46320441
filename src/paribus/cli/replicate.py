"""The command `paribus replicate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paribus.cli.study import DryRunOption, WorkersOption
from paribus.cli.watching import run_watched


def replicate(
    paper: Annotated[str, typer.Argument(metavar="PAPER|all", help="Name of a paper ('paribus list papers').")],
    scale: Annotated[str, typer.Option(help="smoke (a minute), cpu (about an hour), paper (the full budget).")] = "cpu",
    out: Annotated[
        Path | None, typer.Option(help="The study's folder (runs/PAPER-SCALE); of all, their parent.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each row.")] = 1,
    workers: WorkersOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Run what a paper compares, and put what it printed beside what was measured.

    The same command on an existing folder resumes. A row that fails at scale smoke ends it with exit code 1.
    """
    from paribus.commands.replicate import replicate as study_of
    from paribus.replication.papers import paper_names

    names = paper_names() if paper == "all" else [paper]
    failed = False
    for name in names:
        folder = out if out is None or paper != "all" else out / f"{name}-{scale}"
        study = study_of(name, scale=scale, out=folder, seeds=seeds, workers=workers, start=False)
        # timing a few steps of each row would take as long as the rows themselves
        run_watched(study, dry_run=dry_run, estimated=scale != "smoke")
        failed |= not dry_run and any(run.status == "failed" for run in study.results.runs)
    if failed and scale == "smoke":  # elsewhere a run that diverges is a result
        raise typer.Exit(1)
