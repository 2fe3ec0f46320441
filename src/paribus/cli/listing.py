"""The command `paribus list`, and what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from paribus.base.errors import unknown
from paribus.base.registry import Registry, backbones, objectives
from paribus.cli.options import JsonOption


def list_(
    what: Annotated[
        str, typer.Argument(metavar="models|backbones|objectives|data|metrics|papers", help="What to list.")
    ],
    as_json: JsonOption = False,
) -> None:
    """List models, backbones, objectives, data sets, metrics or papers, with a line on each."""
    from paribus.cli import console

    if what not in LISTINGS:
        raise unknown(f"There is no list of '{what}'", what, LISTINGS, where="paribus list")
    found = rows(what)
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        console.print_table(found)


def rows(what: str) -> list[dict[str, Any]]:
    """One dictionary an entry."""
    return LISTINGS[what]()


def _models() -> list[dict[str, Any]]:
    from paribus.models.networks import parameter_counts
    from paribus.recipes import about, model_names, own_shape, resolve

    found = []
    for name in model_names():
        config, shape = resolve(name), own_shape(name)
        found.append(
            {
                "name": name,
                "objective": config.objective.name,
                "backbone": config.backbone.name,
                "counted_at": f"{shape.channels}x{shape.size}x{shape.size}",
                "parameters": parameter_counts(config, shape),
                "budget": str(config.training.budget),
                **about(name),
            }
        )
    return found


def _classes(registered: Registry[Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "summary": (kind.__doc__ or "").strip().split("\n")[0],
            "settings": {key: field.default for key, field in kind.model_fields.items()},
        }
        for name, kind in ((name, registered[name]) for name in registered)
    ]


def _data() -> list[dict[str, Any]]:
    from paribus.data import DATASETS

    return [{"name": name} | asdict(entry) for name, entry in DATASETS.items()]


def _metrics() -> list[dict[str, Any]]:
    from paribus.evaluation.measures import metrics

    words = {"name", "label", "unit", "direction", "target", "meaning", "comparable"}
    return [metric.model_dump(mode="json", include=words) for metric in metrics().values()]


def _papers() -> list[dict[str, Any]]:
    from paribus.replication.papers import paper, paper_names

    return [
        {"name": name, "title": read.title, "summary": read.summary, "rows": len(read.rows), "claims": len(read.claims)}
        for name, read in ((name, paper(name)) for name in paper_names())
    ]


LISTINGS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "models": _models,
    "backbones": lambda: _classes(backbones),
    "objectives": lambda: _classes(objectives),
    "data": _data,
    "metrics": _metrics,
    "papers": _papers,
}
