"""`paribus compare`: a study whose one axis is the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.config import validated
from paribus.config.overrides import merged, with_override
from paribus.data import ImageData, data_settings
from paribus.report import write_report
from paribus.studies.plan import StudyPlan
from paribus.studies.preparation import LOCAL
from paribus.studies.study import Study


def compare(
    models: Sequence[str],
    data: ImageData | str | Path = "digits",
    *,
    seeds: int | Sequence[int] = 2,
    budget: str = "200kimg",
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    changes: dict[str, Any] | None = None,
    workers: int | None = None,
    engine: str = LOCAL,
    start: bool = True,
) -> Study:
    """Trains and scores several models under one budget; resumes where an earlier call with the same words ended.

    Args:
        models: Names of presets.
        data: Loaded images, or what `load_data` takes.
        seeds: How many, or which.
        budget: The same for every run.
        out: The study's folder; by default runs/compare-DATA.
        overrides: `key.path=value` texts for every run.
        changes: Parts of the configuration tree for every run.
        workers: Runs at a time; by default as many as there are cores, and one with a budget in seconds.
        engine: Where runs are trained: local, ray, or the address of a Ray cluster.
        start: Whether to run it now; otherwise `Study.estimate` and `Study.run` are at hand.

    Raises:
        ParibusError: Something given is wrong, or the folder holds another study.
    """
    if not models or not (range(seeds) if isinstance(seeds, int) else seeds):
        raise ParibusError("A study needs a model and a seed.", where="--models, --seeds", got=f"{models}, {seeds}")
    tree = merged(changes or {}, {"data": data_settings(data).given()})
    for override in overrides:
        tree = with_override(tree, override)
    try:
        plan: StudyPlan = validated(
            StudyPlan,
            {
                "name": f"compare-{Path(tree['data']['name']).name}",
                "data": tree["data"],
                "overrides": {key: value for key, value in tree.items() if key != "data"},
                "axes": {"model": list(dict.fromkeys(models))},
                "seeds": seeds if isinstance(seeds, int) else list(seeds),
                "budget": budget,
            },
        )
        study = Study.of(
            plan,
            Path(out) if out is not None else None,
            write_report=write_report,
            workers=workers,
            engine=engine,
            images=data if isinstance(data, ImageData) else None,
            may_grow=False,
        )
    except ParibusError as error:
        raise error.at(_as_option(error.where or "")) from None
    if start:
        study.run()
    return study


def _as_option(where: str) -> str:
    """What a place in the plan is called on the command line; another place stays as it is."""
    match where.split("."):  # it may be a path
        case ["axes", "model", *_]:
            return "--models"
        case ["budget" | "seeds" as name, *_]:
            return f"--{name}"
        case ["overrides", *rest]:
            return ".".join(rest)
    return where
