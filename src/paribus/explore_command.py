"""The command `paribus explore`."""

from __future__ import annotations

from typing import Annotated

import typer


def explore(
    sources: Annotated[
        list[str], typer.Argument(metavar="RUN|STUDY...", help="Folders of runs or of studies, or models on the Hub.")
    ],
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of the page (8321, or one that is free).")] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Look into trained models in the browser: sliders, maps, your own images; on this machine alone."""
    from paribus.explorer.exhibits import exhibits
    from paribus.explorer.routes import router
    from paribus.explorer.server import application, serve

    serve(application("explorer", router, exhibits(sources)), port, browser=browser)
