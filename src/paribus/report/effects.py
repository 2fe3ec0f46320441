"""What each axis of a study does by itself, where it has several axes."""

from __future__ import annotations

from dataclasses import dataclass

from paribus.report.comparison import protocols_agree
from paribus.report.contents import Metric, Study
from paribus.report.wording import listed, number
from paribus.results.statistics import Effect, main_effects
from paribus.results.statistics.effects import Measured


@dataclass(frozen=True)
class EffectTable:
    """Lines of (axis, value, effect, interval), and the seeds that had to be left out, in words."""

    metric: Metric
    lines: tuple[tuple[str, str, str, str], ...]
    left_out: str


def effects(study: Study, metric: str) -> list[Effect]:
    """The main effects of a metric; none with fewer than two axes of several values, where the means say it all."""
    rows: list[Measured] = [
        {"axes": run.extra["axes"], "seed": run.seed, "value": run.value(metric) if run.status == "done" else None}
        for run in study.runs
        if run.extra.get("axes")
    ]
    found = main_effects(rows)
    return found if len({effect.axis for effect in found}) > 1 else []


def effect_table(study: Study, metric: str | None) -> EffectTable | None:
    """The main effects in words; None where there are none, or the runs were not measured alike."""
    if metric is None or not protocols_agree(study, metric):
        return None
    found = effects(study, metric)
    if not found:
        return None
    lines = tuple((effect.axis, str(effect.level), _signed(effect.effect.mean), _interval(effect)) for effect in found)
    seeds = found[0].left_out
    seeds_words = f"{'seed' if len(seeds) == 1 else 'seeds'} {listed([str(seed) for seed in seeds])}"
    left_out = f"Left out, since some combination has no value there: {seeds_words}."
    return EffectTable(study.metric(metric), lines, left_out if seeds else "")


def _signed(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)


def _interval(effect: Effect) -> str:
    low, high = effect.effect.low, effect.effect.high
    return "one seed" if low is None or high is None else f"{_signed(low)} to {_signed(high)}"
