"""How steady a model's result is: of a study's runs together, where all other measures are of one model."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import override

from paribus.base.registry import measures
from paribus.evaluation.context import Context
from paribus.evaluation.measures.base import Measure
from paribus.results.metric import Metric
from paribus.results.score import Fact, Score


@measures.register("steadiness")
class Steadiness(Measure):
    """The words of what a study's results say of its seeds and snapshots."""

    metrics = (
        Metric(
            name="seed_spread",
            label="Spread over seeds",
            unit="× mean",
            direction="lower",
            meaning="Standard deviation over a model's seeds of the metric that a study ranks by, over their mean: how "
            "much of the result is the seed's.",
            comparable="Comparable only when metric, encoder, reference split, number of samples and budget agree; of "
            "few seeds it is itself uncertain.",
            section="steadiness",
        ),
        Metric(
            name="snapshot_spread",
            label="Spread over snapshots",
            unit="× mean",
            direction="lower",
            meaning="Standard deviation of a run's snapshots from about half its budget on, by KID on validation "
            "images, over their mean, averaged over seeds: how far quality still moves, for better or worse.",
            comparable="Comparable only when encoder, validation images, budget and the snapshots' places in it agree.",
            section="steadiness",
        ),
        Metric(
            name="failed_seeds",
            label="Failed seeds",
            direction="lower",
            meaning="Share of a model's seeds whose training failed, as when a loss diverged, of those that came to an "
            "end.",
            comparable="Comparable only when budget and number of seeds agree.",
            section="steadiness",
        ),
    )
    order = 120

    @override
    def lacks(self, context: Context) -> Fact | None:
        return Fact(code="measured_over_a_study")

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        yield from ()
