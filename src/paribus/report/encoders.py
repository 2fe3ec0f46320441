"""Through which encoders a study's images were seen: their names in words, and what a second one says of the models.

The first encoder speaks for every run. Another one's numbers are never in one mean or ranking with them: they are put
into a study of their own, which is then read like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

from paribus.base.wording import count, listed
from paribus.report.tables import Leaderboard, leaderboard
from paribus.results.comparison import comparison, obstacles, ordered, primary_metric
from paribus.results.run import RunResult
from paribus.results.score import EncoderRecord, Score
from paribus.results.study import StudyResult
from paribus.results.words import accuracy_words, encoder_words


@dataclass(frozen=True)
class OrderChange:
    """A metric by which two encoders rank the models differently.

    Args:
        label: The metric in words.
        orders: The models, the best mean first, through the first encoder and through the other.
        firm: Pairs that change places by more than their seeds scatter through either.
    """

    label: str
    orders: tuple[list[str], list[str]]
    firm: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EncoderAgreement:
    """Whether another encoder ranks the models as the first one does, metric by metric.

    Args:
        first: The encoder that speaks for the runs.
        other: The one beside it.
        same: Labels of metrics by which the models stand in the same order.
        changes: Those by which they do not.
        unlike: Labels of metrics for which not all runs were measured alike.
    """

    first: str
    other: str
    same: tuple[str, ...]
    changes: tuple[OrderChange, ...]
    unlike: tuple[str, ...]

    @property
    def words(self) -> str:
        """All of it in sentences; empty where there is nothing to rank."""
        order = "the models stand in the same order through both encoders"
        text = [f"Ranked by mean {listed(self.same)} {order}."] if self.same else []
        text += [sentence for change in self.changes for sentence in self.of(change)]
        if self.unlike:
            label = listed(self.unlike)
            text.append(f"Whether it ranks them alike by {label} cannot be said: not all runs were measured alike.")
        return " ".join(text)

    def of(self, change: OrderChange) -> tuple[str, str]:
        """A change in two sentences: both orders, and what the seeds say of it."""
        first, second = (", ".join(order) for order in change.orders)
        text = (
            f"Ranked by mean {change.label} the models' order is not the same through both encoders: "
            f"{first} through {self.first}; {second} through {self.other}."
        )
        if not change.firm:
            return text, "No two models that change places are told apart by their seeds through both."
        pairs = [f"{a} with {b}" for a, b in change.firm[:6]]
        pairs += [f"{len(change.firm) - 6} more"] if len(change.firm) > 6 else []
        firm = f"By more than their seeds scatter change places: {listed(pairs)}."
        return text, f"{firm} Which is better depends on the view."


@dataclass(frozen=True)
class EncoderView:
    """What another encoder says: what it is, its table, and whether it ranks the models as the first one does."""

    words: str
    board: Leaderboard
    ranking: str


def seen_through(study: StudyResult, encoder: str) -> StudyResult:
    """The same runs with nothing but what another encoder measured of their last weights."""
    return replace(study, runs=tuple(_seen_through(run, encoder) for run in study.runs))


def _seen_through(run: RunResult, encoder: str) -> RunResult:
    """Without what other encoders say, and without costs, which no encoder sees."""
    return RunResult(
        run.model, run.seed, run.status, run.reason, run.others.get(encoder, {}), size=run.size, folder=run.folder
    )


def other_encoders(study: StudyResult) -> list[str]:
    """Every encoder but the first, in the configured order."""
    return list(dict.fromkeys(encoder for run in study.runs for encoder in run.others))


def other_views(study: StudyResult) -> list[EncoderView]:
    """A view for each encoder but the first."""
    views = []
    for encoder in other_encoders(study):
        other = seen_through(study, encoder)
        board = leaderboard(other, primary_metric(other))
        records = (score.encoder for score in _scores(study) if score.encoder and score.encoder.id == encoder)
        words = next(map(encoder_words, records), encoder)
        views.append(EncoderView(words, board, agreement(study, encoder).words))
    return views


def agreement(study: StudyResult, encoder: str) -> EncoderAgreement:
    """Holds the models' order by each ranked metric through the first encoder against that through another."""
    other = seen_through(study, encoder)
    same, changes, unlike = [], [], []
    leading: EncoderRecord | None = None
    for metric in () if study.single else (m for m in study.quality_metrics if study.metric(m).better):
        places, label = ordered(other, metric), study.metric(metric).label
        first = [model for model in ordered(study, metric) if model in places]
        second = [model for model in places if model in first]
        if len(first) < 2:
            continue
        leading = leading or next(iter(main_encoders(study, (metric,))), None)
        against = [obstacle.field for obstacle in (*obstacles(study, metric), *obstacles(other, metric))]
        if "fitted" in against:
            continue  # it ranks nothing
        if against:
            unlike.append(label)
        elif first == second:
            same.append(label)
        else:
            swapped = ((a, b) for a, b in combinations(first, 2) if second.index(a) > second.index(b))
            by_first, by_other = comparison(study, metric), comparison(other, metric)
            firm = ((a, b) for a, b in swapped if by_first.beats(a, b) and by_other.beats(b, a))
            changes.append(OrderChange(label, (first, second), tuple(firm)))
    first_name = leading.id if leading else "the first encoder"
    return EncoderAgreement(first_name, encoder, tuple(same), tuple(changes), tuple(unlike))


def main_encoders(study: StudyResult, metrics: Iterable[str] | None = None) -> list[EncoderRecord]:
    """The encoders behind the runs' own scores of some metrics, or of all."""
    wanted = None if metrics is None else set(metrics)
    found = (s.encoder for run in study.runs for m, s in run.scores.items() if wanted is None or m in wanted)
    return list(dict.fromkeys(encoder for encoder in found if encoder))


def encoder_facts(study: StudyResult) -> list[str]:
    """Each encoder with its accuracy, how many images it saw, and which split they were held against."""
    found: dict[str, None] = {}
    for score in _scores(study):
        if score.encoder:
            accuracy = score.encoder.accuracy
            known = f" ({accuracy_words(accuracy)} test accuracy)" if accuracy is not None else ""
            images = f", {count(score.n)} images" if score.n else ""
            split = f" against the {score.split} split" if score.split else ""
            found[f"{score.encoder.id}{known}{images}{split}"] = None
    return list(found)


def caption(study: StudyResult) -> str:
    """The leaderboard's sentence on its encoders; empty where none was used."""
    # what has a floor compares sets of images: real ones can stand in the samples' place
    comparing = main_encoders(study, (name for name in study.measured if study.metric(name).floor))
    reading = [encoder for encoder in main_encoders(study) if encoder not in comparing]
    parts = (("Images are compared through", comparing), ("Classes are read by", reading))
    return " ".join(f"{text} {listed(list(map(encoder_words, of)))}." for text, of in parts if of)


def _scores(study: StudyResult) -> Iterable[Score]:
    tables = (table for run in study.runs for table in (run.scores, run.best, *run.others.values()))
    return (score for table in tables for score in table.values())
