"""From a plan to its runs: images loaded, widths matched, workers and threads shared out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.config import Augmentation, DataSettings
from paribus.data import ImageData, load_data
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder
from paribus.runs.identity import identity
from paribus.studies.engines import LOCAL
from paribus.studies.matching import Match, matched, total_parameters
from paribus.studies.plan import Plan
from paribus.studies.variants import Variant, variants
from paribus.training.hardware import usable_cores


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study.

    Attributes:
        label: The name of its variant.
        axes: The value of each of the study's axes.
        config: The whole configuration, with seed and thread count.
        folder: Where it lies or will lie.
        data: Its images.
    """

    label: str
    axes: dict[str, Any]
    config: RunConfig
    folder: RunFolder
    data: ImageData

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.path.name

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.config.seed

    @property
    def identity(self) -> str:
        """What tells it from every other run; see `resuming.identity`."""
        return identity(self.config, self.data.fingerprint)

    @property
    def expected_images(self) -> float | None:
        """Training images that its budget amounts to; None where that depends on the machine or on the networks."""
        return expected_images(self.config, len(self.data.train))


def expected_images(config: RunConfig, train: int) -> float | None:
    """Images that a budget amounts to, with `train` of them an epoch; None for a budget in seconds or operations."""
    budget, phases, batch_size = config.training.budget, config.objective.phases(), config.training.batch_size
    per_step = max(phase.repeats for phase in phases) * (train if batch_size == "full" else batch_size)
    factor = {"images": 1.0, "epochs": train, "updates": per_step / phases[0].repeats}
    return budget.amount * factor[budget.unit] if budget.unit in factor else None


def planned(
    plan: Plan,
    folder: Path,
    *,
    images: ImageData | None = None,
    workers: int | None = None,
    threads: int | None = None,
    engine: str = LOCAL,
) -> tuple[list[PlannedRun], dict[str, Match], int, int]:
    """The runs of a plan, the widths that were matched, how many runs go at a time, and the threads they share out.

    Args:
        plan: What to do.
        folder: The study's.
        images: Those of every run, where they are loaded already.
        workers: Runs at a time, where the user says so.
        threads: CPU threads a run of the study as it began, which stay.
        engine: Where the runs will be carried out.

    Raises:
        ParibusError: The plan cannot be carried out.
    """
    found = variants(plan)
    data = _loaded([variant.config for variant in found], images)
    found, matches = _matched(plan, found, data)
    configs = [variant.config for variant in found]
    if engine != LOCAL:
        _refuse_on_a_cluster(configs, workers)
        threads = threads or 1  # its nodes may have fewer cores than this machine
    workers, threads = shared_out(configs, len(found) * len(plan.seed_list), workers, threads)
    runs = []
    for variant in found:
        for seed in plan.seed_list:
            settings = variant.config.training
            training = settings.model_copy(update={"threads": settings.threads or threads})
            config = variant.config.model_copy(update={"seed": seed, "training": training})
            name = variant.run_name(seed, short=plan.compares_models_alone)
            run = RunFolder(folder / "runs" / name)
            runs.append(PlannedRun(variant.label, variant.axes, config, run, data[_source(variant.config)]))
    return runs, matches, workers, threads


def _source(config: RunConfig) -> DataSettings:
    """What decides the images of a run; augmentation happens later."""
    return config.data.model_copy(update={"augment": Augmentation()})


def _loaded(configs: list[RunConfig], images: ImageData | None) -> dict[DataSettings, ImageData]:
    wanted = {_source(config): config for config in configs}
    return {source: images if images is not None else load_data(config.data) for source, config in wanted.items()}


def _matched(
    plan: Plan, found: list[Variant], data: dict[DataSettings, ImageData]
) -> tuple[list[Variant], dict[str, Match]]:
    if plan.params is None:
        return found, {}
    shapes = [data[_source(variant.config)].shape for variant in found]
    target = total_parameters(found[0].config, shapes[0]) if plan.params == "match" else plan.params
    pairs = [
        matched(variant.config, shape, target, variant.label) for variant, shape in zip(found, shapes, strict=True)
    ]
    scaled = [replace(variant, config=config) for variant, (config, _) in zip(found, pairs, strict=True)]
    return scaled, {variant.label: match for variant, (_, match) in zip(found, pairs, strict=True)}


def _refuse_on_a_cluster(configs: list[RunConfig], workers: int | None) -> None:
    if workers is not None:
        raise ParibusError(
            "How many runs go at a time is Ray's decision, by the CPUs and GPUs that are free.",
            where="--workers",
            got=workers,
            fix="leave --workers out; training.threads says how many CPUs a run takes",
        )
    if any(config.training.budget.is_timed for config in configs):
        raise ParibusError(
            "With a budget in seconds runs must have one machine to themselves, one after the other.",
            where="--engine",
            got="a Ray cluster",
            fix="use --engine local, or give the budget in images (200kimg), epochs or operations (3e15flop)",
        )


def shared_out(configs: list[RunConfig], runs: int, workers: int | None, threads: int | None) -> tuple[int, int]:
    """Runs at a time, and CPU threads of each run that does not name its own; of the first where each does.

    Args:
        configs: The runs' configurations, each kind once.
        runs: How many runs there are.
        workers: Runs at a time, where the user says so.
        threads: CPU threads, where they were decided before.

    Raises:
        ParibusError: Several runs at a time, with a budget in seconds.
    """
    cores, timed = usable_cores(), any(config.training.budget.is_timed for config in configs)
    if workers is None:
        given = max(config.training.threads or threads or 1 for config in configs)
        workers = 1 if timed else max(1, min(cores // given, runs))
    elif workers > 1 and timed:
        raise ParibusError(
            "With a budget in seconds runs must not share the machine: one worker at a time.",
            where="--workers",
            got=workers,
            fix="leave --workers out, or give the budget in images (200kimg) or epochs",
        )
    named = [config.training.threads for config in configs if config.training.threads]
    return workers, named[0] if len(named) == len(configs) else threads or max(1, cores // workers)
