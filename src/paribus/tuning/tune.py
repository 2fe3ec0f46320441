"""`tune` as a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from paribus.data import ImageData, data_settings
from paribus.tuning.plan import tuning_plan
from paribus.tuning.tuning import Tuning


def tune(
    model: str,
    data: ImageData | str | Path = "digits",
    *,
    search: Mapping[str, Any],
    out: str | Path | None = None,
    trials: int | None = None,
    budget: str | None = None,
    sampler: str = "tpe",
    metric: str = "frechet",
    pruner: str = "none",
    seed: int = 0,
    seeds: int | Sequence[int] = 3,
    final_budget: str | None = None,
    top: int = 3,
    storage: str | None = None,
    workers: int | None = None,
    overrides: Sequence[str] = (),
) -> Tuning:
    """Searches for better settings of a model, then carries the best of them out again; carries on where it ended.

    Args:
        model: Name of a preset.
        data: Loaded images, or what `load_data` takes.
        search: A range or a list of choices by path: {"objective.latent_dim": "8..64", "backbone.width": [32, 64]}.
        out: The tuning's folder; by default runs/tune-MODEL-DATA.
        trials: How many settings are tried: 20, or all of a grid.
        budget: Of each trial; by default the preset's.
        sampler: tpe, random or grid.
        metric: What the trials are scored by.
        pruner: none, or median: hopeless trials are given up on the way.
        seed: Of every trial, and of the search.
        seeds: Of the winners' runs: how many, or which; never that of the trials.
        final_budget: Of the winners' runs; by default that of the trials.
        top: How many of the best settings are carried out again; 0 leaves it at the trials.
        storage: The database of the trials, as SQLAlchemy names it; by default an SQLite file in the folder.
        workers: Trials at a time; by default as many as there are cores, and one with a budget in seconds.
        overrides: `key.path=value` texts for every run.

    Returns:
        The tuning; the results are those of its `study`.

    Raises:
        ParibusError: Something given is wrong, or the folder holds another tuning.
    """
    tree = {
        "model": model,
        "data": data_settings(data).given(),
        "search": dict(search),
        "trials": trials,
        "budget": budget,
        "sampler": sampler,
        "metric": metric,
        "pruner": pruner,
        "seed": seed,
        "seeds": seeds if isinstance(seeds, int) else list(seeds),
        "final_budget": final_budget,
        "top": top,
    }
    plan, images = tuning_plan(tree, overrides), data if isinstance(data, ImageData) else None
    tuning = Tuning.of(plan, Path(out) if out else None, storage=storage, workers=workers, images=images)
    tuning.run()
    if plan.top:
        tuning.study(workers=workers).run()
    return tuning
