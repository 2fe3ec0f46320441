"""Through which encoders a study's images were seen: their names in words, and what a second one says of the models.

The first encoder speaks for every run. Another one's numbers are never in one mean or ranking with them: they are put
into a study of their own, which is then read like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations

from paribus.report.comparison import ordered, protocols_agree, separated
from paribus.report.contents import Run, Score, Study
from paribus.report.tables import QUALITY, Leaderboard, leaderboard
from paribus.report.verdict import primary_metric
from paribus.report.wording import NARROW, count, listed

ACCURACY = re.compile(r"classes by a classifier of ([\d.]+)\s*% test accuracy")
COMPARING = (
    "frechet", "frechet_infinity", "kid", "mind", "precision", "recall", "density", "coverage", "copying",
    "authenticity", "diversity", "frechet_within_classes",
)  # fmt: skip
"""Metrics that compare sets of images, each through one encoder."""


@dataclass(frozen=True)
class Change:
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
class Ranking:
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
    changes: tuple[Change, ...]
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

    def of(self, change: Change) -> tuple[str, str]:
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
class View:
    """What another encoder says: its name, its table, and whether it ranks the models as the first one does."""

    encoder: str
    words: str
    board: Leaderboard
    ranking: str


def seen_through(study: Study, encoder: str) -> Study:
    """The same runs with nothing but what another encoder measured of their last weights."""
    runs = (
        replace(r, scores=r.others.get(encoder, {}), best={}, best_is_last=False, seconds=None, parameters={}, extra={})
        for r in study.runs
    )
    return replace(study, runs=tuple(runs), summaries={})


def other_encoders(study: Study) -> list[str]:
    """Every encoder but the first, in the configured order."""
    return list(dict.fromkeys(encoder for run in study.runs for encoder in run.others))


def other_views(study: Study) -> list[View]:
    """A view for each encoder but the first."""
    views = []
    for encoder in other_encoders(study):
        other = seen_through(study, encoder)
        board = leaderboard(other, primary_metric(other)[0])
        views.append(View(encoder, described(study, encoder), board, ranking(study, encoder).words))
    return views


def ranking(study: Study, encoder: str) -> Ranking:
    """Holds the models' order by each ranked metric through the first encoder against that through another."""
    other = seen_through(study, encoder)
    same, changes, unlike, leading = [], [], [], ""
    for metric in () if study.single else (m for m in QUALITY if study.metric(m).better):
        places, label = ordered(other, metric), study.metric(metric).label
        first = [model for model in ordered(study, metric) if model in places]
        second = [model for model in places if model in first]
        if len(first) < 2:
            continue
        leading = leading or next(iter(main_encoders(study, (metric,))), "the first encoder")
        if not (protocols_agree(study, metric) and protocols_agree(other, metric)):
            unlike.append(label)
        elif first == second:
            same.append(label)
        else:
            swapped = ((a, b) for a, b in combinations(first, 2) if second.index(a) > second.index(b))
            firm = ((a, b) for a, b in swapped if separated(study, metric, a, b) and separated(other, metric, b, a))
            changes.append(Change(label, (first, second), tuple(firm)))
    return Ranking(leading, encoder, tuple(same), tuple(changes), tuple(unlike))


def main_encoders(study: Study, metrics: Iterable[str] | None = None) -> list[str]:
    """The encoders behind the runs' own scores of some metrics, or of all."""
    wanted = None if metrics is None else set(metrics)
    found = (s.encoder for run in study.runs for m, s in run.scores.items() if wanted is None or m in wanted)
    return list(dict.fromkeys(encoder for encoder in found if encoder))


def accuracy(study: Study, encoder: str) -> str:
    """A classifier's test accuracy, such as "98.9 %", from the protocol of the class scores; empty if unknown."""
    protocols = (score.protocol for score in _scores(study) if score.encoder == encoder)
    found = next((match for text in protocols if (match := ACCURACY.search(text))), None)
    return f"{found[1]}{NARROW}%" if found else ""


def described(study: Study, encoder: str) -> str:
    """What an encoder is, as a sentence goes on: "classifier-3f9a, a classifier of 98.9 % test accuracy"."""
    if known := accuracy(study, encoder):
        return f"{encoder}, a classifier of {known} test accuracy"
    kinds = {
        "classifier": "a classifier of the data's own classes",
        "self": "filters learned from the images themselves",
        "pixels": "the pixels' principal components",
        "inception": "a layer of the network behind the FID",
    }
    kind = kinds.get(encoder.partition("-")[0])
    return f"{encoder}, {kind}" if kind else encoder


def encoder_facts(study: Study) -> list[str]:
    """Each encoder with its accuracy, how many images it saw, and which split they were held against."""
    found: dict[str, None] = {}
    accuracies = {encoder: accuracy(study, encoder) for encoder in {s.encoder for s in _scores(study)} if encoder}
    for score in _scores(study):
        if score.encoder:
            known = accuracies[score.encoder]
            images = f", {count(score.n)} images" if score.n else ""
            split = f" against the {score.split} split" if score.split else ""
            found[f"{score.encoder}{f' ({known} test accuracy)' if known else ''}{images}{split}"] = None
    return list(found)


def caption(study: Study) -> str:
    """The leaderboard's sentence on its encoders; empty where none was used."""
    by = [described(study, name) for name in main_encoders(study, COMPARING)]
    others = [described(study, name) for name in main_encoders(study) if name not in main_encoders(study, COMPARING)]
    text = f"Images are compared through {listed(by)}." if by else ""
    return " ".join(part for part in (text, f"Classes are read by {listed(others)}." if others else "") if part)


def _scores(study: Study) -> Iterable[Score]:
    def of(run: Run) -> Iterable[dict[str, Score]]:
        return (run.scores, run.best, *run.others.values())

    return (score for run in study.runs for table in of(run) for score in table.values())
