"""`paribus tune`: a search for better settings of a model, then a study of the best of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from paribus.base.arguments import checked
from paribus.commands.images import in_hand
from paribus.commands.studies import refuse_where_all_failed
from paribus.config import DataSettings
from paribus.config.overrides import merged
from paribus.data import ImageData, data_settings
from paribus.data.memory import InMemory
from paribus.report import write_report
from paribus.studies.files import StudyFile
from paribus.tuning.plan import TuningPlan, tuning_plan
from paribus.tuning.tuning import Tuning

FILES = (".yaml", ".yml")


@checked
def tune(
    model: str | Path,
    data: ImageData | DataSettings | str | Path | InMemory | None = None,
    *,
    search: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    trials: int | None = None,
    budget: str | None = None,
    sampler: str | None = None,
    metric: str | None = None,
    pruner: str | None = None,
    seed: int | None = None,
    seeds: int | Sequence[int] | None = None,
    final_budget: str | None = None,
    top: int | None = None,
    storage: str | None = None,
    workers: int | None = None,
    overrides: Sequence[str] = (),
    changes: Mapping[str, Any] | None = None,
    start: bool = True,
) -> Tuning:
    """Searches for better settings of a model, then runs the best of them on fresh seeds; resumes where it ended.

    What is None is as the file says, or as the fields of `TuningPlan` do, which explain each.

    Args:
        model: Name of a preset, or a TUNE.yaml with the options.
        data: Loaded images, or what `load_data` takes.
        search: A range or a list of choices by path: {"objective.latent_dim": "8..64", "backbone.width": [32, 64]}.
        out: The tuning's folder; by default runs/tune-MODEL-DATA.
        trials: How many settings are tried.
        budget: Of each trial.
        sampler: tpe, random or grid.
        metric: What the trials are scored by.
        pruner: none, or median: hopeless trials are given up on the way.
        seed: Of every trial, and of the search.
        seeds: Of the winners' runs. A number: how many, from 0 on without that of the trials; a list: which.
        final_budget: Of the winners' runs.
        top: How many of the best settings are run on fresh seeds; 0 leaves it at the trials.
        storage: The database of the trials, as SQLAlchemy names it; by default an SQLite file in the folder.
        workers: Trials at a time; by default as many as there are cores, and one with a budget in seconds.
        overrides: `key.path=value` texts for every run.
        changes: More of the plan's tree, such as {"data": {"size": 16}}.
        start: Whether to run it now; otherwise `Tuning.run` and `Tuning.study` are at hand.

    Returns:
        The tuning; the results are those of its `study`.

    Raises:
        AllFailed: Every trial failed, or every run of the winners.
        ParibusError: Something given is wrong, or the folder holds another tuning.
    """
    data = in_hand(data, changes or {}, overrides)
    options = {
        "data": None if data is None else data_settings(data).given(),
        "search": None if search is None else dict(search),
        "trials": trials,
        "budget": budget,
        "sampler": sampler,
        "metric": metric,
        "pruner": pruner,
        "seed": seed,
        "seeds": seeds,
        "final_budget": final_budget,
        "top": top,
    }
    file = StudyFile(Path(model), TuningPlan) if Path(model).suffix in FILES else None
    tree = {"model": model} if file is None else file.plan().model_dump(exclude_unset=True)
    tree = merged(tree, dict(changes or {}))
    tree = merged(tree, {name: value for name, value in options.items() if value is not None})
    plan = tuning_plan(tree, overrides)
    with file.naming_lines() if file else nullcontext():
        tuning = Tuning.of(
            plan,
            Path(out) if out else None,
            write_report=write_report,
            storage=storage,
            workers=workers,
            images=data if isinstance(data, ImageData) else None,
        )
    if start:
        tuning.run()
        tuning.winners()  # there is one, or this raises
        if plan.top:
            study = tuning.study(workers=workers)
            study.run()
            refuse_where_all_failed(study)
    return tuning
