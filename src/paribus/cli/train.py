"""The command `paribus train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from paribus.base.errors import Interrupted, ParibusError, shown
from paribus.base.parsing import from_yaml, text_of
from paribus.base.places import checked_path
from paribus.base.processes import launcher, place
from paribus.cli.options import ChannelsOption, DataOption, OnBadOption, SetOption, SizeOption, given


def train(
    model: Annotated[str, typer.Argument(help="Name of a model ('paribus list models').")],
    data: DataOption = None,
    budget: Annotated[str | None, typer.Option(help="60s, 200kimg, 5000img, 20epochs, 5000updates, 3e15flop.")] = None,
    seed: Annotated[int | None, typer.Option(help="Initial weights, order of the images, noise (0).")] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder (a new one under runs/).")] = None,
    resume: Annotated[bool, typer.Option(help="Resume from the last checkpoint in --out.")] = False,
    config: Annotated[Path | None, typer.Option(help="A YAML file with part of the configuration tree.")] = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    on_bad: OnBadOption = None,
    score: Annotated[bool, typer.Option(help="Evaluate after training.")] = True,
    overrides: SetOption = None,
    all_scores: Annotated[bool, typer.Option("--all", help="Print every score, not the ten that say most.")] = False,
) -> None:
    """Train one model, save it, and score it."""
    from paribus.base.processes import stop_on_signal
    from paribus.cli import console
    from paribus.commands.train import train as train_model
    from paribus.config import data_options
    from paribus.results.folder import RunFolder
    from paribus.results.score import most_telling

    if resume and out is not None and not RunFolder(checked_path(out, "--out")).exists:
        console.say(f"there is no run in {out} to be resumed: this begins one")
    asked = given(name=data, size=size, channels=channels, on_bad=on_bad)
    try:
        with console.watching(model) as watcher, stop_on_signal(once_asked=True) as stop_requested:
            run = train_model(
                model,
                data_options(**asked) if asked else None,
                budget=budget,
                seed=seed,
                out=out,
                resume=resume,
                config=_read_yaml(config) if config else None,
                overrides=overrides or (),
                score=score,
                report=watcher,
                notice=watcher.notice,
                stop_requested=stop_requested,
            )
    except Interrupted as stopped:
        command = " ".join(launcher(place().count))
        console.say(f"interrupted: '{command} train {model} --out {stopped.folder} --resume' resumes it")
        raise typer.Exit(130) from None
    if place().is_first:
        scores = run.scores
        shown = scores if all_scores else most_telling(scores, run.folder.metric_words)
        console.print_scores(shown)
        if len(shown) < len(scores):
            console.say(
                f"{len(shown)} of {len(scores)} scores: --all prints all, {run.folder.path}/evaluation.json holds them"
            )
        console.tell(run.folder.path)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        tree = from_yaml(text_of(path))
    except ValueError as error:
        raise ParibusError(
            "The configuration file cannot be read.",
            where=str(path),
            got=error,
            expected="YAML in UTF-8: part of the tree that a run.yaml holds under 'config'",
        ) from None
    if not isinstance(tree, dict):
        raise ParibusError(
            "The configuration file must hold named groups of settings.",
            where=str(path),
            got=shown(tree),
            expected="part of the tree that a run.yaml holds under 'config', such as 'training: {budget: 20epochs}'",
        )
    return tree
