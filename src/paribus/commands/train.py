"""`train`: one run, from the name of a model to its scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

from paribus.base.arguments import checked
from paribus.base.errors import ParibusError
from paribus.base.names import fitted_name
from paribus.base.places import checked_path, last_part
from paribus.commands.images import in_hand
from paribus.config import DataSettings
from paribus.config.overrides import checked_overrides, merged
from paribus.data import ImageData, data_settings, load_data, recorded_by
from paribus.data.memory import InMemory
from paribus.evaluation.encoding import silent
from paribus.recipes import RunConfig, resolve
from paribus.results.folder import RunFolder
from paribus.runs.identity import refuse_existing, resumed_config
from paribus.runs.run import Run, check_before, complete_run
from paribus.training import Progress
from paribus.training.distributed import join_processes, on_first_process, raise_together


@checked
def train(
    model: str,
    data: ImageData | DataSettings | str | Path | InMemory | None = None,
    *,
    budget: str | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    config: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    score: bool = True,
    report: Callable[[Progress], None] = lambda progress: None,
    notice: Callable[[str, int, int], None] = silent,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Run:
    """Trains a model, saves it, and scores it.

    A resumed run has the configuration that it began with: what is left out here stays, what is said again must be
    the same, and what does not touch the weights that there are (a larger budget, `evaluation.*`) may change. A
    finished run is only scored, where it has no scores yet.

    Args:
        model: Name of a preset (`paribus list models`).
        data: Loaded images, the settings of images to load, or what `load_data` takes; digits by default.
        budget: For example 60s, 200kimg, 20epochs; the preset's own by default.
        seed: Decides initial weights, order of the images and all noise; 0 by default.
        out: The run's folder; a new one under runs/ by default.
        resume: Resume in `out` from its last checkpoint; begin there where it holds no run.
        config: Part of the configuration tree, on top of the preset.
        overrides: `key.path=value` texts, applied last.
        score: Whether to evaluate after training.
        report: Called about once a second with how far training is.
        notice: Called with what is being done before and after it, how much of it is done, and how much there is.
        stop_requested: Asked after every step; when true, a checkpoint is written and the run ends unfinished.

    Raises:
        ParibusError: Something given is wrong, or `out` holds a run and `resume` is False.
        TrainingDiverged: A loss diverged.
        Interrupted: `stop_requested` became true.
    """
    if resume and out is None:
        raise ParibusError("Which run is to be resumed?", where="--resume", fix="name its folder with --out FOLDER")
    overrides = checked_overrides(overrides)
    change = dict(config or {})
    if seed is not None:
        change["seed"] = seed
    if budget is not None:
        change = merged(change, {"training": {"budget": budget}})
    with join_processes():
        data = in_hand(data, change, overrides)
        resolved, run = on_first_process(lambda: _configured(model, data, change, overrides, out, resume))
        on_first_process(lambda: check_before(resolved, run))
        recorded = run.path if run.exists and data is None else None
        with raise_together(), recorded_by(recorded, "say where: --data FOLDER"):
            images = data if isinstance(data, ImageData) else load_data(resolved.data)
        return complete_run(
            resolved, images, run, report=report, notice=notice, stop_requested=stop_requested, score=score
        )


def _configured(
    model: str,
    data: ImageData | DataSettings | str | Path | None,
    change: dict[str, Any],
    overrides: Sequence[str],
    out: str | Path | None,
    resume: bool,
) -> tuple[RunConfig, RunFolder]:
    """The configuration of a run, and its folder."""
    existing = None if out is None else RunFolder(checked_path(out, "--out"))
    begun = existing is not None and existing.exists
    if existing is not None and not resume:
        refuse_existing(existing)
    if data is not None and not (begun and isinstance(data, ImageData)):  # loaded images are compared themselves
        change = merged(change, {"data": data_settings(data).given()})
    if existing is not None and begun:
        return resumed_config(existing, {"model": model} | change, overrides), existing
    config = resolve(model, change, overrides=overrides)
    return config, existing or _new_folder(config)


def _new_folder(config: RunConfig) -> RunFolder:
    """The first free folder under runs/ for a configuration."""
    name = fitted_name(f"{config.model}-{last_part(config.data.name)}-seed{config.seed}")
    names = chain([name], (f"{name}-{k}" for k in count(2)))
    return RunFolder(next(folder for folder in map(Path("runs").joinpath, names) if not folder.exists()))
