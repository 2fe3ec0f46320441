"""What a tuning is to do, and the studies that follow from it: one whose runs are the trials, one of the winners."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from paribus.base.errors import ParibusError
from paribus.config import Settings, validated
from paribus.config.overrides import merged, with_override
from paribus.evaluation.measures import metrics
from paribus.recipes import RunConfig, resolve
from paribus.results.metric import Metric
from paribus.studies.plan import Plan
from paribus.studies.variants import variants
from paribus.tuning.space import Dimension, read_space

TRIALS = 20
"""Where neither the user nor a grid says how many."""
SNAPSHOTS = ["1/8", "1/4", "1/2"]
"""When a trial may be given up: shares of its budget."""
AFTERWARDS = ("seeds", "final_budget", "top")
"""What concerns the winners alone: it may change when a tuning is carried on."""


class TuningPlan(Settings):
    """The content of a TUNE.yaml."""

    name: str = Field("tune", min_length=1)
    """The tuning's name, and that of its folder under runs/; by default the file's."""
    model: str
    """A preset."""
    data: dict[str, Any] = Field(default_factory=lambda: {"name": "digits"})
    """What --data takes, or a group of settings: {name: mnist, size: 16}."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Part of the configuration tree for every run, over the preset's."""
    search: dict[str, list[Any] | str] = Field(default_factory=dict)
    """A range or a list of choices by path: {objective.latent_dim: 8..64, backbone.width: [32, 64]}."""
    trials: int | None = Field(None, ge=1)
    """How many settings are tried: 20, or all of a grid."""
    budget: str | float | None = None
    """Of each trial; by default the preset's."""
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    """tpe: settings near good ones are tried more often; random; grid: every combination."""
    metric: str = "frechet"
    """What the trials are scored by."""
    pruner: Literal["none", "median"] = "none"
    """median: a trial that is worse than the median of earlier ones at the same share of the budget is given up."""
    seed: int = Field(0, ge=0)
    """Of every trial, and of the search."""
    seeds: int | list[int] = 3
    """Of the winners' runs: how many, or which; never that of the trials."""
    final_budget: str | float | None = None
    """Of the winners' runs; by default that of the trials."""
    top: int = Field(3, ge=0)
    """How many of the best settings are carried out again; 0 leaves it at the trials."""
    evaluation: dict[str, Any] = Field(default_factory=dict)
    """How every run is scored: {samples: 2000, encoder: pixels}."""

    @field_validator("data", mode="before")
    @classmethod
    def _group(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def space(self) -> tuple[Dimension, ...]:
        """What is searched."""
        return read_space(self.search)

    @property
    def count(self) -> int:
        """How many settings are tried."""
        return self.trials or (math.prod(map(len, self.grid.values())) if self.grid else TRIALS)

    @property
    def grid(self) -> dict[str, list[Any]]:
        """The values by path of a grid, as Optuna stores them; empty for other samplers.

        Raises:
            ParibusError: A range has no step.
        """
        return {dimension.path: _values(dimension) for dimension in self.space} if self.sampler == "grid" else {}

    @property
    def scored_by(self) -> Metric:
        """The metric."""
        return metrics()[self.metric]

    @property
    def fresh_seeds(self) -> list[int]:
        """The seeds of the winners' runs."""
        if isinstance(self.seeds, list):
            return self.seeds
        return [seed for seed in range(self.seeds + 1) if seed != self.seed][: self.seeds]

    def trial(self, point: Mapping[str, Any]) -> RunConfig:
        """The configuration of a trial: scored by the one metric on images that were held out of the training split.

        Raises:
            ParibusError: The point's values are no configuration; named by their place in the search.
        """
        pruned = {"snapshots": SNAPSHOTS, "keep_snapshots": None}  # they are counted: none may vanish
        snapshots = pruned if self.pruner == "median" else {"snapshots": []}
        plan = self._study(
            settings={"trial": dict(point)},
            seeds=[self.seed],
            overrides=merged(self.overrides, {"training": snapshots}),
            budget=self._budget,
            evaluation=merged(self.evaluation, {"split": "validation", "metrics": [self.metric]}),
        )
        try:
            [variant] = variants(plan)
        except ParibusError as error:
            raise error.at((error.where or "").replace("settings.trial.", "search.")) from None
        return variant.config.model_copy(update={"seed": self.seed})

    def winners(self, points: Mapping[str, Mapping[str, Any]]) -> Plan:
        """The study of the named points beside the defaults, on fresh seeds, at the full budget, on the test split."""
        tried = {"tuning.trials": self.count}
        return self._study(
            settings={"defaults": {}, **{name: dict(point) | tried for name, point in points.items()}},
            seeds=self.fresh_seeds,
            overrides=self.overrides,
            budget=self.final_budget or self._budget,
            evaluation=merged(self.evaluation, {"split": "test"}),
        )

    @property
    def _budget(self) -> str | float:
        return self.budget or str(resolve(self.model).training.budget)

    def _study(self, **parts: Any) -> Plan:
        common = {"name": self.name, "model": self.model, "data": self.data}
        plan: Plan = validated(Plan, common | parts)
        return plan


def _values(dimension: Dimension) -> list[Any]:
    values = dimension.grid()
    if values is None:
        raise ParibusError(
            "A grid needs a step or a list of choices for everything that is searched.",
            where=f"search.{dimension.path}",
            expected="LOW..HIGH step SIZE, or [A, B, ...]",
            fix="add a step, or use --sampler random or tpe",
        )
    return values


def tuning_plan(tree: dict[str, Any], overrides: Sequence[str]) -> TuningPlan:
    """A plan from plain values and `key.path=value` texts; by default named after the model and the data.

    Raises:
        ParibusError: Something in it is unknown or has a wrong value.
    """
    for override in overrides:
        tree = tree | {"overrides": with_override(tree.get("overrides") or {}, override)}
    plan: TuningPlan = validated(TuningPlan, tree)
    name = f"tune-{plan.model}-{Path(plan.data.get('name', 'digits')).name}"
    return plan if "name" in tree else plan.model_copy(update={"name": name})
