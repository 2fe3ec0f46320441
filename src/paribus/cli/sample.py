"""The command `paribus sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    from paribus.commands.sample import sample as write

    print(write(run, n, out, label=label, to_label=to_label, seed=seed, sampler=sampler))
