"""How steady a model's result is: of a study's runs together, where all other measures are of one model."""

from __future__ import annotations

from functools import partial

from paribus.base.registry import measures
from paribus.evaluation.measures.base import Measure
from paribus.results.metric import Metric

_metric = partial(Metric, section="steadiness")


@measures.register("steadiness")
class Steadiness(Measure):
    """The words of what a study's results say of its seeds and snapshots."""

    metrics = (
        _metric(
            name="seed_spread",
            label="Spread over seeds",
            unit="× mean",
            direction="lower",
            meaning="Standard deviation over a model's seeds of the metric that a study ranks by, over their mean: how "
            "much of the result is the seed's.",
            comparable="Comparable only when metric, encoder, reference split, number of samples and budget agree; of "
            "few seeds it is itself uncertain.",
        ),
        _metric(
            name="snapshot_spread",
            label="Spread over snapshots",
            unit="× mean",
            direction="lower",
            meaning="Standard deviation of a run's snapshots from about half its budget on, by KID on validation "
            "images, over their mean, averaged over seeds: how far quality still moves, for better or worse.",
            comparable="Comparable only when encoder, validation images, budget and the snapshots' places in it agree.",
        ),
        _metric(
            name="failed_seeds",
            label="Failed seeds",
            direction="lower",
            meaning="Share of a model's seeds whose training failed, as when a loss diverged, of those that came to an "
            "end.",
            comparable="Comparable only when budget and number of seeds agree.",
        ),
    )
    order = 120
    refused = ("measured_over_a_study",)
