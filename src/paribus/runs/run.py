"""One run from configuration to scores: prepare the folder, train, save the model, take pictures, evaluate."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from paribus.base.errors import TrainingDiverged
from paribus.base.files import write_atomically, write_json
from paribus.base.processes import place
from paribus.data import ImageData, load_data
from paribus.evaluation import evaluate, select_best_snapshot
from paribus.evaluation.encoders import check_encoders
from paribus.evaluation.encoding import Progress as Stages
from paribus.evaluation.measures import metrics
from paribus.evaluation.wording import stage_words
from paribus.models import Model, build_networks, load_model, save_model
from paribus.models.grids import save_pictures
from paribus.models.networks import parameter_count
from paribus.models.packaging import description, with_sampler
from paribus.models.samplers import check_sampler, fitted_sampler
from paribus.recipes import RunConfig, resolve
from paribus.recipes.command import command_of
from paribus.results.folder import RunFolder
from paribus.results.score import Score
from paribus.results.scores_file import write_scores
from paribus.runs.identity import identity, is_complete, refuse_existing, settled
from paribus.training import NUMERICS_VERSION
from paribus.training.distributed import agreed, first, joined
from paribus.training.hardware import machine, peak_memory_bytes
from paribus.training.loop import Outcome, Progress, check, fit
from paribus.training.tracking import check_trackers, tracked


class Interrupted(Exception):
    """The run was asked to stop; its checkpoint is written."""


class Run:
    """A run in its folder.

    Attributes:
        folder: Where everything of it lies.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @cached_property
    def model(self) -> Model:
        """The trained model."""
        return load_model(self.folder.path)

    @property
    def scores(self) -> list[Score]:
        """The evaluation of the last weights, a score a metric."""
        return [score for score in self.folder.evaluation if score.weights == "last"]


def train(
    model: str,
    data: ImageData | str | Path = "digits",
    *,
    budget: str | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    overrides: list[str] | tuple[str, ...] = (),
    score: bool = True,
) -> Run:
    """Trains a model and scores it.

    Args:
        model: Name of a preset (`paribus list models`).
        data: Loaded images, or what `load_data` takes.
        budget: For example 60s, 200kimg, 20epochs; the preset's own by default.
        seed: Decides initial weights, order of the images and all noise.
        out: The run's folder; a new one under runs/ by default.
        resume: Carry on in `out` from its last checkpoint.
        overrides: `key.path=value` texts on top of the preset.
        score: Whether to evaluate after training.

    Raises:
        ParibusError: Something given is wrong, or `out` holds a run and `resume` is False.
        TrainingDiverged: A loss diverged.
    """
    change: dict[str, Any] = {"seed": seed, "data": data_settings(data)}
    if budget is not None:
        change["training"] = {"budget": budget}
    config = resolve(model, change, overrides=overrides)

    def folder() -> RunFolder:
        run = RunFolder(Path(out)) if out is not None else new_folder(config)
        refuse_existing(run, resume)
        return run

    with joined():
        run = first(folder)
        with agreed():
            images = data if isinstance(data, ImageData) else load(config)
        return carry_out(config, images, run, score=score)


def carry_out(
    config: RunConfig,
    data: ImageData,
    run: RunFolder,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    notice: Callable[[str], None] = lambda text: None,
    stop_requested: Callable[[], bool] = lambda: False,
    score: bool = True,
) -> Run:
    """Trains and scores in a folder, from wherever an earlier process left off.

    A finished run is left as it is, unless the budget grew. Processes that torchrun started call this together, within
    `joined`; only the first one touches the folder.

    Raises:
        ParibusError: The folder belongs to another configuration, or is in use.
        TrainingDiverged: A loss diverged; done.json says so.
        Interrupted: `stop_requested` became true.
    """
    with run.locked() if place().is_first else nullcontext():
        prepared = first(lambda: _prepared(config, data, run))
        if prepared is None:
            return Run(run)
        config = prepared
        if score:
            with agreed():
                check_encoders(config.evaluation, _stages(notice))
        notice(f"training on {data.name} for {config.training.budget}, in {run.path}")
        with tracked(config, run, report) as tracking_report:
            try:
                outcome = fit(config, data, run, report=tracking_report, stop_requested=stop_requested)
            except TrainingDiverged as error:
                if place().is_first:
                    write_json(run.path / "done.json", {"status": "failed", "reason": str(error)})
                raise
            if not outcome.finished:
                raise Interrupted(run.path)
            model = outcome.model
            sampler_seconds, model.sampler = first(lambda: (_fit_sampler(model, data, notice), model.sampler))
            if place().is_first:
                save_model(run.path, model)
                save_pictures(run.samples, model, data.test)
            if score:
                _score(run, outcome, data, config, notice)
        if place().is_first:
            write_json(run.path / "done.json", _done(run, outcome) | sampler_seconds)
    return Run(run)


def _prepared(config: RunConfig, data: ImageData, run: RunFolder) -> RunConfig | None:
    """The configuration to train with, its record written; None where nothing is left to train."""
    config = settled(config, data, run)
    if is_complete(config, run):
        return None
    (run.path / "done.json").unlink(missing_ok=True)
    _write_record(config, data, run)
    return config


def new_folder(config: RunConfig) -> RunFolder:
    """The first free folder under runs/ for a configuration."""
    name = f"{config.model}-{Path(config.data.name).name}-seed{config.seed}"
    folder, k = Path("runs") / name, 1
    while folder.exists():
        k += 1
        folder = Path("runs") / f"{name}-{k}"
    return RunFolder(folder)


def load(config: RunConfig) -> ImageData:
    """The images of a configuration."""
    settings = config.data
    return load_data(
        settings.name,
        size=settings.size,
        channels=settings.channels,
        on_bad=settings.on_bad,
        background=settings.background,
        validation=settings.validation,
    )


def load_with_sampler(source: str | Path, sampler: Mapping[str, Any] | None = None) -> Model:
    """The model of a run's folder or of a Hub repository, with its own sampler or another one.

    Args:
        source: The folder or the Hub id.
        sampler: What differs from its own, such as {"name": "gmm"}; fitted now to the run's images where it was not
            before.

    Raises:
        ParibusError: There is no model, it cannot have this sampler, or its images are not to be had.
    """
    model = load_model(source)
    return with_sampler(source, model, sampler, load) if sampler else model


def _write_record(config: RunConfig, data: ImageData, run: RunFolder) -> None:
    nets = build_networks(config, data.shape)
    check(config, nets)
    check_trackers(config)
    check_sampler(config, len(data.train))
    record = {
        "model": config.model,
        "seed": config.seed,
        "command": command_of(config),
        "config": config.tree(),
        "data": data.summary(),
        "numerics": NUMERICS_VERSION,
        "identity": identity(config, data.fingerprint),
        "parameters": {role: parameter_count(net) for role, net in nets.items()},
        "threads": config.training.threads,
        "machine": machine(),
        "started": run.record["started"] if run.exists else datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_json(run.path / "config.json", description(config, data.shape, data.class_names))  # snapshots are models, too
    write_atomically(run.path / "run.yaml", yaml.safe_dump(record, sort_keys=False, allow_unicode=True))


def _fit_sampler(model: Model, data: ImageData, notice: Callable[[str], None]) -> dict[str, float]:
    """Gives a model the sampler of its configuration; what it cost, for done.json."""
    if model.config.sampler.name == "prior":
        return {}
    notice(f"fitting the sampler '{model.config.sampler.name}'")
    start = time.perf_counter()
    model.sampler = fitted_sampler(model, data.train)
    return {"sampler_seconds": time.perf_counter() - start}


def _stages(notice: Callable[[str], None]) -> Stages:
    def progress(stage: str, done: int, total: int) -> None:
        notice(stage_words(stage, done, total))

    return progress


def _score(run: RunFolder, outcome: Outcome, data: ImageData, config: RunConfig, notice: Callable[[str], None]) -> None:
    scores = evaluate(outcome.model, data, config.evaluation, progress=_stages(notice), shared=True)
    if not place().is_first:
        return
    kept = run.snapshots()
    if len(data.validation) and len(kept) > 1 and config.evaluation.split == "test":  # never chosen and scored by one
        notice("scoring snapshots on the validation split")
        models = {images: load_model(run.path, weights=run.snapshot(images)) for images in kept}
        for model in models.values():  # a sampler belongs to the weights that it was fitted to
            _fit_sampler(model, data, notice)
        snapshots = select_best_snapshot(models, data, config.evaluation)
        write_scores(run.path / "snapshots.json", snapshots, {})
        usable = [(s.value, s.snapshot) for s in snapshots if s.value is not None and s.snapshot is not None]
        best = min(usable, default=(0.0, kept[-1]))[1]
        if best != kept[-1]:
            notice("evaluating the best snapshot")
            of_best = evaluate(models[best], data, config.evaluation, weights="best")
            scores += [score.model_copy(update={"snapshot": best}) for score in of_best]
    write_scores(run.path / "evaluation.json", scores, metrics())


def _done(run: RunFolder, outcome: Outcome) -> dict[str, Any]:
    state = outcome.state
    device = next(next(iter(outcome.model.nets.values())).parameters()).device
    first = next(iter(outcome.updates.values()))
    return {
        "status": "done",
        "images": state.images,
        "seconds": state.seconds,
        "steps": state.step,
        "updates": outcome.updates,
        "flops_per_image": outcome.flop_per_image,
        "spent": {
            "seconds": state.seconds,
            "images": state.images,
            "epochs": state.images / run.record["data"]["counts"]["train"],
            "updates": first,
            "flop": state.images * outcome.flop_per_image,
        },
        "peak_memory_bytes": peak_memory_bytes(device),
        "model_sha256": hashlib.sha256(run.model.read_bytes()).hexdigest(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def data_settings(data: ImageData | str | Path) -> dict[str, Any]:
    """The `data` part of a configuration that loads these images again."""
    if isinstance(data, ImageData):
        asked = {} if data.settings is None else data.settings.model_dump(exclude_defaults=True)
        return asked | {"name": data.name, "size": data.shape.size, "channels": data.shape.channels}
    return {"name": str(data)}
