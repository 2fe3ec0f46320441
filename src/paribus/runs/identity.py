"""What makes a run the same run, and what may change in it when it is resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from paribus.base.errors import ParibusError
from paribus.base.processes import launcher, place
from paribus.config import TrainingSettings, validated
from paribus.config.overrides import merged, with_override
from paribus.data import ImageData
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder
from paribus.training import NUMERICS_VERSION
from paribus.training.hardware import usable_cores

FREE_TO_CHANGE = (
    "data.name",
    "training.budget",
    "training.checkpoint_seconds",
    "training.checkpoint_steps",
    "training.track",
    "sampler",
    "evaluation",
    "tuning",
)
"""Settings that a resumed run may change: they do not touch what was trained already. Data may have moved: the images'
fingerprint tells that they are the same."""

WITHOUT_EFFECT = ("training.checkpoint_seconds", "training.checkpoint_steps", "training.track", "tuning")
"""Settings that change neither weights nor scores."""


def identity(config: RunConfig, fingerprint: str, numerics: int = NUMERICS_VERSION) -> str:
    """What tells one run from another: a hash of its configuration with the seed, its images, and the numerics version.

    Args:
        config: The resolved configuration, with its thread count.
        fingerprint: That of the images.
        numerics: The numerics version that trained it.
    """
    content = [_with_effect(config.tree()), fingerprint, numerics]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def refuse_another(config: RunConfig, fingerprint: str, run: RunFolder) -> None:
    """Keeps a study from taking another run for its own.

    Raises:
        ParibusError: The folder holds a run of other settings, images or numerics.
    """
    if run.record.get("identity") == identity(config, fingerprint):
        return
    _refuse_other_numbers(run)
    _refuse_other_images(fingerprint, run)
    for path, before, now in _differences(_with_effect(stored_config(run).tree()), _with_effect(config.tree())):
        if path == "data.name":  # the same images, elsewhere
            continue
        raise ParibusError(
            "This folder holds a run of other settings than the study asks for.",
            where=f"{path} in {run.path}",
            got=now,
            expected=before,
            fix="give the study the setting that it began with, or another folder with --out, or move the run's folder "
            "away",
        )


def refuse_existing(run: RunFolder) -> None:
    """Keeps an earlier run from being mixed with a new one.

    Raises:
        ParibusError: The folder holds a run.
    """
    if run.exists:
        raise ParibusError(
            "This folder already holds a run.",
            where=str(run.path),
            fix="add --resume to continue it, or choose another --out",
        )


def resumed_config(run: RunFolder, change: dict[str, Any], overrides: Sequence[str] = ()) -> RunConfig:
    """The configuration of an existing run, with what is asked to change in it.

    Args:
        run: The existing run.
        change: Part of the configuration tree.
        overrides: `key.path=value` texts, applied last.

    Raises:
        ParibusError: The change would make it another run.
    """
    stored = stored_config(run).tree()
    tree = merged(stored, change)
    for override in overrides:
        tree = with_override(tree, override)
    config = validated(RunConfig, tree)
    _refuse_difference(stored, config.tree(), run)
    return config


def with_processes(config: RunConfig, run: RunFolder) -> RunConfig:
    """The configuration with its number of processes and of threads: as asked, as before, or as the machine offers."""
    here, asked = place(), config.training
    before = stored_config(run).training if run.exists else TrainingSettings()
    shared = here.count if here.count > 1 and not run.exists else None
    processes = asked.processes or before.processes or shared
    threads = asked.threads or before.threads or max(1, usable_cores() // here.local_count)
    training = asked.model_copy(update={"processes": processes, "threads": threads})
    return config.model_copy(update={"training": training})


def refuse_what_cannot_run(config: RunConfig, data: ImageData, run: RunFolder) -> None:
    """Checks that an existing folder belongs to a configuration and its images, and that what is left can be trained.

    Raises:
        ParibusError: It does not, or there is more to train and the processes at hand cannot share it.
    """
    if run.exists:
        _refuse_other_images(data.fingerprint, run)
        _refuse_difference(stored_config(run).tree(), config.tree(), run)
        if is_trained(config, run):
            return
        _refuse_other_numbers(run)
    _refuse_other_processes(config, len(data.train))


def is_trained(config: RunConfig, run: RunFolder) -> bool:
    """Whether a run is finished, its budget not larger than what it spent, and its model whole."""
    done, budget = run.ending, config.training.budget
    is_over = done.get("status") == "done" and budget.amount <= (done.get("spent") or {}).get(budget.unit, 0)
    return is_over and not run.has_damaged_model


def is_scored(run: RunFolder) -> bool:
    """Whether a run has scores, and in a form that can be read."""
    try:
        run.snapshot_scores  # noqa: B018  (reads them)
        return bool(run.evaluation)
    except ParibusError:
        return False


def stored_config(run: RunFolder) -> RunConfig:
    """A run's configuration, with the defaults of settings that it is older than."""
    config: RunConfig = validated(RunConfig, run.recorded("config"))
    return config


def _refuse_other_processes(config: RunConfig, images: int) -> None:
    count, wanted = place().count, config.training.processes or 1
    if count != wanted:
        raise ParibusError(
            "The run is not to be shared among so many processes.",
            where="training.processes",
            got=f"{count}, as started",
            expected=wanted,
            fix=f"start it as '{' '.join(launcher(wanted))} train ...', or begin a new run with another --out",
        )
    size = images if config.training.batch_size == "full" else config.training.batch_size
    if size % count:
        raise ParibusError(
            "The batch cannot be divided among the processes.",
            where="training.batch_size",
            got=f"{size} images for {count} processes",
            expected=f"a multiple of {count}",
            fix=f"-o training.batch_size={-(-size // count) * count}, or start another number of processes",
        )


def _refuse_other_images(fingerprint: str, run: RunFolder) -> None:
    stored = run.recorded("data", "fingerprint")
    if stored != fingerprint:
        raise ParibusError(
            "The images are not those that the run began with.",
            where=str(run.path),
            got=f"fingerprint {fingerprint[:12]}",
            expected=stored[:12],
            fix="restore the data, or start a new run with another --out",
        )


def _refuse_other_numbers(run: RunFolder) -> None:
    stored = run.record.get("numerics", NUMERICS_VERSION)
    if stored != NUMERICS_VERSION:
        raise ParibusError(
            "This run was trained by another version of Paribus, whose numbers are not this one's.",
            where=str(run.path),
            got=f"numerics version {stored}",
            expected=NUMERICS_VERSION,
            fix="start a new run with another --out, or use the version that it began with "
            f"({(run.record.get('machine') or {}).get('paribus', 'unknown')})",
        )


def _refuse_difference(stored: dict[str, Any], asked: dict[str, Any], run: RunFolder) -> None:
    for path, before, now in _differences(stored, asked):
        if not any(f"{path}.".startswith(f"{free}.") for free in FREE_TO_CHANGE):
            raise ParibusError(
                "A resumed run must keep its configuration.",
                where=f"{path} in {run.path}",
                got=now,
                expected=before,
                fix="leave the setting out to resume the run, or start a new one with another --out",
            )


def _with_effect(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    return {
        key: _with_effect(value, f"{prefix}{key}.") if isinstance(value, dict) else value
        for key, value in tree.items()
        if prefix + key not in WITHOUT_EFFECT
    }


def _differences(stored: dict[str, Any], asked: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The path of each setting that differs, with both values."""
    for key in sorted(stored.keys() | asked.keys()):
        before, now = stored.get(key), asked.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _differences(before, now, f"{prefix}{key}.")
        elif before != now:
            yield prefix + key, before, now
