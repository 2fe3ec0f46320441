"""The command line, assembled. Commands import what they need when they run: `--help` must not wait for torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from paribus.base.errors import ParibusError
from paribus.base.processes import place
from paribus.base.version import __version__
from paribus.cli import (
    console,
    doctor,
    evaluate,
    explore,
    inspect,
    latent,
    listing,
    outputs,
    show,
    studies,
    train,
    tune,
)


class _Home(typer.core.TyperGroup):
    """Takes `--out=~/r` for the home folder: a shell leaves a ~ behind = as it is."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        """Parses the arguments with ~ replaced."""
        return super().parse_args(context, [_at_home(argument) for argument in args])


def _at_home(argument: str) -> str:
    option, equals, value = argument.partition("=")
    if option.startswith("--") and equals and (value == "~" or value.startswith("~/")):
        return option + equals + str(Path(value).expanduser())
    return argument


app = typer.Typer(
    cls=_Home,
    name="paribus",
    help="Train, measure and compare GANs and VAEs, all else being equal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(inspect.inspect)
app.command()(studies.compare)
app.command()(train.train)
app.command()(outputs.sample)
app.command()(evaluate.evaluate)
app.add_typer(latent.app, name="latent")
app.command()(outputs.report)
app.add_typer(studies.app, name="study")
app.command()(studies.replicate)
app.command()(tune.tune)
app.command()(explore.explore)
app.command()(outputs.export)
app.command("list")(listing.list_)
app.command()(show.show)
app.command()(doctor.doctor)


_TELLING = frozenset({"train", "evaluate", "compare", "study", "replicate", "tune"})
"""Commands that say what they find in data: they train on them or score against them."""


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
    console.show_findings(context.invoked_subcommand in _TELLING)
    if version:
        print(f"paribus {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
