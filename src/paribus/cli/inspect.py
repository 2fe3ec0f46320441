"""The command `paribus inspect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paribus.base.wording import sentence
from paribus.cli.options import ChannelsOption, JsonOption, SizeOption

if TYPE_CHECKING:
    from paribus.results.inspection import Inspection

_BAR = 40


def inspect(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A folder of images, or another name that --data of train takes.")
    ],
    size: SizeOption = None,
    channels: ChannelsOption = None,
    estimate: Annotated[bool, typer.Option(help="Time a few steps of each recommended model.")] = True,
    out: Annotated[Path | None, typer.Option(help="Write a page (.html), or the contact sheet alone (.png).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at images before training: sizes, classes, copies, odd files; what to begin with, and how long it takes."""
    from paribus.cli.console import tell, watching
    from paribus.commands.inspect import check_inspection, write_inspection
    from paribus.commands.inspect import inspect as look_at

    if out is not None:
        check_inspection(out)
    with watching("inspect") as watcher:
        found = look_at(data, size=size, channels=channels, estimate=estimate, progress=watcher.stage)
    if out is not None:
        write_inspection(found, out)
    if as_json:
        print(json.dumps(found.model_dump(mode="json") | {"remarks": _remarks(found)}, indent=1))
        return
    _print(found)
    if out is not None:
        tell(out)


def _remarks(found: Inspection) -> list[dict[str, object]]:
    return [fact.model_dump(mode="json") for fact in found.remarks]


def _print(found: Inspection) -> None:
    """Everything as text; in colour on a terminal."""
    from rich.console import Console
    from rich.table import Table

    from paribus.cli.console import markup, print_width
    from paribus.results.words.inspection import overview, remark_words, size_bins, time_words

    screen = Console(width=print_width(), highlight=False)
    screen.print(f"[bold]{markup(found.name)}[/bold]")
    facts = Table(box=None, show_header=False, pad_edge=False)
    for name, value in overview(found):
        facts.add_row(f"[dim]{name}[/dim]", markup(value))
    screen.print(facts)
    bins = size_bins(found.files)
    if len(bins) > 1:
        screen.print("\n[bold]Shorter side in pixels[/bold]")
        most = max(n for _, n in bins)
        bars = Table(box=None, show_header=False, pad_edge=False)
        for name, n in bins:
            bars.add_row(name, "█" * round(_BAR * n / most) or ("▏" if n else ""), f"{n:,}")
        screen.print(bars)
    if remarks := found.remarks:
        screen.print("\n[bold]Worth knowing[/bold]")
        for fact in remarks:
            screen.print(f"- {markup(sentence(remark_words(fact)))}")
    beginning = found.beginning
    screen.print("\n[bold]To begin with[/bold]")
    screen.print(markup(beginning.command), style="green", soft_wrap=True)
    screen.print(markup(sentence(time_words(beginning))))
    for fact in beginning.reasons:
        screen.print(f"- {markup(sentence(remark_words(fact)))}")
