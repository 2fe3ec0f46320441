"""The command `paribus explore`."""

from __future__ import annotations

from typing import Annotated

import typer

from paribus.base.errors import ParibusError


def explore(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN|STUDY...", help="Folders of runs or of studies, or models on the Hub."),
    ] = None,
    toy: Annotated[
        str | None, typer.Option(metavar="rings|grid|moons|spiral", help="The laboratory: train on points and watch.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of the page (8321, or one that is free).")] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name by which a tunnel or a proxy reaches the page; can be given again."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Look into trained models in the browser: sliders, maps, your own images; for you alone."""
    from paribus.cli import console
    from paribus.explorer import exhibits, laboratory, routes
    from paribus.explorer.server import application, serve

    if (toy is None) == (not sources):
        raise ParibusError(
            "What is to be explored?",
            where="paribus explore",
            expected="folders of runs or studies, or --toy with a point set",
            fix="for example paribus explore runs/vae, or paribus explore --toy grid",
        )
    if toy is None:
        page = application("explorer", routes.router, exhibits.exhibits(sources or []), host_name or ())
    else:
        try:
            shown = laboratory.Trainings(toy)
        except ParibusError as error:
            raise error.at("--toy") from None
        page = application("laboratory", laboratory.router, shown, host_name or ())
    serve(page, port, browser=browser, announce=console.say)
