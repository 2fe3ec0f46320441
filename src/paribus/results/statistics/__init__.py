"""What a few numbers per model allow to be said: intervals, tests, ranks, fronts. Pure functions of numbers."""

from paribus.results.statistics.effects import Effect, main_effects
from paribus.results.statistics.intervals import (
    Difference,
    Summary,
    difference,
    paired_difference,
    summary,
    welch_difference,
)
from paribus.results.statistics.pairs import Comparison, Pair, Sample, compared
from paribus.results.statistics.pareto import Front, pareto_front
from paribus.results.statistics.permutation import exchange_p, holm, least_p, sign_flip_p

__all__ = [
    "Comparison",
    "Difference",
    "Effect",
    "Front",
    "Pair",
    "Sample",
    "Summary",
    "compared",
    "difference",
    "exchange_p",
    "holm",
    "least_p",
    "main_effects",
    "paired_difference",
    "pareto_front",
    "sign_flip_p",
    "summary",
    "welch_difference",
]
