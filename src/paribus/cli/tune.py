"""The command `paribus tune`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paribus.base.wording import duration
from paribus.cli import console
from paribus.cli.options import (
    ChannelsOption,
    DataOption,
    OnBadOption,
    SetOption,
    SizeOption,
    WorkersOption,
    given,
    seeds_of,
)
from paribus.cli.watching import run_watched, watching_study

if TYPE_CHECKING:
    from paribus.tuning.tuning import Tuning

SearchOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY.PATH=RANGE", help="'1e-4..1e-2 log', '8..64', '0..1 step 0.1' or '\\[a, b]'; repeatable."
    ),
]
StorageOption = Annotated[
    str | None, typer.Option(help="Database of the trials, as SQLAlchemy names it (an SQLite file in --out).")
]


def tune(
    model: Annotated[str, typer.Argument(metavar="MODEL|TUNE.yaml", help="A model, or a file with the options.")],
    search: SearchOption = None,
    data: DataOption = None,
    budget: Annotated[str | None, typer.Option(help="Of each trial: 60s, 20kimg, 5epochs, ... (the model's).")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Settings to try (20; all of a grid).")] = None,
    sampler: Annotated[str | None, typer.Option(help="tpe, random or grid (tpe).")] = None,
    metric: Annotated[str | None, typer.Option(help="What trials are scored by (frechet).")] = None,
    pruner: Annotated[str | None, typer.Option(help="none, or median: give up hopeless trials (none).")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of every trial, and of the search (0).")] = None,
    top: Annotated[int | None, typer.Option(min=0, help="Best settings to run on fresh seeds (3).")] = None,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="N|A,B,...", help="Fresh seeds for each of those: how many (3), or which (4,5)."),
    ] = None,
    final_budget: Annotated[str | None, typer.Option(help="Of each of those runs (as --budget).")] = None,
    storage: StorageOption = None,
    out: Annotated[Path | None, typer.Option(help="The tuning's folder (runs/tune-MODEL-DATA).")] = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    on_bad: OnBadOption = None,
    workers: WorkersOption = None,
    overrides: SetOption = None,
) -> None:
    """Search for better settings of a model, then run the best on fresh seeds, beside its defaults.

    The same command resumes; on another machine with the same --storage it joins in.
    """
    from paribus.commands.tune import tune as tuning_of
    from paribus.tuning.space import read_search

    tuning = tuning_of(
        model,
        data,
        search=dict(map(read_search, search)) if search else None,
        out=out,
        trials=trials,
        budget=budget,
        sampler=sampler,
        metric=metric,
        pruner=pruner,
        seed=seed,
        seeds=None if seeds is None else seeds_of(seeds),
        final_budget=final_budget,
        top=top,
        storage=storage,
        workers=workers,
        overrides=overrides or [],
        changes=given(data=given(size=size, channels=channels, on_bad=on_bad)),
        start=False,
    )
    _run_trials(tuning)
    if tuning.plan.top:
        run_watched(tuning.study(workers=workers))


def _run_trials(tuning: Tuning) -> None:
    from paribus.base.processes import stop_on_signal

    plan = tuning.plan
    if tuning.left:
        console.say(
            f"{tuning.left} trials of {plan.model} on {tuning.data.name}, {tuning.config({}).training.budget} each, "
            f"{tuning.workers} at a time: about {duration(tuning.seconds())} of training, "
            f"scored by {plan.metric} on {len(tuning.data.validation):,} validation images, in {tuning.folder}"
        )
    with watching_study() as changed, stop_on_signal() as stop_requested:
        finished = tuning.run(changed, stop_requested)
    if not finished:
        console.say("interrupted: the same command resumes from the checkpoints")
        raise typer.Exit(130)
    done = sum(trial.state == "done" for trial in tuning.trials)
    console.say(f"{done} of {plan.count} trials came to an end; {tuning.folder / 'tune.json'} has their scores.")
    for name, settings in tuning.winners().items():
        chosen = settings | {"tuning.trials": plan.count}
        console.say(f"{name}: {shlex.join(word for path in chosen for word in ('-o', f'{path}={chosen[path]}'))}")
