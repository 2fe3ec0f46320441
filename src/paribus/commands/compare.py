"""`paribus compare`: a study whose one axis is the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.config import DataSettings, validated
from paribus.config.overrides import merged, with_override
from paribus.data import ImageData, data_settings, load_data
from paribus.recipes.choice import Choice, choose_models
from paribus.report import write_report
from paribus.studies.engines import LOCAL
from paribus.studies.plan import StudyPlan
from paribus.studies.study import Study, stored_description


def compare(
    models: Sequence[str] | None = None,
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
    chosen: Callable[[Choice], None] = lambda choice: None,
) -> Study:
    """Trains and scores several models under one budget; resumes where an earlier call with the same words ended.

    Args:
        models: Names of presets; by default those of the folder's study, or chosen by the images (`choose_models`).
        data: Loaded images, or what `load_data` takes.
        seeds: How many, or which.
        budget: The same for every run.
        out: The study's folder; by default runs/compare-DATA.
        overrides: `key.path=value` texts for every run.
        changes: Parts of the configuration tree for every run.
        workers: Runs at a time; by default as many as there are cores, and one with a budget in seconds.
        engine: Where runs are trained: local, ray, or the address of a Ray cluster.
        start: Whether to run it now; otherwise `Study.estimate` and `Study.run` are at hand.
        chosen: Called with the models that were chosen by the images, and by what.

    Raises:
        ParibusError: Something given is wrong, or the folder holds another study.
    """
    tree = merged(changes or {}, {"data": data_settings(data).given()})
    for override in overrides:
        tree = with_override(tree, override)
    name = f"compare-{Path(tree['data']['name']).name}"
    folder = Path("runs") / name if out is None else Path(out)
    images = data if isinstance(data, ImageData) else None
    if models is None:
        models = (stored_description(folder).get("plan") or {}).get("axes", {}).get("model")
    choice = None
    if models is None:
        images = images or load_data(validated(DataSettings, tree["data"], where="data"))
        choice = choose_models(images.shape, _rarest_class(images))
        models = choice.models
    if not models or not (range(seeds) if isinstance(seeds, int) else seeds):
        raise ParibusError("A study needs a model and a seed.", where="--models, --seeds", got=f"{models}, {seeds}")
    try:
        plan: StudyPlan = validated(
            StudyPlan,
            {
                "name": name,
                "data": tree["data"],
                "overrides": {key: value for key, value in tree.items() if key != "data"},
                "axes": {"model": list(dict.fromkeys(models))},
                "seeds": seeds if isinstance(seeds, int) else list(seeds),
                "budget": budget,
            },
        )
        study = Study.of(
            plan,
            folder,
            write_report=write_report,
            workers=workers,
            engine=engine,
            images=images,
            may_grow=False,
        )
    except ParibusError as error:
        raise error.at(_as_option(error.where or "")) from None
    if choice is not None:
        chosen(choice)
    if start:
        study.run()
    return study


def _rarest_class(images: ImageData) -> int:
    """Training images of the class that has the fewest; 0 without labels."""
    labels, classes = images.train.labels, images.shape.classes
    return 0 if labels is None or not classes else int(labels.bincount(minlength=classes).min())


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
