"""The commands `paribus study ...`, and what they share with `compare`: carrying a study out before one's eyes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paribus.base.errors import ParibusError
from paribus.base.wording import duration, size

if TYPE_CHECKING:
    from paribus.studies.study import Study

app = typer.Typer(no_args_is_help=True, help="Studies: models and settings varied under one budget, with seeds.")

StudyFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A study's folder.")]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Runs at a time (all cores, 1 thread each).")]
EngineOption = Annotated[
    str,
    typer.Option(metavar="local|ray|ray://HOST:PORT|HOST:PORT", help="Carry runs out here, or on a Ray cluster."),
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
    """Carry out a study: what is finished stays, what was interrupted goes on from its checkpoint."""
    from paribus.studies.files import StudyFile
    from paribus.studies.plan import Plan
    from paribus.studies.study import Study

    if study.is_dir():
        if out is not None:
            raise ParibusError("A study's folder is its own --out.", where="--out", got=out, fix="leave --out out")
        carry_out(Study.open(study, workers=workers, engine=engine), dry_run=dry_run)
        return
    file: StudyFile[Plan] = StudyFile(study)
    plan = file.plan()
    with file.naming_lines():
        planned = Study.of(plan, out, workers=workers, engine=engine)
    carry_out(planned, dry_run=dry_run)


@app.command()
def status(
    folder: StudyFolder,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")] = False,
) -> None:
    """How far each run is."""
    from paribus.cli import console
    from paribus.studies.status import status as standings

    found = standings(folder)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    rows = [
        {
            "run": f"{run['label']} seed {run['seed']}",
            "state": run["state"],
            "progress": "" if run["fraction"] is None else f"{run['fraction']:.0%}",
            "images": f"{run['images']:,}",
            "left": "" if run["seconds_left"] is None else duration(run["seconds_left"]),
            "remark": (run["reason"] or "").split("\n")[0] or _losses(run["terms"]),
        }
        for run in found["runs"]
    ]
    console.print_table(rows)
    counts = ", ".join(f"{count} {state}" for state, count in found["counts"].items())
    print(f"{len(rows)} runs of {found['budget']}: {counts}")


@app.command()
def add(
    folder: StudyFolder,
    values: Annotated[list[str], typer.Argument(metavar="KEY.PATH=VALUE,...", help="Values of axes, or seeds=3,4.")],
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    dry_run: DryRunOption = False,
) -> None:
    """Add values to a study's axes, or seeds, and carry out the new runs."""
    from paribus.studies.files import read_values
    from paribus.studies.plan import with_values
    from paribus.studies.study import Study, stored_plan

    plan = stored_plan(folder)
    for text in values:
        path, found = read_values(text)
        plan = with_values(plan, path, found)
    carry_out(Study.open(folder, workers=workers, engine=engine, plan=plan), dry_run=dry_run)


@app.command()
def retry(
    folder: StudyFolder,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    dry_run: DryRunOption = False,
) -> None:
    """Try a study's failed runs again, from their last checkpoints, and carry out what is left."""
    from paribus.studies.study import Study

    carry_out(Study.open(folder, workers=workers, engine=engine), retry=True, dry_run=dry_run)


def carry_out(study: Study, *, retry: bool = False, dry_run: bool = False, estimated: bool = True) -> None:
    """Says what a study will cost, carries it out with a live table, and names its report.

    Args:
        study: What to carry out.
        retry: Whether runs that failed are tried again.
        dry_run: Whether to show the runs and start none.
        estimated: Whether a few steps of each run are timed first, to say how long all will take.

    Raises:
        ParibusError: The study's folder cannot be written to.
        typer.Exit: It was interrupted (130).
    """
    from paribus.base.files import check_output
    from paribus.base.signals import stop_on_signal
    from paribus.cli import console
    from paribus.cli.watching import watching_study
    from paribus.results.words import statement
    from paribus.studies.equality import equal_parameters

    check_output(study.folder)
    for fact in equal_parameters(study.matches):
        console.say(str(statement(fact)))
    waiting = study.waiting(retry)
    if dry_run:
        console.print_table(study.listing(waiting))
    if waiting:
        runs = f"{len(waiting)} runs on {study.data_names}, {study.budget} each, {_at_a_time(study)}"
        if estimated and not _can_be_timed(study):
            runs += " (not timed: this machine lacks a device that they name)"
        elif estimated:
            kinds = len({run.label for run in waiting})
            console.say(f"timing a few steps of each kind of run ({kinds})")
            cost = study.estimate(waiting)
            runs += f": about {duration(cost.training_seconds)} of training and "
            runs += f"{duration(cost.sampling_seconds)} of sampling, {size(cost.disk_bytes)}"
        console.say(f"{runs} in {study.folder}")
    else:
        console.say(f"nothing to do: {len(study.runs)} runs are over in {study.folder}")
    if dry_run:
        return
    with watching_study() as changed, stop_on_signal() as stop_requested:
        finished = study.run(changed, stop_requested, retry=retry)
    failed = [run for run in study.results.runs if run.status == "failed"]
    for run in failed:
        console.say(f"failed: {run.model} seed {run.seed}: {run.reason}")
    if failed:
        console.say(f"'paribus study retry {study.folder}' tries failed runs again")
    if not finished:
        console.say("interrupted: the same command carries on from the checkpoints")
        raise typer.Exit(130)
    print(study.folder / "report.html")


def _at_a_time(study: Study) -> str:
    local = f"{study.workers} at a time"
    return local if study.engine == "local" else f"on Ray; on this machine alone, {local}"


def _can_be_timed(study: Study) -> bool:
    """Whether steps can be timed here; a run that is carried out here says by itself which device is missing."""
    from paribus.training.hardware import choose_device

    if study.engine == "local":
        return True
    try:
        for run in study.runs:
            choose_device(run.config.training.device)
    except ParibusError:
        return False
    return True


def _losses(terms: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in terms.items())
