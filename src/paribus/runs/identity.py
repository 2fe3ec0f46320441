"""Carrying on with a run: what may change in it, and what would make it another run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from paribus.base.errors import ParibusError
from paribus.base.processes import launcher, place
from paribus.config import validated
from paribus.config.overrides import merged, with_override
from paribus.data import ImageData
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder
from paribus.training import NUMERICS_VERSION
from paribus.training.hardware import usable_cores

FREE_TO_CHANGE = (
    "training.budget",
    "training.checkpoint_seconds",
    "training.checkpoint_steps",
    "training.track",
    "sampler",
    "evaluation",
    "tuning",
)
"""Settings that a resumed run may change: they do not touch what was trained already."""

WITHOUT_EFFECT = ("training.checkpoint_seconds", "training.checkpoint_steps", "training.track", "tuning")
"""Settings that change neither weights nor scores."""


def identity(config: RunConfig, fingerprint: str) -> str:
    """What tells one run from another: a hash of its configuration with the seed, its images, and the numerics version.

    Args:
        config: The resolved configuration, with its thread count.
        fingerprint: That of the images.
    """
    content = [_with_effect(config.tree()), fingerprint, NUMERICS_VERSION]
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
    stored, asked = _stored(run), config.tree()
    _refuse_first_of(
        _differences(_with_effect(stored), _with_effect(asked)),
        stored,
        asked,
        run,
        "This folder holds a run of other settings than the study asks for.",
        "give the study the setting that it began with, or another folder with --out, or move the run's folder away",
    )


def refuse_existing(run: RunFolder, resume: bool) -> None:
    """Keeps an earlier run from being mixed with a new one.

    Raises:
        ParibusError: The folder holds a run.
    """
    if run.exists and not resume:
        raise ParibusError(
            "This folder already holds a run.",
            where=str(run.path),
            fix="add --resume to carry on with it, or choose another --out",
        )


def resumed(run: RunFolder, change: dict[str, Any], overrides: list[str]) -> RunConfig:
    """The configuration of an existing run, with what a command line asks to change in it.

    Raises:
        ParibusError: The change would make it another run.
    """
    stored = _stored(run)
    tree = merged(stored, change)
    for override in overrides:
        tree = with_override(tree, override)
    config = validated(RunConfig, tree)
    _refuse_difference(stored, config.tree(), run)
    return config


def settled(config: RunConfig, data: ImageData, run: RunFolder) -> RunConfig:
    """Fixes the processes and their threads; checks that an existing folder belongs to the configuration and images.

    Raises:
        ParibusError: It does not, or there is more to train and the processes at hand cannot share it.
    """
    stored: dict[str, Any] = _stored(run) if run.exists else {}
    before, asked, here = stored.get("training", {}), config.training, place()
    alone = stored or here.count == 1
    update = {
        "processes": asked.processes or before.get("processes") or (None if alone else here.count),
        "threads": asked.threads or before.get("threads") or max(1, usable_cores() // here.local_count),
    }
    config = config.model_copy(update={"training": asked.model_copy(update=update)})
    if stored:
        _refuse_other_images(data.fingerprint, run)
        _refuse_difference(stored, config.tree(), run)
        if is_complete(config, run):
            return config
        _refuse_other_numbers(run)
    _refuse_other_processes(config, len(data.train))
    return config


def _stored(run: RunFolder) -> dict[str, Any]:
    """A run's configuration, with the defaults of settings that it is older than."""
    return validated(RunConfig, run.record["config"]).tree()


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
    stored = run.record["data"]["fingerprint"]
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
    different = [
        path
        for path in _differences(stored, asked)
        if not any(path == free or path.startswith(free + ".") for free in FREE_TO_CHANGE)
    ]
    _refuse_first_of(
        different,
        stored,
        asked,
        run,
        "A resumed run must keep its configuration.",
        "leave the setting out to carry on, or start a new run with another --out",
    )


def _refuse_first_of(
    paths: list[str], stored: dict[str, Any], asked: dict[str, Any], run: RunFolder, message: str, fix: str
) -> None:
    if paths:
        where, got, expected = f"{paths[0]} in {run.path}", _at(asked, paths[0]), _at(stored, paths[0])
        raise ParibusError(message, where=where, got=got, expected=expected, fix=fix)


def _with_effect(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    return {
        key: _with_effect(value, f"{prefix}{key}.") if isinstance(value, dict) else value
        for key, value in tree.items()
        if prefix + key not in WITHOUT_EFFECT
    }


def _differences(a: dict[str, Any], b: dict[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for key in sorted(a.keys() | b.keys()):
        x, y = a.get(key), b.get(key)
        if isinstance(x, dict) and isinstance(y, dict):
            found += _differences(x, y, f"{prefix}{key}.")
        elif x != y:
            found.append(prefix + key)
    return found


def _at(tree: Any, path: str) -> Any:
    for key in path.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def is_complete(config: RunConfig, run: RunFolder) -> bool:
    """Whether a run is finished and its budget not larger than what it spent."""
    done, budget = run.done, config.training.budget
    return done is not None and done["status"] == "done" and budget.amount <= done["spent"][budget.unit]
