"""The command `paribus evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from paribus.cli.options import DataOption, JsonOption, OnBadOption, SamplerOption, SetOption, SizeOption, given, names


def evaluate(
    subject: Annotated[
        str, typer.Argument(metavar="RUN|FOLDER|FILE", help="A run's folder, or images: a folder, .npz, .npy, .pt.")
    ],
    data: DataOption = None,
    against: Annotated[Path | None, typer.Option(help="Another folder of images to compare with.")] = None,
    size: SizeOption = None,
    on_bad: OnBadOption = None,
    float_range: Annotated[str, typer.Option(metavar="0..1|-1..1", help="Range of pixels that are floats.")] = "0..1",
    samples: Annotated[int | None, typer.Option(min=64, help="Number of samples (10000).")] = None,
    metrics: Annotated[str | None, typer.Option(help="Names of metrics, separated by commas.")] = None,
    sampler: SamplerOption = None,
    inception_weights: Annotated[
        Path | None,
        typer.Option(help="File of Inception's weights (PARIBUS_INCEPTION, or a download); adds Inception's view."),
    ] = None,
    as_json: JsonOption = False,
    overrides: SetOption = None,
) -> None:
    """Score a run, or a folder of images that any program made."""
    from paribus.cli import console
    from paribus.commands.evaluate import evaluate as scores_of
    from paribus.config import EvaluationSettings, validated

    weights = None if inception_weights is None else str(inception_weights)
    asked = given(samples=samples, metrics=None if metrics is None else names(metrics), inception_weights=weights)
    with console.watching("evaluate") as watcher:
        scores = scores_of(
            subject,
            data,
            validated(EvaluationSettings, asked, where="evaluation"),
            against=against,
            size=size,
            on_bad=on_bad or "fail",
            float_range=float_range,
            sampler=sampler,
            overrides=overrides or (),
            progress=watcher.stage,
        )
    if as_json:
        print(json.dumps([score.as_json() for score in scores], indent=1))
    else:
        console.print_scores(scores)
