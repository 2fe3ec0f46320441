"""What can be trained on points: models, their settings and their bounds, from laboratory.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import yaml

from paribus.base.errors import ParibusError, did_you_mean
from paribus.config import ImageShape
from paribus.config.overrides import leaves, merged
from paribus.recipes import RunConfig, model_names, resolve

POINT = ImageShape(channels=2, size=1)
"""A point (x, y) as an image."""
EFFECTIVE = ("objective.", "backbone.", "training.optimizer.", "training.batch_size")
"""What can be set: beginnings of paths."""


@cache
def contents() -> dict[str, Any]:
    """Everything in laboratory.yaml."""
    return yaml.safe_load((resources.files(__package__) / "laboratory.yaml").read_bytes())


def laboratory_models() -> tuple[str, ...]:
    """Names of all models that points can be trained with."""
    return tuple(contents()["models"])


def configuration(model: str, *, seed: int = 0, overrides: Sequence[str] = ()) -> RunConfig:
    """The configuration of a model for points.

    Args:
        model: One of `laboratory_models`.
        seed: Decides initial weights, points and all noise.
        overrides: `key.path=value` texts on top.

    Raises:
        ParibusError: The model is no model for points, or an override is wrong.
    """
    if model not in laboratory_models():
        raise _unfit(model)
    rates = {role: {"learning_rate": contents()["learning_rate"]} for role in resolve(model).training.optimizer}
    own = contents()["models"][model].get("change", {})
    common = merged(contents()["common"], {"training": {"optimizer": rates}})
    config = resolve(model, common, own, {"seed": seed}, overrides=overrides)
    _check(config, overrides)
    return config


def _check(config: RunConfig, overrides: Sequence[str]) -> None:
    for override in overrides:
        if not override.strip().startswith(EFFECTIVE):
            raise ParibusError(
                "This setting has no effect on points.",
                where=f"-o {override}",
                expected=f"a path that begins with {', '.join(EFFECTIVE)}",
            )
    for where, got, expected, why in (
        ("objective.conditional", config.objective.conditional, False, "have no classes"),
        ("backbone.name", config.backbone.name, "mlp", "have no pixels beside each other"),
        ("training.batch_size", isinstance(config.training.batch_size, int), True, "are without number"),
    ):
        if got != expected:
            raise ParibusError(f"Points {why}.", where=where, fix=f"leave {where} as it is in the laboratory")


def _unfit(model: str) -> ParibusError:
    names = laboratory_models()
    if model not in model_names():
        what = f"Unknown model '{model}'.{did_you_mean(model, names)}"
    else:
        objective = resolve(model).objective
        reason = (
            "it is class-conditional, and points have no classes"
            if objective.conditional
            else f"it is the objective '{objective.name}' on networks for images"
        )
        what = f"The model '{model}' is not for points: {reason}."
    return ParibusError(what, where="model", got=model, expected=", ".join(names))


def controls_of(config: RunConfig) -> dict[str, dict[str, Any]]:
    """The settings of a model that the page offers, by path.

    Each has label, low, high, scale, value, and own: whether it belongs to this model or is to be equal for all.
    """
    found, values = contents(), dict(leaves(config.tree()))
    rates = [f"training.optimizer.{role}.learning_rate" for role in config.training.optimizer]
    own = found["models"][config.model]["controls"]
    return {
        path: found["controls"][path] | {"value": values[path], "own": path in own}
        for path in (*rates, *found["common_controls"], *own)
    }


def checked_overrides(model: str, settings: dict[str, float]) -> list[str]:
    """Settings by path, each one that the page offers and within its bounds, as overrides for `configuration`.

    Raises:
        ParibusError: The model, a setting or its value is not among those.
    """
    offered = controls_of(configuration(model))
    for path, value in settings.items():
        if path not in offered:
            raise ParibusError(
                f"'{model}' has no such setting here.", where=path, got=path, expected=", ".join(offered)
            )
        control = offered[path]
        whole = control["scale"] in ("whole", "doubling")
        if not control["low"] <= value <= control["high"] or (whole and value != int(value)):
            raise ParibusError(
                f"Setting '{control['label']}' is out of bounds.",
                where=path,
                got=value,
                expected=f"{'a whole number ' if whole else ''}from {control['low']} to {control['high']}",
            )
    return [f"{path}={value:.10g}" for path, value in settings.items()]


def experiments() -> dict[str, dict[str, Any]]:
    """The prepared experiments by name: data, seed, steps and sides, each a model with its overrides."""
    return {
        found["name"]: {
            "data": found["data"],
            "seed": found["seed"],
            "steps": found["steps"],
            "sides": [
                (side["model"], checked_overrides(side["model"], _settings(side, found["equal"])))
                for side in found["sides"]
            ],
        }
        for found in contents()["experiments"]
    }


def _settings(side: dict[str, Any], equal: dict[str, float]) -> dict[str, float]:
    offered = controls_of(configuration(side["model"]))
    return {path: value for path, value in equal.items() if path in offered} | side.get("settings", {})
