"""How trials are scored: by one metric, on images that were held out of the training split."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optuna import Trial

from paribus.base.errors import ParibusError
from paribus.data import ImageData
from paribus.evaluation import evaluate
from paribus.models import Model, build_networks, load_model
from paribus.models.samplers import fitted_sampler
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder
from paribus.results.metric import Metric
from paribus.results.protocol import Protocol
from paribus.results.score import Score
from paribus.results.words import fact_words


def score_of(run: RunFolder, metric: Metric) -> Score:
    """The score of a finished trial, as its evaluation.json has it."""
    return only(run.evaluation, metric)


@dataclass
class Snapshots:
    """What a trial's snapshots score while it is trained, and whether it is to be given up.

    Attributes:
        trial: Optuna's, whose pruner decides.
        run: Where it is trained.
        config: Its configuration.
        data: The images.
        metric: What it is scored by.
        hopeless: Whether it is to be given up.
    """

    trial: Trial
    run: RunFolder
    config: RunConfig
    data: ImageData
    metric: Metric
    hopeless: bool = False
    _reported: int = 0

    def look(self) -> bool:
        """Scores the snapshots that are new, in their order; returns whether the trial is to be given up."""
        for images in self.run.snapshots()[self._reported :]:
            if self.hopeless:
                break
            self.trial.report(self._shortfall(images), self._reported)
            self._reported += 1
            self.hopeless = self.trial.should_prune()
        return self.hopeless

    def _shortfall(self, images: int) -> float:
        model = load_model(self.run.path, weights=self.run.snapshot(images))
        model.sampler = fitted_sampler(model, self.data.train)
        value = only(evaluate(model, self.data, self.config.evaluation), self.metric).value
        return math.nan if value is None else self.metric.shortfall(value)


def only(scores: list[Score], metric: Metric) -> Score:
    """The metric's score by the first encoder, which ranks."""
    return next(score for score in scores if score.metric == metric.name)


def check_score(metric: Metric, config: RunConfig, data: ImageData) -> None:
    """Finds out before the first trial, by scoring a model without training, whether the metric is available.

    Raises:
        ParibusError: It does not apply to the model or the data, or no images are held out.
    """
    model = Model(config, build_networks(config, data.shape), data.shape, data.class_names)
    score = only(evaluate(model, data, config.evaluation), metric)
    if score.value is None and score.protocol == Protocol():
        raise ParibusError(
            f"Trials of '{config.model}' cannot be scored by '{metric.name}'.",
            where="metric",
            got="; ".join(map(fact_words, score.warnings)),
            fix="choose another one: 'paribus list metrics' explains each",
        )
