"""What a tuning is to do, and the studies that follow from it: one whose runs are the trials, one of the winners.

What is wrong with it is found before anything is started or written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from paribus.base.errors import ParibusError, did_you_mean
from paribus.base.names import fitted_name
from paribus.base.places import last_part
from paribus.config import Budget, DataSettings, PlainName, Settings, validated
from paribus.config.overrides import merged, with_override
from paribus.config.seeds import Seeds, seed_list
from paribus.data import ImageData
from paribus.evaluation import evaluate
from paribus.evaluation.measures import metrics
from paribus.evaluation.measures.costs import DONE
from paribus.models import Model, build_networks
from paribus.recipes import RunConfig, resolve
from paribus.results.metric import Metric
from paribus.results.protocol import Protocol
from paribus.results.score import Score
from paribus.results.words import fact_words
from paribus.studies.plan import DataField, StudyPlan, study_runs
from paribus.training.loop import prepare
from paribus.tuning.space import Dimension, read_space

TRIALS = 20
"""Where neither the user nor a grid says how many."""
SNAPSHOTS = ["1/8", "1/4", "1/2"]
"""When a trial may be given up: shares of its budget."""
AFTERWARDS = ("seeds", "final_budget", "top")
"""What concerns the winners alone: it may change when a tuning is resumed."""


class TuningPlan(Settings):
    """The content of a TUNE.yaml."""

    name: PlainName = "tune"
    """The tuning's name, and that of its folder under runs/; by default the file's."""
    model: str
    """A preset."""
    data: DataField = DataSettings(name="digits")
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
    seeds: Seeds = 3
    """Of the winners' runs; a number: how many, from 0 on without that of the trials; a list: which."""
    final_budget: str | float | None = None
    """Of the winners' runs; by default that of the trials."""
    top: int = Field(3, ge=0)
    """How many of the best settings are run on fresh seeds; 0 leaves it at the trials."""
    evaluation: dict[str, Any] = Field(default_factory=dict)
    """How every run is scored: {samples: 2000, encoder: pixels}."""

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
        return seed_list(self.seeds, besides=self.seed)

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
            [run] = study_runs(plan, Path())
        except ParibusError as error:
            match (error.where or "").split("."):  # a path in that plan
                case ["settings", "trial", *path]:
                    raise error.at(".".join(["search", *path])) from None
            raise
        return run.config

    def winners(self, points: Mapping[str, Mapping[str, Any]]) -> StudyPlan:
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

    def _study(self, **parts: Any) -> StudyPlan:
        common = {"name": self.name, "model": self.model, "data": self.data}
        plan: StudyPlan = validated(StudyPlan, common | parts)
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
    name = fitted_name(f"tune-{plan.model}-{last_part(plan.data.name)}")
    return plan if "name" in tree else plan.model_copy(update={"name": name})


def check_plan(plan: TuningPlan) -> None:
    """Finds what is wrong with a plan by itself, before images are loaded.

    Raises:
        ParibusError: Something is.
    """
    points = math.prod(map(len, plan.grid.values()))
    if plan.grid and plan.count != points:
        raise ParibusError(
            "A grid is tried as a whole.",
            where="trials",
            got=plan.trials,
            expected=f"{points:,}, the number of combinations",
            fix="leave the number of trials out, or use --sampler random",
        )
    _check_metric(plan.metric)
    if plan.seed in plan.fresh_seeds:
        raise ParibusError(
            "The winners need seeds that the trials did not have: the best trial's score owes something to its seed.",
            where="seeds",
            got=plan.seeds,
            expected=f"how many, such as 3, or a list without {plan.seed}",
        )
    budget = Budget.parse(str(plan.trial({}).training.budget))
    if budget.is_timed and plan.pruner != "none":
        raise ParibusError(
            "Trials with a budget in seconds cannot be judged on the way: that takes time away from their training.",
            where="pruner",
            got=plan.pruner,
            fix="use --pruner none, or give the budget in images (200kimg) or epochs",
        )
    plan.winners({})


def _check_metric(metric: str) -> None:
    usable = [name for name, words in metrics().items() if words.direction != "none" and name not in DONE]
    if metric not in usable:
        raise ParibusError(
            f"Trials cannot be scored by '{metric}'.{did_you_mean(metric, usable)}",
            where="metric",
            got=metric,
            expected="a metric of a trained model that has a better side, such as frechet, kid or elbo",
            fix="'paribus list metrics' explains each",
        )


def score_by(metric: Metric, scores: Sequence[Score]) -> Score:
    """The metric's score by the first encoder, which ranks."""
    return next(score for score in scores if score.metric == metric.name)


def check_score(plan: TuningPlan, config: RunConfig, data: ImageData) -> None:
    """Finds out before the first trial, by scoring a model without training, whether the metric is available.

    Raises:
        ParibusError: It does not apply to the model or the data, or no images are held out.
    """
    model = Model(config, build_networks(config, data.shape), data.shape, data.class_names)
    score = score_by(plan.scored_by, evaluate(model, data, config.evaluation))
    if score.value is None and score.protocol == Protocol():
        raise ParibusError(
            f"Trials of '{config.model}' cannot be scored by '{plan.metric}'.",
            where="metric",
            got="; ".join(map(fact_words, score.warnings)),
            fix="choose another one: 'paribus list metrics' explains each",
        )


def check_space(plan: TuningPlan, data: ImageData) -> None:
    """Builds a model at both ends of every range and for every choice.

    Raises:
        ParibusError: One of them is no configuration.
    """

    def build(point: Mapping[str, Any]) -> None:
        prepare(plan.trial(point), data)

    build({})
    first = {dimension.path: dimension.probes()[0] for dimension in plan.space}
    for dimension in plan.space:
        for value in dimension.probes():
            try:
                build(first | {dimension.path: value})
            except ParibusError as error:
                if (error.where or "").split(".")[0] == "search":  # a path in this plan
                    raise
                raise error.at(f"search.{dimension.path}") from None
