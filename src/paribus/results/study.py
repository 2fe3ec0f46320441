"""What a study gave: its runs, the words of their metrics, and what was held equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from paribus.results.metric import Metric
from paribus.results.pairs import Comparison
from paribus.results.run import DataRecord, Machine, RunResult
from paribus.results.score import Fact, Score
from paribus.results.statistics import Summary, summary


@dataclass(frozen=True)
class StudyResult:
    """Everything that is known of a study apart from pictures and curves, which stay in the runs' folders.

    Attributes:
        name: Its name.
        runs: By model and seed.
        models: What is compared, in the order of the study.
        metrics: The words of the metrics that were measured, by name.
        single: Whether it is one run alone.
        created: When it began.
        command: What was typed.
        budget: Of each run.
        data: What it was trained on.
        seeds: Of each model.
        threads: Of each run.
        machine: What the study was run on.
        equal: What was held equal.
        varied: What was not.
        path: Its folder, if it has one.
    """

    name: str
    runs: tuple[RunResult, ...]
    models: tuple[str, ...]
    metrics: dict[str, Metric]
    single: bool = False
    created: str = ""
    command: str = ""
    budget: str = ""
    data: DataRecord = field(default_factory=DataRecord)
    seeds: tuple[int, ...] = ()
    threads: int | None = None
    machine: Machine = field(default_factory=Machine)
    equal: tuple[Fact, ...] = ()
    varied: tuple[Fact, ...] = ()
    path: Path | None = None
    kept_comparisons: dict[str, Comparison] = field(default_factory=dict, init=False, repr=False, compare=False)
    """By metric, kept by `comparison`: a page asks for the same one many times."""

    @property
    def data_name(self) -> str:
        """The data's name, short enough for a sentence."""
        name = self.data.name or "unnamed data"
        is_path = name.startswith(("/", "./", "../", "~"))  # of a folder of images
        return Path(name).name if is_path else name

    @property
    def done(self) -> tuple[RunResult, ...]:
        """The runs that ended well."""
        return tuple(run for run in self.runs if run.status == "done")

    def of(self, model: str) -> tuple[RunResult, ...]:
        """A model's runs, by seed."""
        return tuple(run for run in self.runs if run.model == model)

    def scores(self, model: str, metric: str, *, best: bool = False) -> list[Score]:
        """A metric's scores that have a value, of a model's finished seeds, of the last or of the best weights."""
        tables = (run.chosen if best else run.scores for run in self.of(model) if run.status == "done")
        return [table[metric] for table in tables if metric in table and table[metric].value is not None]

    def values(self, model: str, metric: str, *, best: bool = False) -> list[float]:
        """The values of the same."""
        return [score.value for score in self.scores(model, metric, best=best) if score.value is not None]

    def summary(self, model: str, metric: str, *, best: bool = False) -> Summary | None:
        """Mean and interval over seeds.

        None where the seeds were measured through different encoders: numbers of two encoders have no mean.
        """
        if self.has_several_encoders(model, metric, best=best):
            return None
        values = self.values(model, metric, best=best)
        return summary(values) if values else None

    def has_several_encoders(self, model: str, metric: str, *, best: bool = False) -> bool:
        """Whether a model's seeds were measured through different encoders."""
        return len({score.encoder for score in self.scores(model, metric, best=best)}) > 1

    def metric(self, name: str) -> Metric:
        """A metric in words, also where the study does not describe it."""
        return self.metrics.get(name) or Metric(name=name, label=name.replace("_", " "))

    @property
    def shown_live(self) -> list[RunResult]:
        """The first finished run of each model, by seed: those whose decoders a page may hold."""
        found = {run.model: run for run in reversed(self.done) if run.folder}
        return [found[model] for model in self.models if model in found]

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that any run has, through the first encoder, in the order of their words."""
        found = dict.fromkeys(name for run in self.runs for name in (*run.scores, *run.best))
        return tuple([name for name in self.metrics if name in found] + [n for n in found if n not in self.metrics])

    @property
    def ranking_metrics(self) -> tuple[str, ...]:
        """The metrics that a study may be ranked by, the first choice first."""
        ranks = {name: metric.ranks for name, metric in self.metrics.items() if metric.ranks is not None}
        return tuple(sorted(ranks, key=lambda name: ranks[name] or 0))

    @property
    def quality_metrics(self) -> tuple[str, ...]:
        """The metrics of a leaderboard that say how good a model is, in their places."""
        return self._placed(lambda metric: metric.section == "leaderboard")

    @property
    def cost_metrics(self) -> tuple[str, ...]:
        """The costs that a leaderboard shows beside them."""
        return self._placed(lambda metric: metric.section == "cost" and metric.place > 0)

    def _placed(self, wanted: Callable[[Metric], bool]) -> tuple[str, ...]:
        found = (metric for metric in self.metrics.values() if wanted(metric))
        return tuple(metric.name for metric in sorted(found, key=lambda metric: metric.place))


def models_of(runs: Iterable[RunResult]) -> tuple[str, ...]:
    """The models of some runs, in their order."""
    return tuple(dict.fromkeys(run.model for run in runs))
