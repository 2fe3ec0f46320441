"""The commands that write what others look at or use: `sample`, `report`, `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paribus.base.errors import ParibusError
from paribus.cli import console
from paribus.cli.options import SamplerOption


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
    from paribus.commands.outputs import sample as write

    with console.watching("sample") as watcher:
        place = write(run, n, out, label=label, to_label=to_label, seed=seed, sampler=sampler, progress=watcher.stage)
    console.tell(place)


def report(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="A study's or a run's folder, finished or not; or several.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The HTML file (DIR/report.html; to be named for several folders).")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="With sliders: decoders that work in the page itself.")] = False,
) -> None:
    """Write the report of a study or a run, or of several side by side: one HTML file that needs nothing else."""
    from paribus.commands.outputs import report as write

    console.tell(write(folders, out, live=live))


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
    from paribus.commands.outputs import export as exported
    from paribus.models.hub import uploaded

    if push and to != "hub-folder":
        raise ParibusError(
            "Only a hub-folder can be put on the Hub.", where="--push", got=f"--to {to}", fix="use --to hub-folder"
        )
    if private and not push:
        raise ParibusError("Only what goes to the Hub can be private.", where="--private", fix="add --push ORG/NAME")
    folder = exported(run, to, out, license=license, repository=push)
    for file in sorted(folder.iterdir()):
        if not file.name.startswith("."):
            console.tell(file)
    if push:
        console.tell(uploaded(folder, push, private=private))
