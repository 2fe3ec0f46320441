"""What is wrong with a tuning is found before anything is started or written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from paribus.base.errors import ParibusError, did_you_mean
from paribus.config import Budget
from paribus.data import ImageData
from paribus.evaluation import evaluate
from paribus.evaluation.measures import metrics
from paribus.evaluation.measures.costs import DONE
from paribus.models import Model, build_networks
from paribus.recipes import RunConfig
from paribus.results.protocol import Protocol
from paribus.training.loop import check
from paribus.tuning.plan import TuningPlan
from paribus.tuning.scoring import only


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
    if not plan.fresh_seeds or plan.seed in plan.fresh_seeds:
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


def check_space(plan: TuningPlan, data: ImageData) -> None:
    """Builds a model at both ends of every range and for every choice.

    Raises:
        ParibusError: One of them is no configuration.
    """

    def build(point: Mapping[str, Any]) -> None:
        config = plan.trial(point)
        check(config, build_networks(config, data.shape))

    build({})
    first = {dimension.path: dimension.probes()[0] for dimension in plan.space}
    for dimension in plan.space:
        for value in dimension.probes():
            try:
                build(first | {dimension.path: value})
            except ParibusError as error:
                where = error.where or ""
                raise error.at(where if where.startswith("search.") else f"search.{dimension.path}") from None


def check_score(plan: TuningPlan, config: RunConfig, data: ImageData) -> None:
    """Finds out before the first trial, by scoring a model without training, whether the metric is to be had.

    Raises:
        ParibusError: It does not apply to the model or the data, or no images are held out.
    """
    metric = plan.scored_by
    model = Model(config, build_networks(config, data.shape), data.shape, data.class_names)
    score = only(evaluate(model, data, config.evaluation), metric)
    if score.value is None and score.protocol == Protocol():
        raise ParibusError(
            f"Trials of '{config.model}' cannot be scored by '{metric.name}'.",
            where="metric",
            got=", ".join(warning.code for warning in score.warnings),
            fix="choose another one: 'paribus list metrics' explains each",
        )
