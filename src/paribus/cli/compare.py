"""The command `paribus compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paribus.cli.options import ChannelsOption, DataOption, OnBadOption, SetOption, SizeOption, given
from paribus.cli.study import EngineOption, WorkersOption
from paribus.cli.watching import run_watched


def compare(
    data: DataOption = None,
    models: Annotated[str, typer.Option(help="Names of models, separated by commas.")] = "vae,conv-vae,gan,dcgan",
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

    names = [name.strip() for name in models.split(",") if name.strip()]
    study = study_of(
        names,
        data or "digits",
        seeds=seeds,
        budget=budget,
        out=out,
        overrides=overrides or [],
        changes={"data": given(size=size, channels=channels, on_bad=on_bad)},
        workers=workers,
        engine=engine,
        start=False,
    )
    run_watched(study)
