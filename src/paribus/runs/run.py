"""One run from configuration to scores: prepare the folder, train, save the model, take pictures, evaluate."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import torch

from paribus.base.cache import check_cache
from paribus.base.errors import Interrupted, TrainingDiverged
from paribus.base.files import read_bytes, remove, write_json, write_yaml
from paribus.base.outputs import check_output, refuse_foreign
from paribus.base.processes import place
from paribus.data import ImageData
from paribus.evaluation import evaluate, select_best_snapshot
from paribus.evaluation.encoders import check_encoders
from paribus.evaluation.encoding import StageProgress, silent
from paribus.evaluation.measures import metrics, wanted_metrics
from paribus.models import Model, load_model, save_model
from paribus.models.files import description
from paribus.models.grids import save_pictures
from paribus.models.networks import parameter_count
from paribus.models.samplers import check_sampler, fitted_sampler
from paribus.recipes import RunConfig
from paribus.recipes.command import command_of
from paribus.results.folder import RunFolder, write_scores
from paribus.results.score import Score
from paribus.runs.identity import identity, is_scored, is_trained, refuse_what_cannot_run, stored_config, with_processes
from paribus.runs.seen import write_trained_on
from paribus.training import NUMERICS_VERSION, Progress
from paribus.training.distributed import on_first_process, raise_together
from paribus.training.hardware import machine, peak_memory_bytes
from paribus.training.loop import Outcome, Prepared, fit, prepare
from paribus.training.tracking import check_trackers, tracked

REMAINS = ("config.json", "log.txt", "done.json", "trained_on.safetensors")
"""What a run may leave in its folder before its record is there."""


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


def complete_run(
    config: RunConfig,
    data: ImageData,
    run: RunFolder,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    notice: StageProgress = silent,
    stop_requested: Callable[[], bool] = lambda: False,
    score: bool = True,
) -> Run:
    """Trains and scores in a folder, from wherever an earlier process left off.

    A finished run is left as it is, unless the budget grew; where scores are asked for and it has none, they are all
    that is made. Processes that torchrun started call this together, within `joined`; only the first one touches the
    folder.

    Raises:
        ParibusError: The folder belongs to another configuration, or is in use.
        TrainingDiverged: A loss diverged; done.json says so.
        Interrupted: `stop_requested` became true.
    """
    on_first_process(lambda: check_before(config, run))
    with run.locked() if place().is_first else nullcontext():
        config = on_first_process(lambda: _checked(config, data, run))
        if on_first_process(lambda: is_trained(config, run)):
            if score:
                on_first_process(lambda: _score_finished(config, data, run, notice))
            return Run(run)
        prepared = prepare(config, data)
        if score:
            with raise_together():
                _check_scoring(config, data, notice)
        on_first_process(lambda: _begin(prepared, run))
        for oddity in _oddities(config, data):
            notice(oddity, 0, 1)
        notice(f"training on {data.name} for {config.training.budget}, in {run.path}", 0, 1)
        with tracked(config, run, report) as tracking_report:
            outcome = _trained(prepared, run, tracking_report, stop_requested, lambda text: notice(text, 0, 1))
            model = outcome.model
            sampler_seconds, model.sampler = on_first_process(
                lambda: (_fit_sampler(model, data, notice), model.sampler)
            )
            if place().is_first:
                save_model(run.path, model)
                save_pictures(run.samples, model, data.test)
            if score:
                _score(model, data, config, run, notice, shared=True)
        if place().is_first:
            remove(run.checkpoint_before)  # the last one was read back
            write_json(run.path / "done.json", _done(run, outcome) | sampler_seconds)
    return Run(run)


def _oddities(config: RunConfig, data: ImageData) -> Iterator[str]:
    """What can be trained, and is hardly meant."""
    batch, count = config.training.batch_size, len(data.train)
    if batch == "full":
        return
    if batch > count:
        yield f"a batch of {batch:,} holds each of the {count:,} training images {batch / count:.3g} times"
    if config.training.budget.unit == "images" and config.training.budget.amount < batch:
        yield f"the budget of {config.training.budget} is less than one batch of {batch:,}: one update is made"


def _checked(config: RunConfig, data: ImageData, run: RunFolder) -> RunConfig:
    """The configuration to run in a folder."""
    config = with_processes(config, run)
    refuse_what_cannot_run(config, data, run)
    return config


def check_before(config: RunConfig, run: RunFolder) -> None:
    """Finds out before anything is read or written what cannot be written or told.

    Raises:
        ParibusError: The folder is somebody else's or cannot be written to, or a tracker cannot be used.
    """
    check_output(run.path)
    refuse_foreign(run.path, "run", ("run.yaml",), REMAINS)
    check_trackers(config)


def _check_scoring(config: RunConfig, data: ImageData, notice: StageProgress) -> None:
    """Finds out before the training, not after it, that a run cannot be scored as it is asked for."""
    check_cache()
    wanted_metrics(config.evaluation)
    check_encoders(config.evaluation, data, notice)


def _begin(prepared: Prepared, run: RunFolder) -> None:
    """Writes a run's record, in the place of what earlier weights left."""
    config, data = prepared.config, prepared.data
    check_sampler(config, len(data.train))
    started = run.recorded("started") if run.exists else datetime.now(UTC).isoformat(timespec="seconds")
    for name in ("done.json", "evaluation.json", "snapshots.json"):
        remove(run.path / name)
    record = {
        "model": config.model,
        "seed": config.seed,
        **_configuration(config, data, NUMERICS_VERSION),
        "data": data.summary(),
        "parameters": {role: parameter_count(net) for role, net in prepared.nets.items()},
        "threads": config.training.threads,
        "machine": machine(),
        "started": started,
    }
    write_trained_on(run, data)
    _write_record(record, config, data, run)


def _configuration(config: RunConfig, data: ImageData, numerics: int) -> dict[str, Any]:
    """What a run's record says of its configuration."""
    return {
        "command": command_of(config),
        "config": config.tree(),
        "numerics": numerics,
        "identity": identity(config, data.fingerprint, numerics),
    }


def _write_record(record: dict[str, Any], config: RunConfig, data: ImageData, run: RunFolder) -> None:
    write_json(run.path / "config.json", description(config, data.shape, data.class_names))  # snapshots are models, too
    write_yaml(run.path / "run.yaml", record)


def _trained(
    prepared: Prepared,
    run: RunFolder,
    report: Callable[[Progress], None],
    stop_requested: Callable[[], bool],
    warn: Callable[[str], None],
) -> Outcome:
    """What training to the end of the budget gives."""
    try:
        outcome = fit(prepared, run, report=report, stop_requested=stop_requested, warn=warn)
    except TrainingDiverged as error:
        if place().is_first:
            write_json(run.path / "done.json", {"status": "failed", "reason": str(error), "failure": "diverged"})
        raise
    if not outcome.finished:
        raise Interrupted(run.path)
    return outcome


def _fit_sampler(model: Model, data: ImageData, notice: StageProgress) -> dict[str, float]:
    """Gives a model the sampler of its configuration; what it cost, for done.json."""
    if model.config.sampler.name == "prior":
        return {}
    notice(f"fitting the sampler '{model.config.sampler.name}'", 0, 1)
    start = time.perf_counter()
    model.sampler = fitted_sampler(model, data.train)
    return {"sampler_seconds": time.perf_counter() - start}


def _score(
    model: Model, data: ImageData, config: RunConfig, run: RunFolder, notice: StageProgress, *, shared: bool
) -> None:
    """Scores the last weights and, where validation images chose another, the best snapshot's.

    `shared` says whether all processes of the run call this.
    """
    scores = evaluate(model, data, config.evaluation, progress=notice, shared=shared)
    if not place().is_first:
        return
    kept = run.snapshots()
    if len(data.validation) and len(kept) > 1 and config.evaluation.split == "test":  # never chosen and scored by one
        notice("scoring snapshots on the validation split", 0, 1)
        models = {images: load_model(run.path, weights=run.snapshot(images)) for images in kept}
        for snapshot in models.values():  # a sampler belongs to the weights that it was fitted to
            _fit_sampler(snapshot, data, notice)
        snapshots = select_best_snapshot(models, data, config.evaluation)
        write_scores(run.path / "snapshots.json", snapshots, {})
        usable = [(s.value, s.snapshot) for s in snapshots if s.value is not None and s.snapshot is not None]
        best = min(usable, default=(0.0, kept[-1]))[1]
        if best != kept[-1]:
            notice("evaluating the best snapshot", 0, 1)
            of_best = evaluate(models[best], data, config.evaluation, weights="best")
            scores += [score.model_copy(update={"snapshot": best}) for score in of_best]
    write_scores(run.path / "evaluation.json", scores, metrics())


def _score_finished(config: RunConfig, data: ImageData, run: RunFolder, notice: StageProgress) -> None:
    """Scores a finished run that has no whole scores of today's form, and notes where its data lie now; its weights
    and its sampler stay.
    """
    before = stored_config(run)
    data_settings = before.data.model_copy(update={"name": config.data.name})
    if is_scored(run) and data_settings == before.data:
        return
    config = before.model_copy(update={"evaluation": config.evaluation, "data": data_settings})
    if config != before:
        numerics = run.record.get("numerics", NUMERICS_VERSION)
        _write_record(run.record | _configuration(config, data, numerics), config, data, run)
    if is_scored(run):
        return
    _check_scoring(config, data, notice)
    if config.training.threads:  # as they are scored that come from training
        torch.set_num_threads(config.training.threads)
    model = load_model(run.path)
    for net in model.nets.values():  # in memory as training leaves them: sums of another order differ by rounding
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    _score(model, data, config, run, notice, shared=False)


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
            "epochs": state.images / run.recorded("data", "counts", "train"),
            "updates": first,
            "flop": state.images * outcome.flop_per_image,
        },
        "peak_memory_bytes": peak_memory_bytes(device),
        "model_sha256": hashlib.sha256(read_bytes(run.model)).hexdigest(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
