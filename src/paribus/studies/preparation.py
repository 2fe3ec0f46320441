"""What is decided before a study's runs start: their images, their widths, where they are trained."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from paribus.base.arguments import count_of
from paribus.base.errors import ParibusError, did_you_mean
from paribus.config import Augmentation, DataSettings
from paribus.data import ImageData, load_data
from paribus.evaluation.encoders import encoder_names
from paribus.evaluation.measures import wanted_metrics
from paribus.models.networks import network_shape
from paribus.recipes import RunConfig
from paribus.runs.identity import identity
from paribus.studies.matching import Match, match_width, total_parameters, with_width
from paribus.studies.plan import StudyPlan, StudyRun, expected_images, study_runs
from paribus.training.hardware import usable_cores

LOCAL = "local"
"""The engine that trains on this machine."""


@dataclass(frozen=True)
class Preparation:
    """The runs of a plan, ready to start.

    Attributes:
        runs: In the plan's order.
        images: Every data set once; see `images_of`.
        matches: By label, the width that the plan's `params` chose.
        workers: Runs at a time on this machine.
        threads: CPU threads of each run that does not name its own.
    """

    runs: tuple[StudyRun, ...]
    images: Mapping[DataSettings, ImageData]
    matches: Mapping[str, Match]
    workers: int
    threads: int

    def images_of(self, run: StudyRun) -> ImageData:
        """The images of one of the runs."""
        return self.images[_source(run.config)]

    @property
    def data_sets(self) -> list[ImageData]:
        """The images of all runs, each data set once."""
        return list({id(images): images for images in self.images.values()}.values())


def prepare(
    plan: StudyPlan,
    folder: Path,
    *,
    images: ImageData | None = None,
    workers: int | None = None,
    threads: int | None = None,
    engine: str = LOCAL,
) -> Preparation:
    """Loads images, matches widths and divides the machine; writes nothing.

    Args:
        plan: What to do.
        folder: The study's.
        images: Those of every run, where they are loaded already.
        workers: Runs at a time, where the user says so.
        threads: CPU threads a run of the study as it began, which stay.
        engine: Where the runs will be trained: local, ray, or the address of a Ray cluster.

    Raises:
        ParibusError: The plan cannot be run.
    """
    check_engine(engine)
    runs = study_runs(plan, folder)
    loaded: dict[DataSettings, ImageData] = {}
    for run in runs:
        source = _source(run.config)
        if source not in loaded:
            loaded[source] = images if images is not None else load_data(run.config.data)
    runs, matches = _with_matched_widths(plan, runs, loaded)
    configs = [run.config for run in runs]
    for run in runs:  # names that nothing has are found before any training, and at once
        wanted_metrics(run.config.evaluation)
        images_of_run = loaded[_source(run.config)]
        encoder_names(images_of_run, run.config.evaluation)
        network_shape(run.config, images_of_run.shape)
    if engine != LOCAL:
        _refuse_on_a_cluster(configs, workers)
        threads = threads or 1  # its nodes may have fewer cores than this machine
    workers, threads = divide_machine(configs, len(runs), workers, threads)
    ready = tuple(_ready(run, loaded[_source(run.config)], threads) for run in runs)
    return Preparation(ready, loaded, matches, workers, threads)


def _ready(run: StudyRun, images: ImageData, threads: int) -> StudyRun:
    training = run.config.training.model_copy(update={"threads": run.config.training.threads or threads})
    config = run.config.model_copy(update={"training": training})
    return replace(
        run,
        config=config,
        identity=identity(config, images.fingerprint),
        expected_images=expected_images(config, len(images.train)),
    )


def _source(config: RunConfig) -> DataSettings:
    """What decides the images of a run; augmentation happens later."""
    return config.data.model_copy(update={"augment": Augmentation()})


def _with_matched_widths(
    plan: StudyPlan, runs: list[StudyRun], images: Mapping[DataSettings, ImageData]
) -> tuple[list[StudyRun], dict[str, Match]]:
    if plan.params is None:
        return runs, {}
    first = runs[0].config
    target = total_parameters(first, images[_source(first)].shape) if plan.params == "match" else plan.params
    matches: dict[str, Match] = {}
    for run in runs:  # those of one label differ in nothing but their seeds
        if run.label not in matches:
            matches[run.label] = match_width(run.config, images[_source(run.config)].shape, target, run.label)
    return [replace(run, config=with_width(run.config, matches[run.label].width)) for run in runs], matches


def check_engine(name: str) -> None:
    """Refuses what is no engine.

    Raises:
        ParibusError: There is none of this name, or what it needs is not installed.
    """
    if name == LOCAL:
        return
    if name != "ray" and not re.fullmatch(r"(ray://)?[^\s/]+:\d+", name):
        raise ParibusError(
            f"There is no engine '{name}'.{did_you_mean(name, (LOCAL, 'ray'))}",
            where="--engine",
            got=name,
            expected="local, ray, ray://HOST:PORT or HOST:PORT",
        )
    if importlib.util.find_spec("ray") is None:
        raise ParibusError("Ray is not installed.", where="--engine", got=name, fix="pip install 'paribus[ray]'")


def _refuse_on_a_cluster(configs: Sequence[RunConfig], workers: int | None) -> None:
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


def divide_machine(
    configs: Sequence[RunConfig], runs: int, workers: int | None, threads: int | None
) -> tuple[int, int]:
    """Divides this machine: runs at a time, and CPU threads of each run that does not name its own.

    Where each run names its own these are the first one's.

    Args:
        configs: The runs' configurations, each kind at least once.
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
    workers = count_of(workers, "runs at a time", "workers (--workers)")
    if workers > 1 and timed:
        raise ParibusError(
            "With a budget in seconds runs must not share the machine: one worker at a time.",
            where="--workers",
            got=workers,
            fix="leave --workers out, or give the budget in images (200kimg) or epochs",
        )
    named = [config.training.threads for config in configs if config.training.threads]
    return workers, named[0] if len(named) == len(configs) else threads or max(1, cores // workers)
