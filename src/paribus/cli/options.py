"""Options that several commands have, and what the user gave of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from paribus.base.errors import ParibusError

DataOption = Annotated[
    str | None,
    typer.Option(
        "--data", help="A built-in name, a folder or .zip of images, Parquet files, arrays, or a Hub id (digits)."
    ),
]
SizeOption = Annotated[int | None, typer.Option(help="Bring images to this height and width (8 to 128).")]
ChannelsOption = Annotated[int | None, typer.Option(help="1 for grey, 3 for colour.")]
OnBadOption = Annotated[str | None, typer.Option("--on-bad", help="Unreadable images: fail or skip.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("-o", "--set", metavar="KEY.PATH=VALUE", help="Set one value of the configuration; repeatable."),
]
SamplerOption = Annotated[
    str | None,
    typer.Option(help="Draw latents from: prior, gmm, two-stage (the run's own); fitted now if it was not before."),
]
SeedsOption = Annotated[
    str,
    typer.Option(metavar="N|A,B,...", help="How many seeds (3 is 0, 1 and 2), or which (3,4; and 3, is seed 3 alone)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Runs at a time (all cores, 1 thread each).")]
EngineOption = Annotated[
    str,
    typer.Option(metavar="local|ray|ray://HOST:PORT|HOST:PORT", help="Train runs here, or on a Ray cluster."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show runs, time and disk; start and write nothing.")]


def given(**values: Any) -> dict[str, Any]:
    """The values that the user gave."""
    return {key: value for key, value in values.items() if value is not None and value != {}}


def seeds_of(text: str) -> int | list[int]:
    """The seeds that an option counts or names."""
    from paribus.config.seeds import read_seeds

    try:
        return read_seeds(text)
    except ParibusError as error:
        raise error.at("--seeds") from None


def names(text: str) -> list[str]:
    """Names that were given separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
