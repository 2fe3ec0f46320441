"""All measures: what each metric means, and which of them an evaluation takes.

A measure is one family of metrics, registered in a file of its own: here, or anywhere that is imported.
"""

from __future__ import annotations

from paribus.base.registry import measures as registry
from paribus.config import EvaluationSettings
from paribus.evaluation.context import DEFAULT
from paribus.evaluation.encoding import check_known
from paribus.evaluation.measures.base import Measure
from paribus.evaluation.usual_names import refuse_usual_name
from paribus.results.metric import Metric

_LAST = {"floor": 1, "latents": 2}  # sections whose metrics stand after all others


def all_measures() -> dict[str, Measure]:
    """Every measure by its registered name, in their order."""
    found: dict[str, Measure] = {name: registry[name]() for name in registry}
    return dict(sorted(found.items(), key=lambda pair: (pair[1].order, pair[0])))


def metrics() -> dict[str, Metric]:
    """The words of every metric by its name, in the order of lists.

    Raises:
        ValueError: Two measures have a metric of the same name.
    """
    given = [metric for measure in all_measures().values() for metric in measure.metrics]
    names = [metric.name for metric in given]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"metrics of two measures: {', '.join(sorted(twice))}")
    return {metric.name: metric for metric in sorted(given, key=lambda metric: _LAST.get(metric.section, 0))}


def wanted_metrics(settings: EvaluationSettings) -> tuple[str, ...]:
    """Names of the metrics that are wanted.

    Raises:
        ParibusError: One is unknown.
    """
    known = metrics()
    for name in settings.metrics or ():
        if name not in known:
            refuse_usual_name(name)
    aliases = {alias: name for measure in all_measures().values() for alias, name in measure.aliases.items()}
    wanted: dict[str, None] = {}
    for name in settings.metrics or [DEFAULT]:
        check_known(name, (*known, *aliases, DEFAULT), "metric")
        own = [metric.name for metric in known.values() if metric.by_default] if name == DEFAULT else [name]
        wanted |= dict.fromkeys(aliases.get(metric, metric) for metric in own)
    return tuple(wanted)
