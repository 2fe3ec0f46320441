"""The command line. Commands import what they need when they run: `paribus --help` must not wait for torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paribus import __version__
from paribus.base.errors import ParibusError, unknown
from paribus.base.processes import launcher, place
from paribus.cli import (
    explore as explore_command,
)
from paribus.cli import (
    export as export_command,
)
from paribus.cli import (
    latent as latent_commands,
)
from paribus.cli import (
    replicate as replication_command,
)
from paribus.cli import (
    study as study_commands,
)
from paribus.cli import (
    tune as tune_command,
)
from paribus.cli.options import (
    ChannelsOption,
    DataOption,
    JsonOption,
    OnBadOption,
    SamplerOption,
    SetOption,
    SizeOption,
    given,
)

if TYPE_CHECKING:
    from paribus.recipes import RunConfig
    from paribus.results.folder import RunFolder

app = typer.Typer(
    name="paribus",
    help="Train, measure and compare GANs and VAEs, all else being equal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(study_commands.app, name="study")
app.add_typer(latent_commands.app, name="latent")
app.command()(explore_command.explore)
app.command()(export_command.export)
app.command()(tune_command.tune)
app.command()(replication_command.replicate)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if place().count > 1 and context.invoked_subcommand != "train":
        raise ParibusError(
            "Only 'paribus train' runs over several processes.",
            where="torchrun",
            got=context.invoked_subcommand,
            fix="start the command without torchrun",
        )
    if version:
        print(f"paribus {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def compare(
    data: DataOption = None,
    models: Annotated[str, typer.Option(help="Names of models, separated by commas.")] = "vae,conv-vae,gan,dcgan",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each model.")] = 2,
    budget: Annotated[str, typer.Option(help="The same for every run: 60s, 200kimg, 20epochs, ...")] = "200kimg",
    out: Annotated[Path | None, typer.Option(help="The study's folder (runs/compare-DATA).")] = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    on_bad: OnBadOption = None,
    workers: study_commands.WorkersOption = None,
    engine: study_commands.EngineOption = "local",
    overrides: SetOption = None,
) -> None:
    """Train several models under one budget, score them alike, and write a report.

    The same command on an existing folder carries on.
    """
    from paribus.studies.comparison import compare as plan

    names = [name.strip() for name in models.split(",") if name.strip()]
    study = plan(
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
    study_commands.carry_out(study)


@app.command()
def train(
    model: Annotated[str, typer.Argument(help="Name of a model ('paribus list models').")],
    data: DataOption = None,
    budget: Annotated[str | None, typer.Option(help="60s, 200kimg, 5000img, 20epochs, 5000updates, 3e15flop.")] = None,
    seed: Annotated[int | None, typer.Option(help="Initial weights, order of the images, noise (0).")] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder (a new one under runs/).")] = None,
    resume: Annotated[bool, typer.Option(help="Carry on from the last checkpoint in --out.")] = False,
    config: Annotated[Path | None, typer.Option(help="A YAML file with part of the configuration tree.")] = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    on_bad: OnBadOption = None,
    score: Annotated[bool, typer.Option(help="Evaluate after training.")] = True,
    overrides: SetOption = None,
) -> None:
    """Train one model, save it, and score it."""
    from paribus.base.signals import stop_on_signal
    from paribus.cli import console
    from paribus.config.overrides import merged
    from paribus.recipes import resolve
    from paribus.results.folder import RunFolder
    from paribus.runs.identity import refuse_existing, resumed
    from paribus.runs.run import Interrupted, carry_out, load, new_folder
    from paribus.training.distributed import agreed, first, joined

    if resume and out is None:
        raise ParibusError("Which run is to be resumed?", where="--resume", fix="name its folder with --out FOLDER")
    change = merged(
        _read_yaml(config) if config else {},
        given(
            seed=seed,
            data=given(name=data, size=size, channels=channels, on_bad=on_bad),
            training=given(budget=budget),
        ),
    )

    def planned() -> tuple[RunConfig, RunFolder]:
        existing = RunFolder(out) if out is not None else None
        if existing is not None:
            refuse_existing(existing, resume)
        if existing is not None and existing.exists:
            return resumed(existing, {"model": model} | change, overrides or []), existing
        settled = resolve(model, change, overrides=overrides or [])
        return settled, existing or new_folder(settled)

    with joined():
        settled, run = first(planned)
        with agreed():
            images = load(settled)
        try:
            with console.watching(model) as watcher, stop_on_signal() as stop_requested:
                done = carry_out(
                    settled,
                    images,
                    run,
                    report=watcher,
                    notice=watcher.notice,
                    stop_requested=stop_requested,
                    score=score,
                )
        except Interrupted:
            command = " ".join(launcher(place().count))
            console.say(f"interrupted: '{command} train {model} --out {run.path} --resume' carries on")
            raise typer.Exit(130) from None
    if place().is_first:
        console.print_scores(done.scores)
        print(run.path)


@app.command()
def sample(
    run: Annotated[str, typer.Argument(help="A run's folder, or a model on the Hub (org/name).")],
    n: Annotated[int, typer.Option("-n", min=1, help="How many images.")] = 64,
    label: Annotated[str | None, typer.Option(help="Index or name of a class (all in turn).")] = None,
    to_label: Annotated[str | None, typer.Option(help="With --label: rows of that class turning into this.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same images.")] = 0,
    out: Annotated[Path, typer.Option(help="grid.png, samples.npz, or a folder.")] = Path("samples.png"),
    sampler: SamplerOption = None,
) -> None:
    """Draw new images from a trained model."""
    from paribus.models.sample_files import write_class_change, write_samples
    from paribus.runs.run import load_with_sampler

    change = {"name": sampler} if sampler else None
    if to_label is None:
        write_samples(load_with_sampler(run, change), n, out, label=label, seed=seed)
    elif label is None:
        raise ParibusError("--to-label needs a class to begin with.", where="--to-label", fix="add --label")
    else:
        write_class_change(load_with_sampler(run, change), label, to_label, n, out, seed=seed)
    print(out)


@app.command()
def evaluate(
    subject: Annotated[str, typer.Argument(metavar="RUN|FOLDER", help="A run's folder, or a folder of images.")],
    data: DataOption = None,
    against: Annotated[Path | None, typer.Option(help="Another folder of images to compare with.")] = None,
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
    from paribus.runs.scoring import score_subject

    names = [name.strip() for name in metrics.split(",")] if metrics else None
    weights = None if inception_weights is None else str(inception_weights)
    change = given(evaluation=given(samples=samples, metrics=names, inception_weights=weights))
    with console.watching("evaluate") as watcher:
        scores = score_subject(
            subject,
            data=data,
            against=against,
            change=change,
            overrides=overrides or [],
            sampler=sampler,
            progress=watcher.stage,
        )
    if as_json:
        print(json.dumps([score.as_json() for score in scores], indent=1))
    else:
        console.print_scores(scores)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study's or a run's folder, finished or not.")],
    out: Annotated[Path | None, typer.Option(help="The HTML file (DIR/report.html).")] = None,
    live: Annotated[bool, typer.Option("--live", help="With sliders: decoders that work in the page itself.")] = False,
) -> None:
    """Write the report of a study or a run: one HTML file that needs nothing else."""
    from paribus.report import write_report

    if live:
        from paribus.exports.live import write_live

        write_live(folder)
    print(write_report(folder, out, live=live))


@app.command("list")
def list_(
    what: Annotated[
        str, typer.Argument(metavar="models|backbones|objectives|data|metrics|papers", help="What to list.")
    ],
    as_json: JsonOption = False,
) -> None:
    """List models, backbones, objectives, data sets, metrics or papers, with a line on each."""
    from paribus.cli import console
    from paribus.cli.listing import LISTINGS, rows

    if what not in LISTINGS:
        raise unknown(f"There is no list of '{what}'", what, LISTINGS, where="paribus list")
    found = rows(what)
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        console.print_table(found)


@app.command()
def doctor(
    clean_cache: Annotated[bool, typer.Option("--clean-cache", help="Remove everything in the cache.")] = False,
) -> None:
    """Say what this machine offers, where data and cache lie, and what is missing."""
    from paribus.cli.doctor import clean, findings

    if clean_cache:
        print(clean())
    for name, value in findings():
        print(f"{name + ':':<16}{value}")


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        tree = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ParibusError("The configuration file cannot be read.", where=str(path), got=str(error)) from error
    if not isinstance(tree, dict):
        raise ParibusError("The configuration file must hold named groups of settings.", where=str(path), got=tree)
    return tree
