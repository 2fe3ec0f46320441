"""The commands `paribus study ...`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from paribus.base.wording import duration
from paribus.cli.options import SetOption
from paribus.cli.watching import run_watched

app = typer.Typer(no_args_is_help=True, help="Studies: models and settings varied under one budget, with seeds.")

StudyFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A study's folder.")]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Runs at a time (all cores, 1 thread each).")]
EngineOption = Annotated[
    str,
    typer.Option(metavar="local|ray|ray://HOST:PORT|HOST:PORT", help="Train runs here, or on a Ray cluster."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show runs, time and disk; start and write nothing.")]


@app.command()
def run(
    study: Annotated[Path, typer.Argument(metavar="STUDY.yaml|DIR", help="What to do, or a study's folder.")],
    out: Annotated[Path | None, typer.Option(help="The study's folder (runs/NAME).")] = None,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    dry_run: DryRunOption = False,
) -> None:
    """Run a study: what is finished stays, what was interrupted is resumed from its checkpoint."""
    from paribus.commands.study import run_study

    run_watched(run_study(study, out=out, workers=workers, engine=engine, start=False), dry_run=dry_run)


@app.command()
def status(
    folder: StudyFolder,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")] = False,
) -> None:
    """How far each run is."""
    from paribus.cli import console
    from paribus.studies.status import status as study_status

    found = study_status(folder)
    if as_json:
        print(json.dumps(found.model_dump(mode="json"), indent=1))
        return
    rows = [
        {
            "run": f"{run.label} seed {run.seed}",
            "state": run.state,
            "progress": "" if run.fraction is None else f"{run.fraction:.0%}",
            "images": f"{run.images:,}",
            "left": "" if run.seconds_left is None else duration(run.seconds_left),
            "remark": (run.reason or "").split("\n")[0] or _losses(run.terms),
        }
        for run in found.runs
    ]
    console.print_table(rows)
    counts = ", ".join(f"{count} {state}" for state, count in found.counts.items())
    print(f"{len(rows)} runs of {found.budget}: {counts}")


@app.command()
def add(
    folder: StudyFolder,
    values: Annotated[list[str], typer.Argument(metavar="KEY.PATH=VALUE,...", help="Values of axes, or seeds=3,4.")],
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    dry_run: DryRunOption = False,
) -> None:
    """Add values to a study's axes, or seeds, and run the new runs."""
    from paribus.commands.study import add_to_study

    run_watched(add_to_study(folder, values, workers=workers, engine=engine, start=False), dry_run=dry_run)


@app.command()
def retry(
    folder: StudyFolder,
    model: Annotated[str | None, typer.Argument(help="Whose failed runs; by default those of all models.")] = None,
    overrides: SetOption = None,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    dry_run: DryRunOption = False,
) -> None:
    """Retry a study's failed runs from their last checkpoints, and run what is left.

    With -o all seeds of the retried models begin anew with the changed settings; their former folders are kept.
    """
    from paribus.commands.study import retry_study

    study = retry_study(folder, model, overrides=overrides or [], workers=workers, engine=engine, start=False)
    run_watched(study, retry=True, dry_run=dry_run)


def _losses(terms: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in terms.items())
