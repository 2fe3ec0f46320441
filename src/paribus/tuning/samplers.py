"""What a trial tries: Optuna's samplers, seeded so that an interruption changes nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from optuna import Study
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from paribus.base.randomness import keyed_seed
from paribus.tuning.attempts import interruptions, place_of


class PlacedSampler(BaseSampler):
    """Draws every trial from a sampler of its own, made for the trial's place.

    So what a trial tries depends on its place and on the trials that were over before it, and not on how often the
    search was interrupted.
    """

    def __init__(self, sampler_at: Callable[[int], BaseSampler]) -> None:
        self._sampler_at, self._own = sampler_at, sampler_at(0)
        self.place = self.interruptions = 0

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Makes the trial's sampler."""
        self.place, self.interruptions = place_of(study, trial), interruptions(trial)
        self._own = self._sampler_at(self.place)
        self._own.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        """What is drawn together."""
        return self._own.infer_relative_search_space(study, trial)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]) -> dict[str, Any]:
        """Values that are drawn together."""
        return self._own.sample_relative(study, trial, search_space)

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any) -> Any:
        """A value that is drawn by itself."""
        return self._own.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """Tells the trial's sampler how it ended."""
        self._own.after_trial(study, trial, state, values)


def sampler_for(kind: str, seed: int, grid: Mapping[str, list[Any]]) -> PlacedSampler:
    """Optuna's sampler of a kind, seeded for each place; for "grid" the combination of that place.

    Optuna's own grid sampler may try a combination twice where several processes share a search.
    """

    def at(place: int) -> BaseSampler:
        own = keyed_seed("tuning", seed, place) % 2**32
        if kind == "tpe":
            return TPESampler(seed=own)
        if kind == "random":
            return RandomSampler(own)
        values = next(itertools.islice(itertools.product(*grid.values()), place, None), None)
        return PartialFixedSampler(dict(zip(grid, values, strict=True)) if values else {}, RandomSampler(own))

    return PlacedSampler(at)
