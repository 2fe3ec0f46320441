"""What can be trained on points: models, their settings and their bounds, from laboratory.yaml."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml

from paribus.config import RunConfig
from paribus.errors import ParibusError, did_you_mean
from paribus.overrides import leaves, merged
from paribus.recipes import model_names, resolve
from paribus.settings import ImageShape

POINT = ImageShape(channels=2, size=1)
"""A point (x, y) as an image."""


@cache
def contents() -> dict[str, Any]:
    """Everything in laboratory.yaml."""
    return yaml.safe_load((resources.files(__package__) / "laboratory.yaml").read_text())


def laboratory_models() -> tuple[str, ...]:
    """Names of all models that points can be trained with."""
    return tuple(contents()["models"])


def configuration(model: str, *, seed: int = 0, overrides: list[str] | tuple[str, ...] = ()) -> RunConfig:
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
    _check(config)
    return config


def _check(config: RunConfig) -> None:
    if config.objective.conditional:
        raise ParibusError("Points have no classes.", where="objective.conditional", got=True, expected="false")
    if config.backbone.name != "mlp":
        raise ParibusError(
            "Points have no pixels beside each other.",
            where="backbone.name",
            got=config.backbone.name,
            expected="mlp",
        )


def _unfit(model: str) -> ParibusError:
    names = laboratory_models()
    if model not in model_names():
        what = f"Unknown model '{model}'.{did_you_mean(model, names)}"
    else:
        objective = resolve(model).objective
        reason = (
            "points have no classes that it could be told"
            if objective.conditional
            else f"it is the objective '{objective.name}' on networks for images"
        )
        what = f"The model '{model}' is not for points: {reason}."
    return ParibusError(what, where="model", got=model, expected=", ".join(names))


def controls_of(config: RunConfig) -> dict[str, dict[str, Any]]:
    """The settings of a model that the page offers, by path: label, low, high, scale and value."""
    found = contents()
    rates = [f"training.optimizer.{role}.learning_rate" for role in config.training.optimizer]
    paths = [*rates, *found["common_controls"], *found["models"][config.model]["controls"]]
    values = dict(leaves(config.tree()))
    return {path: found["controls"][path] | {"value": values[path]} for path in paths}
