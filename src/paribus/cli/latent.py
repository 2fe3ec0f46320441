"""The commands `paribus latent RUN ...`: each makes one view of a model's latents and writes it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paribus.cli.options import JsonOption

if TYPE_CHECKING:
    from paribus.views.subject import Subject
    from paribus.views.view import View

app = typer.Typer(no_args_is_help=True, help="See inside a trained model: pictures, animations and numbers of latents.")

LabelOption = Annotated[str | None, typer.Option(help="Index or name of a class, for a conditional model (the first).")]
StepsOption = Annotated[int, typer.Option(min=2, help="Images in a row.")]
RowsOption = Annotated[int, typer.Option(min=1, help="Rows.")]
MakesView = Callable[["Subject"], "View"]


@app.callback()
def _of_run(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or a model on the Hub (org/name).")],
) -> None:
    context.obj = run


def _view_command(declared: Callable[..., MakesView]) -> None:
    """Adds a command: a function's own options, then those of every view; it shows the view that the result makes."""

    def command(
        context: typer.Context,
        seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
        out: Annotated[
            Path | None, typer.Option(help="A name in .png, or in .gif or .webp for an animation (VERB.png).")
        ] = None,
        as_json: JsonOption = False,
        **own: Any,
    ) -> None:
        from paribus.cli import console
        from paribus.views.subject import Subject
        from paribus.views.view import check_out

        out = out or Path(f"{context.info_name}.png")
        check_out(out)
        with console.watching(f"latent {context.info_name}") as watcher:
            found = declared(**own)(Subject.of(context.obj, seed, watcher.stage))
            found.write(out)
        if as_json:
            words = {"view": context.info_name, "out": str(out), "title": found.title, "caption": list(found.lines)}
            print(json.dumps(words | found.numbers, indent=1))
        else:
            console.tell(*found.lines, out)

    of_declared, of_all = (inspect.signature(function, eval_str=True) for function in (declared, command))
    context, *shared, _ = of_all.parameters.values()
    parameters = [context, *of_declared.parameters.values(), *shared]
    command.__signature__ = of_all.replace(parameters=parameters)  # type: ignore[attr-defined]
    app.command(declared.__name__, help=declared.__doc__)(command)


@_view_command
def manifold(
    count: Annotated[int, typer.Option("-n", min=2, help="Tiles along each side.")] = 15,
    label: LabelOption = None,
) -> MakesView:
    """The plane of the two leading dimensions, at normal quantiles."""
    from paribus.views import walks

    return partial(walks.manifold, count=count, label=label)


@_view_command
def traverse(
    dimensions: Annotated[int, typer.Option("-n", min=1, help="Rows at most, the leading dimensions first.")] = 8,
    steps: StepsOption = 11,
    label: LabelOption = None,
    image: Annotated[Path | None, typer.Option(help="Start from this file's latent (a draw).")] = None,
) -> MakesView:
    """One dimension after the other: by KL with a posterior, else by principal components."""
    from paribus.views import walks

    return partial(walks.traverse, dimensions=dimensions, steps=steps, label=label, image=image)


@_view_command
def interpolate(
    first: Annotated[Path | None, typer.Argument(help="An image to begin with.")] = None,
    second: Annotated[Path | None, typer.Argument(help="An image to end with.")] = None,
    rows: RowsOption = 8,
    steps: StepsOption = 9,
    label: LabelOption = None,
) -> MakesView:
    """Between draws, or between two image files, which are encoded or inverted."""
    from paribus.views import walks

    return partial(walks.interpolate, first=first, second=second, rows=rows, steps=steps, label=label)


@_view_command
def classes(
    count: Annotated[int, typer.Option("-n", min=1, help="Latents, one for each column.")] = 10,
) -> MakesView:
    """A row for each class of a conditional model, a column for each latent."""
    from paribus.views import walks

    return partial(walks.classes, count=count)


@_view_command
def turn(
    first: Annotated[str, typer.Argument(help="Index or name of the class that rows begin with.")],
    second: Annotated[str, typer.Argument(help="The class that they end with.")],
    rows: RowsOption = 8,
    steps: StepsOption = 9,
) -> MakesView:
    """One class of a conditional model turning into another."""
    from paribus.views import walks

    return partial(walks.turn, first=first, second=second, rows=rows, steps=steps)


@_view_command
def directions(
    method: Annotated[str, typer.Option(help="sefa, ganspace or interfacegan.")] = "sefa",
    attribute: Annotated[str | None, typer.Option(help="For interfacegan: a class, brightness or asymmetry.")] = None,
    hold: Annotated[list[str] | None, typer.Option(help="Attributes to project out; repeatable.")] = None,
    count: Annotated[int, typer.Option("-n", min=1, help="Rows.")] = 8,
    steps: StepsOption = 7,
    label: LabelOption = None,
) -> MakesView:
    """Directions of the first layer (sefa, ganspace), or across an attribute's boundary (interfacegan)."""
    from paribus.views import directions as views

    chosen = partial(views.directions, method=method, attribute=attribute, hold=hold or ())
    return partial(chosen, count=count, steps=steps, label=label)


@_view_command
def attributes(
    attribute: Annotated[str, typer.Argument(help="A class, brightness or asymmetry.")],
    count: Annotated[int, typer.Option("-n", min=1, help="Test images.")] = 6,
    steps: StepsOption = 7,
) -> MakesView:
    """Test images given an attribute: the mean latent with it minus the mean without."""
    from paribus.views.directions import attribute_vectors

    return partial(attribute_vectors, attribute=attribute, count=count, steps=steps)


@_view_command
def correlation() -> MakesView:
    """Correlation matrix and total correlation of test images' latents."""
    from paribus.views import codes

    return codes.correlation


@_view_command
def clusters(
    method: Annotated[str, typer.Option(help="pca or tsne.")] = "pca",
    count: Annotated[int, typer.Option("-n", min=20, help="Test images at most.")] = 1000,
) -> MakesView:
    """Where classes lie among the latents, at each snapshot of the run."""
    from paribus.views import codes

    return partial(codes.clusters, method=method, count=count)


@_view_command
def invert(
    files: Annotated[list[Path] | None, typer.Argument(help="Images (a few of the test split).")] = None,
    label: LabelOption = None,
) -> MakesView:
    """The latents whose images come nearest to given ones, for any decoder."""
    from paribus.views import inversion

    return partial(inversion.invert, files=files or (), label=label)


@_view_command
def disentangle() -> MakesView:
    """MIG, SAP and the beta-VAE score of a model of the data 'shapes'."""
    from paribus.views import codes

    return codes.disentangle


@_view_command
def truncation(
    count: Annotated[int, typer.Option("-n", min=100, help="Samples for each bound, at most.")] = 2000,
) -> MakesView:
    """Samples and scores with the prior cut off at several bounds: fidelity against variety."""
    from paribus.views import truncation as views

    return partial(views.truncation, count=count)


@_view_command
def debias(
    count: Annotated[int, typer.Option("-n", min=50, help="Samples of either kind.")] = 500,
) -> MakesView:
    """Samples from rare latents drawn more often: which groups gain, and how much is covered."""
    from paribus.views import debias as views

    return partial(views.debias, count=count)
