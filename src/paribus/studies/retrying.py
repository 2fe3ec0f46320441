"""Failed runs tried again, with other settings where they are given: what changes in a study's plan and folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError, unknown
from paribus.base.files import make_folder, sync
from paribus.config.overrides import leaves, with_override
from paribus.results.folder import RunFolder
from paribus.studies.plan import BUDGET_PATH, StudyPlan, StudyRun

SHARED = ("model", "seed", BUDGET_PATH, "data", "evaluation", "tuning")
"""Settings that no retry may change: what a study holds equal, or what its runs are called by."""


def retried_labels(runs: Sequence[StudyRun], model: str | None) -> list[str]:
    """The labels of the runs to try again: a model's, or those of which a run failed.

    Raises:
        ParibusError: The study has no such model.
    """
    if model is None:
        return list(dict.fromkeys(run.label for run in runs if _has_failed(run)))
    labels = list(dict.fromkeys(run.label for run in runs if model in (run.label, run.config.model)))
    if not labels:
        known = dict.fromkeys(run.label for run in runs)
        raise unknown(f"The study has no model '{model}'", model, known, where="MODEL")
    return labels


def changed_plan(
    plan: StudyPlan, runs: Sequence[StudyRun], labels: Sequence[str], overrides: Sequence[str]
) -> StudyPlan:
    """The plan with other settings for all runs of some labels: seeds of one model are trained alike.

    Args:
        plan: The study's.
        runs: Of that plan.
        labels: Whose runs are tried again.
        overrides: `key.path=value` texts.

    Raises:
        ParibusError: No run of a label failed, or a setting is one that a study holds equal.
    """
    tree: dict[str, Any] = {}
    for override in overrides:
        tree = with_override(tree, override)
    values = dict(leaves(tree))
    for path in values:
        if any(path == held or path.startswith(f"{held}.") for held in (*SHARED, *plan.axes)):
            raise ParibusError(
                "A retry cannot change what the study varies or holds equal.",
                where=f"-o {path}",
                expected="how its model is built or trained, such as training.optimizer.G.learning_rate",
                fix="begin another study with --out",
            )
    changed = {label: plan.changed.get(label, {}) | values for label in labels}
    begun = {label for label in labels if plan.changed.get(label) == changed[label]}
    failed = {run.label for run in runs if _has_failed(run)}
    if not labels or set(labels) - begun - failed:
        raise ParibusError(
            "Settings are changed only where a run failed.",
            where=", ".join(sorted(set(labels) - begun - failed)) or "DIR",
            got="no failed run",
            fix="'paribus study status DIR' lists failed runs; other settings of a model that trains are another study",
        )
    return plan.model_copy(update={"changed": plan.changed | changed})


def with_stored_changes(plan: StudyPlan, stored: Mapping[str, Any]) -> StudyPlan:
    """The plan with what retries of the study in a folder changed, by the content of its study.yaml."""
    changed = (stored.get("plan") or {}).get("changed") or {}
    return plan.model_copy(update={"changed": changed | plan.changed}) if changed else plan


def set_aside(run: RunFolder, study: Path) -> Path:
    """Moves a run's folder to retried/ in its study's, under a free name; returns where it lies now."""
    place = study / "retried"
    make_folder(place)
    names = (place / f"{run.path.name}-{number}" for number in range(1, 1000))
    moved = run.path.rename(next(name for name in names if not name.exists()))
    sync(run.path.parent)
    return moved


def _has_failed(run: StudyRun) -> bool:
    return run.folder.ending.get("status") == "failed"
