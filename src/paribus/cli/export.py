"""The command `paribus export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paribus.base.errors import ParibusError


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or a model on the Hub (org/name).")],
    to: Annotated[str, typer.Option(metavar="onnx|hub-folder", help="In which form.")],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write to (the run's name with -onnx or -hub).")
    ] = None,
    license: Annotated[str, typer.Option(help="Of the weights, as the Hub names it, for hub-folder.")] = "unknown",
    push: Annotated[str | None, typer.Option(metavar="ORG/NAME", help="Put the hub-folder on the Hub, too.")] = None,
    private: Annotated[bool, typer.Option("--private", help="With --push: a new repository is private.")] = False,
) -> None:
    """Write a trained model as ONNX files, or as a folder for the Hugging Face Hub."""
    from paribus.exports import export as exported
    from paribus.models.hub import uploaded

    if push and to != "hub-folder":
        raise ParibusError(
            "Only a hub-folder can be put on the Hub.", where="--push", got=f"--to {to}", fix="use --to hub-folder"
        )
    if private and not push:
        raise ParibusError("Only what goes to the Hub can be private.", where="--private", fix="add --push ORG/NAME")
    folder = exported(run, to, out, license=license, repository=push)
    for file in sorted(folder.iterdir()):
        print(file)
    if push:
        print(uploaded(folder, push, private=private))
