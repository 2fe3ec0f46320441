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
from paribus.report.tables import Leaderboard, leaderboard
from paribus.report.verdict import primary_metric
from paribus.report.wording import NARROW, count, listed

ACCURACY = re.compile(r"classes by a classifier of ([\d.]+)\s*% test accuracy")
RANKED_BY = "frechet"
COMPARING = (
    "frechet", "frechet_infinity", "kid", "mind", "precision", "recall", "density", "coverage", "copying",
    "authenticity", "diversity", "frechet_within_classes",
)  # fmt: skip
"""Metrics that compare sets of images, each through one encoder."""


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


def other_views(study: Study) -> list[View]:
    """A view for each encoder but the first, in the configured order."""
    views = []
    for encoder in dict.fromkeys(encoder for run in study.runs for encoder in run.others):
        other = seen_through(study, encoder)
        board = leaderboard(other, primary_metric(other)[0])
        views.append(View(encoder, described(study, encoder), board, _ranking(study, other, encoder)))
    return views


def _ranking(study: Study, other: Study, encoder: str) -> str:
    """Whether the models' order is the same through the first encoder and through another, in words."""
    if study.single:
        return ""
    places = ordered(other, RANKED_BY)
    first = [model for model in ordered(study, RANKED_BY) if model in places]
    second = [model for model in places if model in first]
    if len(first) < 2:
        return ""
    label = study.metric(RANKED_BY).label
    if not (protocols_agree(study, RANKED_BY) and protocols_agree(other, RANKED_BY)):
        return f"Whether it ranks the models alike cannot be said: not all runs were measured alike by {label}."
    if first == second:
        return f"Ranked by mean {label} the models stand in the same order through both encoders: {', '.join(first)}."
    leading = next(iter(main_encoders(study, (RANKED_BY,))), "the first encoder")
    text = (
        f"Ranked by mean {label} the models' order is not the same through both encoders: "
        f"{', '.join(first)} through {leading}; {', '.join(second)} through {encoder}."
    )
    swapped = [(a, b) for a, b in combinations(first, 2) if second.index(a) > second.index(b)]
    firm = [(a, b) for a, b in swapped if separated(study, RANKED_BY, a, b) and separated(other, RANKED_BY, b, a)]
    if firm:
        pairs = listed([f"{a} with {b}" for a, b in firm[:6]] + ([f"{len(firm) - 6} more"] if len(firm) > 6 else []))
        return f"{text} By more than their seeds scatter change places: {pairs}. Which is better depends on the view."
    return f"{text} No two models that change places are told apart by their seeds through both."


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
        "pixels": "the pixels' principal components",
        "inception": "a layer of the network behind the FID",
    }
    kind = kinds.get(encoder.partition("-")[0])
    return f"{encoder}, {kind}" if kind else encoder


def encoder_facts(study: Study) -> list[str]:
    """Each encoder with its accuracy, how many images it saw, and which split they were held against."""
    found: dict[str, None] = {}
    for score in _scores(study):
        if score.encoder:
            known = accuracy(study, score.encoder)
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
