"""The command `paribus compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paribus.cli.console import say
from paribus.cli.options import ChannelsOption, DataOption, OnBadOption, SetOption, SizeOption, given, names
from paribus.cli.study import EngineOption, WorkersOption
from paribus.cli.watching import run_watched

if TYPE_CHECKING:
    from paribus.recipes.choice import Choice


def compare(
    data: DataOption = None,
    models: Annotated[
        str | None, typer.Option(help="Names of models, separated by commas (chosen by the images).")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each model.")] = 2,
    budget: Annotated[str, typer.Option(help="The same for every run: 60s, 200kimg, 20epochs, ...")] = "200kimg",
    out: Annotated[Path | None, typer.Option(help="The study's folder (runs/compare-DATA).")] = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    on_bad: OnBadOption = None,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    overrides: SetOption = None,
) -> None:
    """Train several models under one budget, score them alike, and write a report.

    The same command on an existing folder resumes.
    """
    from paribus.commands.compare import compare as study_of

    study = study_of(
        names(models),
        data or "digits",
        seeds=seeds,
        budget=budget,
        out=out,
        overrides=overrides or [],
        changes={"data": given(size=size, channels=channels, on_bad=on_bad)},
        workers=workers,
        engine=engine,
        start=False,
        chosen=lambda choice: say(reason(choice)),
    )
    run_watched(study)


def reason(choice: Choice) -> str:
    """Which models were chosen, and why, in a sentence."""
    image, models = choice.image, ", ".join(choice.models)
    kind = f"{image.size}x{image.size} pixels in {'colour' if image.channels == 3 else 'grey'}"
    if choice.is_small:
        why = "small enough for fully connected models (vae, gan) beside convolutional ones"
    else:
        why = f"too many numbers ({image.pixels:,}) for fully connected models, so convolutional ones alone"
    if "cvae" in choice.models:
        why += f"; cvae is told the class, of which each has {choice.rarest_class:,} training images or more"
    return f"models: {models}. These images are {kind}: {why}. --models names others"
