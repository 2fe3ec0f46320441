"""The training loop, one for every objective."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial

import torch

from paribus.base.errors import ParibusError
from paribus.base.processes import place
from paribus.data import Batches, ImageData
from paribus.models import Model, build_networks
from paribus.models.files import write_weights
from paribus.models.grids import save_grid
from paribus.models.networks import check_networks_fit
from paribus.objectives.base import Batch, EncodingObjective, Nets, couples_images
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder
from paribus.training import Progress
from paribus.training.distributed import Clock, check_alike, on_first_process, process_device, raise_together
from paribus.training.log import MetricsLog
from paribus.training.optimizers import build_optimizers
from paribus.training.resampling import RarityWeights
from paribus.training.state import Averages, Pace, SnapshotSchedule, Stopwatch, TrainingState
from paribus.training.step import TrainingStep, flop_per_image

LOG_SECONDS = 1.0


@dataclass(frozen=True)
class Outcome:
    """What a run ended with.

    Attributes:
        finished: Whether the budget is spent; False where it was asked to stop.
        model: The averaged model, in eval mode.
    """

    finished: bool
    state: TrainingState
    model: Model
    flop_per_image: float
    updates: dict[str, int]


@dataclass(frozen=True)
class Prepared:
    """A run before its first step: checked, and what was checked is what `fit` trains.

    Attributes:
        nets: With their initial weights, on the device, convolutions channels last.
        device: What to train on.
    """

    config: RunConfig
    data: ImageData
    nets: Nets
    optimizers: dict[str, torch.optim.Optimizer]
    device: torch.device


def prepare(config: RunConfig, data: ImageData) -> Prepared:
    """Builds the networks and optimisers of a run, and finds what is wrong with it before anything is written.

    Sets the process's number of threads. Processes that torchrun started call this together.

    Raises:
        ParibusError: The device is not there, the optimisers do not fit the roles, the snapshots cannot be read,
            gradients cannot be accumulated, no encoder tells how rare images are, or the processes differ.
    """
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    with raise_together():
        check_networks_fit(config, data.shape)
        nets = build_networks(config, data.shape)
        SnapshotSchedule.of(config.training)
        _check_accumulation(config, nets)
        _check_rarity(config)
        device = process_device(config.training.device)
        for net in nets.values():
            net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizers = build_optimizers(config, nets)
    check_alike({"training.device": device.type, "data.name": data.fingerprint})
    return Prepared(config, data, nets, optimizers, device)


def fit(
    prepared: Prepared,
    run: RunFolder,
    *,
    report: Callable[[Progress], None] = lambda progress: None,
    stop_requested: Callable[[], bool] = lambda: False,
    warn: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Trains until the budget is spent, from the folder's checkpoint if there is one.

    Budgets counted in images, epochs, updates or operations end with the same weights, bit for bit, however often the
    run was interrupted, on one processor type, torch build, thread count and number of processes.

    Processes that torchrun started call this together: each works off its share of every batch, and the first one
    decides when to stop and alone writes and reports.

    Args:
        prepared: What to train, in place: its networks and optimisers are the run's from here on. Of its images only
            the training split is used.
        run: The folder, locked by the caller.
        report: Called about once a second and before each checkpoint.
        stop_requested: Asked after every step; when true, a checkpoint is written and the run ends unfinished.
        warn: Told where training goes on from an earlier checkpoint than the last one, which is damaged.

    Raises:
        TrainingDiverged: A loss diverged; the last good checkpoint is kept.
        Damaged: No checkpoint is whole.
        NotWritten: The disk is full or fails; the last checkpoint is kept.
    """
    config, data, nets, device = prepared.config, prepared.data, prepared.nets, prepared.device
    settings = config.training
    batch_size = len(data.train) if settings.batch_size == "full" else settings.batch_size

    averages = Averages(nets, config.objective.averaged, settings.ema_half_life_images, settings.ema_rampup_ratio)
    state = TrainingState(nets, averages, prepared.optimizers)
    saved = on_first_process(lambda: _checkpoint(run, warn))
    if saved is not None:
        state.load(saved)
    if place().is_first:
        run.forget_after(state.images)

    batches = Batches(data.train, batch_size, config.seed, device, config.data.augment, state.image_weights)
    train_step = TrainingStep(config, nets, state.optimizers, device)
    phases, images_per_step = train_step.phases, train_step.batches * batch_size
    # a copy draws it: the order of an epoch is kept from its first image on, and there may be no weights for it yet
    operations = flop_per_image(nets, phases, _batch(config, data, copy(batches), 0, 0))
    pace = Pace(len(data.train), phases[0].repeats, operations * images_per_step)
    snapshots = SnapshotSchedule.of(settings)
    model = Model(config, averages.nets, data.shape, data.class_names)
    rarity = RarityWeights(settings.rarity, model, data.train, batches, state.image_weights)
    log = MetricsLog(run, state, settings.divergence_factor)
    watch, clock = Stopwatch(state.seconds, device), Clock(state.step, state.seconds)
    logged = checkpointed = state.seconds

    def flush() -> None:
        line = log.flush(state)
        if line is not None:
            report(Progress(pace.fraction(settings.budget, state), state.images, state.seconds, line))

    def checkpoint() -> None:
        flush()  # finds a loss that diverged, before it could overwrite the last good checkpoint
        if place().is_first:
            run.write_checkpoint(state.saved())

    stopped = False
    while pace.fraction(settings.budget, state) < 1 and not stopped:
        due_before = snapshots.due(pace, state)
        rarity.before(state.step * train_step.batches, (state.step + 1) * train_step.batches)
        for name, terms in train_step(state.step, partial(_batch, config, data, batches, images_seen=state.images)):
            log.add(name, terms, state.step + 1)
        state.step += 1
        state.images += images_per_step
        averages.update(images_per_step, state.images)
        state.seconds, stopped = clock(state.step, watch.seconds(), stop_requested())

        if snapshots.due(pace, state) > due_before and place().is_first:
            with watch.paused():
                _snapshot(run, model, state.images, settings.keep_snapshots)
        if state.step == 1 or state.seconds - logged >= LOG_SECONDS:
            logged = state.seconds
            with watch.paused():
                flush()
        by_step = settings.checkpoint_steps and state.step % settings.checkpoint_steps == 0
        if by_step or state.seconds - checkpointed >= settings.checkpoint_seconds:
            checkpointed = state.seconds
            with watch.paused():
                checkpoint()
    with watch.paused():
        checkpoint()
    finished = pace.fraction(settings.budget, state) >= 1
    updates = {phase.name: -(-state.step // phase.every) * phase.repeats for phase in phases}
    return Outcome(finished, state, model, operations, updates)


def _checkpoint(run: RunFolder, warn: Callable[[str], None]) -> bytes | None:
    """The content of the newest whole checkpoint, which becomes the run's only one where a newer is damaged."""
    found = run.read_checkpoint()
    if found is None:
        return None
    if found.damage is not None:
        warn(f"{run.checkpoint} is damaged ({found.damage.got}): resuming from the checkpoint before it")
    if found.path != run.checkpoint:
        found.path.replace(run.checkpoint)
    return bytes(found.content)


def _batch(config: RunConfig, data: ImageData, batches: Batches, k: int, images_seen: int) -> Batch:
    """This process's share of batch k."""
    images, labels, _ = batches[k]
    images = images.contiguous(memory_format=torch.channels_last)
    conditional = config.objective.conditional
    whole = Batch(images, labels if conditional else None, len(data.train), images_seen)
    return whole.rows(*place().share(len(whole)))


def _check_accumulation(config: RunConfig, nets: Nets) -> None:
    if config.training.micro_batch is None:
        return
    coupled = [role for role, net in nets.items() if couples_images(net)]
    if coupled or config.objective.couples_batch:
        raise ParibusError(
            "Gradients cannot be accumulated here: the loss is not a mean over images.",
            where="training.micro_batch",
            got=f"batch norm in {', '.join(coupled)}" if coupled else f"objective '{config.objective.name}'",
            fix="leave training.micro_batch out, or use a backbone without batch norm (-o backbone.norm=none)",
        )


def _check_rarity(config: RunConfig) -> None:
    if config.training.rarity is not None and not isinstance(config.objective, EncodingObjective):
        raise ParibusError(
            "Images can be drawn by how rare their latents are only where there is an encoder.",
            where="training.rarity",
            got=f"objective '{config.objective.name}'",
            fix="leave training.rarity out, or choose a model with an encoder, such as vae",
        )


def _snapshot(run: RunFolder, model: Model, images: int, keep: int | None) -> None:
    write_weights(run.snapshot(images), model.nets)
    save_grid(run.samples / f"{images}.png", model.sample(64, seed=0))
    for old in run.snapshots()[:-keep] if keep else []:
        run.snapshot(old).unlink()
