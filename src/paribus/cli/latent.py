"""The commands `paribus latent RUN ...`: each makes one view of a model's latents and writes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paribus.cli.options import JsonOption

if TYPE_CHECKING:
    from paribus.views.subject import Subject
    from paribus.views.view import View

app = typer.Typer(no_args_is_help=True, help="See inside a trained model: pictures, animations and numbers of latents.")

SeedOption = Annotated[int, typer.Option(help="Of everything that is drawn.")]
OutOption = Annotated[
    Path | None, typer.Option(help="A name in .png, or in .gif or .webp for an animation (VERB.png).")
]
LabelOption = Annotated[str | None, typer.Option(help="Index or name of a class, for a conditional model (the first).")]
StepsOption = Annotated[int, typer.Option(min=2, help="Images in a row.")]
RowsOption = Annotated[int, typer.Option(min=1, help="Rows.")]


@app.callback()
def _of_run(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or a model on the Hub (org/name).")],
) -> None:
    context.obj = run


@app.command()
def manifold(
    context: typer.Context,
    count: Annotated[int, typer.Option("-n", min=2, help="Tiles along each side.")] = 15,
    label: LabelOption = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """The plane of the two leading dimensions, at normal quantiles."""
    from paribus.views import walks

    _show(context, lambda subject: walks.manifold(subject, count=count, label=label), seed, out, as_json)


@app.command()
def traverse(
    context: typer.Context,
    dimensions: Annotated[int, typer.Option("-n", min=1, help="Rows at most, the leading dimensions first.")] = 8,
    steps: StepsOption = 11,
    label: LabelOption = None,
    image: Annotated[Path | None, typer.Option(help="Start from this file's latent (a draw).")] = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """One dimension after the other: by KL with a posterior, else by principal components."""
    from paribus.views import walks

    def view(subject: Subject) -> View:
        return walks.traverse(subject, dimensions=dimensions, steps=steps, label=label, image=image)

    _show(context, view, seed, out, as_json)


@app.command()
def interpolate(
    context: typer.Context,
    first: Annotated[Path | None, typer.Argument(help="An image to begin with.")] = None,
    second: Annotated[Path | None, typer.Argument(help="An image to end with.")] = None,
    rows: RowsOption = 8,
    steps: StepsOption = 9,
    label: LabelOption = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Between draws, or between two image files, which are encoded or inverted."""
    from paribus.views import walks

    def view(subject: Subject) -> View:
        return walks.interpolate(subject, first=first, second=second, rows=rows, steps=steps, label=label)

    _show(context, view, seed, out, as_json)


@app.command()
def classes(
    context: typer.Context,
    count: Annotated[int, typer.Option("-n", min=1, help="Latents, one for each column.")] = 10,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """A row for each class of a conditional model, a column for each latent."""
    from paribus.views import walks

    _show(context, lambda subject: walks.classes(subject, count=count), seed, out, as_json)


@app.command()
def turn(
    context: typer.Context,
    first: Annotated[str, typer.Argument(help="Index or name of the class that rows begin with.")],
    second: Annotated[str, typer.Argument(help="The class that they end with.")],
    rows: RowsOption = 8,
    steps: StepsOption = 9,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """One class of a conditional model turning into another."""
    from paribus.views import walks

    _show(context, lambda subject: walks.turn(subject, first, second, rows=rows, steps=steps), seed, out, as_json)


@app.command()
def directions(
    context: typer.Context,
    method: Annotated[str, typer.Option(help="sefa, ganspace or interfacegan.")] = "sefa",
    attribute: Annotated[str | None, typer.Option(help="For interfacegan: a class, brightness or asymmetry.")] = None,
    hold: Annotated[list[str] | None, typer.Option(help="Attributes to project out; repeatable.")] = None,
    count: Annotated[int, typer.Option("-n", min=1, help="Rows.")] = 8,
    steps: StepsOption = 7,
    label: LabelOption = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Directions of the first layer (sefa, ganspace), or across an attribute's boundary (interfacegan)."""
    from paribus.views import directions as views

    def view(subject: Subject) -> View:
        return views.directions(
            subject, method, count=count, steps=steps, attribute=attribute, hold=hold or (), label=label
        )

    _show(context, view, seed, out, as_json)


@app.command()
def attributes(
    context: typer.Context,
    attribute: Annotated[str, typer.Argument(help="A class, brightness or asymmetry.")],
    count: Annotated[int, typer.Option("-n", min=1, help="Test images.")] = 6,
    steps: StepsOption = 7,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test images given an attribute: the mean latent with it minus the mean without."""
    from paribus.views.directions import attribute_vectors

    def view(subject: Subject) -> View:
        return attribute_vectors(subject, attribute, count=count, steps=steps)

    _show(context, view, seed, out, as_json)


@app.command()
def correlation(
    context: typer.Context, seed: SeedOption = 0, out: OutOption = None, as_json: JsonOption = False
) -> None:
    """Correlation matrix and total correlation of test images' latents."""
    from paribus.views import codes

    _show(context, codes.correlation, seed, out, as_json)


@app.command()
def clusters(
    context: typer.Context,
    method: Annotated[str, typer.Option(help="pca or tsne.")] = "pca",
    count: Annotated[int, typer.Option("-n", min=20, help="Test images at most.")] = 1000,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Where classes lie among the latents, at each snapshot of the run."""
    from paribus.views import clusters as views

    _show(context, lambda subject: views.clusters(subject, method, count=count), seed, out, as_json)


@app.command()
def invert(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(help="Images (a few of the test split).")] = None,
    label: LabelOption = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """The latents whose images come nearest to given ones, for any decoder."""
    from paribus.views import inversion

    _show(context, lambda subject: inversion.invert(subject, files or (), label=label), seed, out, as_json)


@app.command()
def disentangle(
    context: typer.Context, seed: SeedOption = 0, out: OutOption = None, as_json: JsonOption = False
) -> None:
    """MIG, SAP and the beta-VAE score of a model of the data 'shapes'."""
    from paribus.views import codes

    _show(context, codes.disentangle, seed, out, as_json)


@app.command()
def truncation(
    context: typer.Context,
    count: Annotated[int, typer.Option("-n", min=100, help="Samples for each bound, at most.")] = 2000,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Samples and scores with the prior cut off at several bounds: fidelity against variety."""
    from paribus.views import truncation as views

    _show(context, lambda subject: views.truncation(subject, count=count), seed, out, as_json)


@app.command()
def debias(
    context: typer.Context,
    count: Annotated[int, typer.Option("-n", min=50, help="Samples of either kind.")] = 500,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Samples from rare latents drawn more often: which groups gain, and how much is covered."""
    from paribus.views import debias as views

    _show(context, lambda subject: views.debias(subject, count=count), seed, out, as_json)


def _show(context: typer.Context, view: Callable[[Subject], View], seed: int, out: Path | None, as_json: bool) -> None:
    """Makes a view of the run that the command names, writes it, and says where or what."""
    from paribus.cli import console
    from paribus.views.subject import Subject
    from paribus.views.view import check_out

    out = out or Path(f"{context.info_name}.png")
    check_out(out)
    with console.watching(f"latent {context.info_name}") as watcher:
        found = view(Subject.of(context.obj, seed, watcher.stage))
        found.write(out)
    if as_json:
        words = {"view": context.info_name, "out": str(out), "title": found.title, "caption": list(found.lines)}
        print(json.dumps(words | found.numbers, indent=1))
        return
    for line in found.lines:
        print(line)
    print(out)
