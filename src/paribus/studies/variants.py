"""What a plan comes to: a configuration for every combination of its axes' values and named settings (a variant).

An error in a configuration is told at the place in the plan that it comes from.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paribus.base.errors import ParibusError
from paribus.config.overrides import merged, with_value
from paribus.recipes import RunConfig, resolve
from paribus.studies.plan import Plan, check_plan

NAMES = ("model", "settings")
"""Axes whose values are names and no values of the configuration."""
NAME_LENGTH = 80


@dataclass(frozen=True)
class Variant:
    """One combination of the axes' values and the named settings.

    Attributes:
        label: A name that tells it from the others: "vae latent_dim=8". Settings called as their model add no word.
        axes: The value of each axis; under "settings" the name of a set.
        config: The configuration, of seed 0.
    """

    label: str
    axes: dict[str, Any]
    config: RunConfig

    def run_name(self, seed: int, *, short: bool) -> str:
        """The name of a run's folder; with axes besides the model it ends with a short hash of their values."""
        if short:
            return f"{self.label}-seed{seed}"
        digest = hashlib.sha256(json.dumps(self.axes, sort_keys=True).encode()).hexdigest()[:6]
        readable = re.sub(r"[^\w.=-]+", "-", self.label)[:NAME_LENGTH].rstrip("-.")
        return f"{readable}-seed{seed}-{digest}"


def variants(plan: Plan) -> list[Variant]:
    """Every combination of the axes' values and the named settings, these changing fastest.

    Raises:
        ParibusError: The plan asks for nothing, for something twice, or for something that is no configuration.
    """
    check_plan(plan)
    axes = plan.axes if "model" in plan.axes or plan.model is None else {"model": [plan.model], **plan.axes}
    axes = axes | ({"settings": list(plan.settings)} if plan.settings else {})
    keys = _short_keys([path for path in axes if path not in NAMES])
    found: dict[str, Variant] = {}
    for values in itertools.product(*axes.values()):
        assignment = dict(zip(axes, values, strict=True))
        config = _resolved(plan, assignment)
        words = [f"{keys[path]}={_text(value)}" for path, value in assignment.items() if path not in NAMES]
        name = assignment.get("settings", config.model)
        label = " ".join([config.model, *words, *([name] if name != config.model else [])])
        variant = Variant(label, assignment, config)
        same = json.dumps(config.tree(), sort_keys=True)
        if same in found:
            raise ParibusError(
                "Two of the study's runs would be the same.",
                where="axes",
                got=f"'{found[same].label}' and '{variant.label}'",
                fix="leave one of the values out",
            )
        found[same] = variant
    return list(found.values())


def _resolved(plan: Plan, assignment: Mapping[str, Any]) -> RunConfig:
    base = merged(plan.overrides, {"data": merged(plan.overrides.get("data") or {}, plan.data_tree)})
    if plan.budget is not None:
        base = merged(base, {"training": {"budget": plan.budget}})
    base = merged(base, {"evaluation": plan.evaluation})
    values = {path: value for path, value in assignment.items() if path != "settings"}
    values |= plan.settings[assignment["settings"]] if plan.settings else {}
    change: dict[str, Any] = {}
    try:
        for path, value in values.items():
            if path != "model":
                change = with_value(change, path, value)
        return resolve(values["model"], base, change)
    except ParibusError as error:
        of_model = f" ({values['model']})" if len(plan.axes.get("model", [])) > 1 else ""
        raise error.at(_place(plan, assignment, error.where or "") + of_model) from None


def _place(plan: Plan, assignment: Mapping[str, Any], path: str) -> str:
    """Where in the plan the setting stands that an error is about."""
    for own in plan.settings.get(assignment.get("settings", ""), {}):
        if _within(own, path) or (own, path) == ("model", "MODEL"):
            return f"settings.{assignment['settings']}.{own}"
    if path == "MODEL":
        return f"axes.model.{plan.axes['model'].index(assignment['model'])}" if "model" in plan.axes else "model"
    for axis, value in assignment.items():
        if _within(axis, path):
            return f"axes.{axis}.{plan.axes[axis].index(value)}"
    group, _, rest = path.partition(".")
    if group == "data" and not isinstance(plan.data, str) and rest.split(".")[0] in plan.data:
        return path
    if group == "evaluation" and rest.split(".")[0] in plan.evaluation:
        return path
    return f"overrides.{path}"


def _within(path: str, other: str) -> bool:
    """Whether one of two paths is the other one or leads into it."""
    return (path + ".").startswith(other + ".") or (other + ".").startswith(path + ".")


def _short_keys(paths: list[str]) -> dict[str, str]:
    """The last part of each path, or as much of it as tells it from the others; `objective.name` is `objective`."""

    def end(path: str, parts: int) -> str:
        return ".".join(path.removesuffix(".name").split(".")[-parts:])

    def shortest(path: str) -> str:
        lengths = range(1, path.count(".") + 1)
        return next(
            (end(path, n) for n in lengths if [end(other, n) for other in paths].count(end(path, n)) == 1), path
        )

    return {path: shortest(path) for path in paths}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
