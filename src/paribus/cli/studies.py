"""The commands of many runs under one budget: `compare`, `replicate`, and `study ...`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paribus.base.errors import AllFailed
from paribus.base.wording import duration
from paribus.cli.console import say
from paribus.cli.options import (
    ChannelsOption,
    DataOption,
    DryRunOption,
    EngineOption,
    JsonOption,
    OnBadOption,
    SeedsOption,
    SetOption,
    SizeOption,
    WorkersOption,
    given,
    names,
    seeds_of,
)
from paribus.cli.watching import run_watched

if TYPE_CHECKING:
    from paribus.recipes.choice import Choice

app = typer.Typer(no_args_is_help=True, help="Studies: models and settings varied under one budget, with seeds.")

StudyFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A study's folder.")]


@app.command()
def run(
    study: Annotated[Path, typer.Argument(metavar="STUDY.yaml|DIR", help="What to do, or a study's folder.")],
    out: Annotated[Path | None, typer.Option(help="The study's folder (runs/NAME).")] = None,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    dry_run: DryRunOption = False,
) -> None:
    """Run a study: what is finished stays, what was interrupted is resumed from its checkpoint."""
    from paribus.commands.studies import run_study

    say("reading the images")
    run_watched(run_study(study, out=out, workers=workers, engine=engine, start=False), dry_run=dry_run)


@app.command()
def status(folder: StudyFolder, as_json: JsonOption = False) -> None:
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
    console.tell(f"{len(rows)} runs of {found.budget}: {counts}")


@app.command()
def add(
    folder: StudyFolder,
    values: Annotated[
        list[str],
        typer.Argument(metavar="KEY.PATH=VALUE,...", help="Values of axes, or the seeds themselves: seeds=3,4."),
    ],
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    dry_run: DryRunOption = False,
) -> None:
    """Add values to a study's axes, or seeds, and run the new runs."""
    from paribus.commands.studies import add_to_study

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
    from paribus.commands.studies import retry_study

    study = retry_study(folder, model, overrides=overrides or [], workers=workers, engine=engine, start=False)
    run_watched(study, retry=True, dry_run=dry_run)


def compare(
    data: DataOption = None,
    models: Annotated[
        str | None, typer.Option(help="Names of models, separated by commas (chosen by the images).")
    ] = None,
    seeds: SeedsOption = "3",
    budget: Annotated[str, typer.Option(help="The same for every run: 60s, 200kimg, 20epochs, ...")] = "200kimg",
    out: Annotated[Path | None, typer.Option(help="The study's folder (runs/compare-DATA).")] = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    on_bad: OnBadOption = None,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    dry_run: DryRunOption = False,
    overrides: SetOption = None,
) -> None:
    """Train several models under one budget, score them alike, and write a report.

    The same command on an existing folder resumes.
    """
    from paribus.commands.studies import compare as study_of

    say("reading the images")
    study = study_of(
        None if models is None else names(models),
        "digits" if data is None else data,
        seeds=seeds_of(seeds),
        budget=budget,
        out=out,
        overrides=overrides or [],
        changes={"data": given(size=size, channels=channels, on_bad=on_bad)},
        workers=workers,
        engine=engine,
        start=False,
        chosen=lambda choice: say(reason(choice)),
    )
    run_watched(study, dry_run=dry_run)


def reason(choice: Choice) -> str:
    """Which models were chosen, and why, in a sentence."""
    image, models = choice.image, ", ".join(choice.models)
    kind = f"{image.size}x{image.size} pixels in {'colour' if image.channels == 3 else 'grey'}"
    if "vae" in choice.models:
        why = "small enough for fully connected models (vae, gan) beside convolutional ones"
    else:
        why = f"too many numbers ({image.pixels:,}) for fully connected models, so convolutional ones alone"
    if "cvae" in choice.models:
        why += f"; cvae is class-conditional, and each class has {choice.rarest_class:,} training images or more"
    return f"models: {models}. These images are {kind}: {why}. --models names others"


def replicate(
    paper: Annotated[str, typer.Argument(metavar="PAPER|all", help="Name of a paper ('paribus list papers').")],
    scale: Annotated[str, typer.Option(help="smoke (a minute), cpu (about an hour), paper (the full budget).")] = "cpu",
    out: Annotated[
        Path | None, typer.Option(help="The study's folder (runs/PAPER-SCALE); of all, their parent.")
    ] = None,
    seeds: SeedsOption = "1",
    workers: WorkersOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Run what a paper compares, and put what it printed beside what was measured.

    The same command on an existing folder resumes. Exit code 1 says that every row failed, at scale smoke that any did.
    """
    from paribus.commands.studies import replicate as study_of
    from paribus.replication.papers import paper_names

    counted, failed = seeds_of(seeds), False
    nothing_left: list[AllFailed] = []
    for name in paper_names() if paper == "all" else [paper]:
        folder = out if out is None or paper != "all" else out / f"{name}-{scale}"
        study = study_of(name, scale=scale, out=folder, seeds=counted, workers=workers, start=False)
        try:  # timing a few steps of each row would take as long as the rows themselves
            run_watched(study, dry_run=dry_run, estimated=scale != "smoke")
        except AllFailed as error:
            nothing_left.append(error)
        failed |= not dry_run and any(run.status == "failed" for run in study.results.runs)
    if nothing_left:  # the other papers were run first
        raise nothing_left[0]
    if failed and scale == "smoke":  # elsewhere a run that diverges is a result
        raise typer.Exit(1)


def _losses(terms: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in terms.items())
