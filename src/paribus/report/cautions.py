"""What a reader must know before believing a table, in words. Pure functions of a study."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from paribus.base.wording import clause, count, listed, number, plural
from paribus.report.encoders import OrderChange, agreement, other_encoders
from paribus.results.comparison import primary_metric
from paribus.results.run import RunResult
from paribus.results.score import Fact
from paribus.results.study import StudyResult
from paribus.results.words import detail_words, fact_words, kind_words, runs_words

COLLAPSED_UNITS = 0.1
"""Share of latent dimensions below which a report speaks of posterior collapse."""
COLLAPSED_COVERAGE = 0.1
"""Coverage below which a report speaks of mode collapse."""

LOST_COVERAGE, LOST_DIVERSITY = 0.05, 0.5
"""Coverage and diversity below which both a generator is called collapsed: few images, and those alike."""
MODE_COLLAPSE = {"missing_classes", "uneven_classes", "low_coverage"}
"""Codes of warnings that say so."""
SURE_ACCURACY = 0.99
"""Share of real and of generated images on which D must be right, in the second half of training, for a stalled run."""
MATCH_CLASSIFIERS = {"cvae-gan"}
"""Objectives that bring features of a classifier, trained along with them, nearer to those of real images."""
STALLED_GAIN = 0.1
"""By which share the distance must at least lie below the best of the first half for a run not to be stalled."""


@dataclass(frozen=True)
class Caution:
    """One warning; its kind is "failed", "caution" or "note"; details are listed on demand."""

    kind: str
    text: str
    details: tuple[str, ...] = ()


def cautions_of(study: StudyResult) -> list[Caution]:
    """All warnings, the gravest first."""
    kinds = (
        _failed,
        _unfinished,
        _adversarial,
        _collapse,
        _measured,
        _judged_by_labels,
        _views,
        _seeds,
        _best,
        _skipped,
    )
    return [caution for found in kinds for caution in found(study)]


def _failed(study: StudyResult) -> Iterable[Caution]:
    for run in study.runs:
        if run.status == "failed":
            reason = clause(run.reason or "no reason was recorded")
            yield Caution("failed", f"{run.label} failed and is in no mean: {reason}.")


def _unfinished(study: StudyResult) -> Iterable[Caution]:
    runs = [run for run in study.runs if run.status == "unfinished"]
    if runs:
        details = tuple(f"{run.label}: {_state(run)}" for run in runs)
        number_of = (
            f"{plural(len(runs), 'run')} of {len(study.runs)} {'has' if len(runs) == 1 else 'have'} not finished"
        )
        yield Caution("caution", f"{number_of} and {'is' if len(runs) == 1 else 'are'} in no mean.", details)


def _state(run: RunResult) -> str:
    return (run.reason or "unfinished") + (f" ({count(run.images)} images so far)" if run.images else "")


def _collapse(study: StudyResult) -> Iterable[Caution]:
    posterior, modes = [], []
    for run in study.done:
        said = {fact.code for score in run.scores.values() for fact in score.warnings}
        units, coverage, missing = (run.value(m) for m in ("active_units", "coverage", "missing_classes"))
        if (
            "posterior_collapse" not in said
            and units is not None
            and run.latent_dim
            and units <= COLLAPSED_UNITS * run.latent_dim
        ):
            posterior.append((run, f"{number(units)} of {run.latent_dim} latent dimensions in use"))
        if said & MODE_COLLAPSE:
            continue
        if missing:
            modes.append((run, f"{plural(round(missing), 'class')} missing from the samples"))
        elif coverage is not None and coverage < COLLAPSED_COVERAGE:
            modes.append((run, f"the samples cover {number(100 * coverage, 2)} % of the real images"))
    text = "Posterior collapse: the decoder ignores nearly all of the code, so its reconstructions say little, in"
    yield from _of_runs(text, posterior)
    yield from _of_runs("Mode collapse: part of the data's variety never appears in the samples of", modes)


def _adversarial(study: StudyResult) -> Iterable[Caution]:
    """Runs whose discriminator outran the generator, and runs whose generator shows one image."""
    stalled, collapsed = [], []
    for run in study.done:
        coverage, diversity = run.value("coverage"), run.value("diversity")
        if words := _stalled(run):
            stalled.append((run, words))
        elif coverage is not None and diversity is not None:
            if coverage < LOST_COVERAGE and diversity < LOST_DIVERSITY and _accuracies(run):
                words = f"diversity {number(diversity)}, coverage {number(coverage)}"
                collapsed.append((run, words))
    text = f"Stalled: in the second half of training D was right about {SURE_ACCURACY:.0%} or more of all images, and "
    text += f"the samples came less than {STALLED_GAIN:.0%} nearer to the data than before, in"
    yield from _of_runs(text, stalled)
    text = f"Collapsed: the samples reach under {LOST_COVERAGE:.0%} of the real images, and their variety is under "
    yield from _of_runs(f"{text}{LOST_DIVERSITY:.0%} of theirs, in", collapsed)


def _stalled(run: RunResult) -> str:
    """The figures of a stalled run in words; empty where it is none."""
    right, gain = _accuracies(run), _gain(run)
    if not right or min(right) < SURE_ACCURACY or gain is None or gain >= STALLED_GAIN:
        return ""
    moved = f"{number(100 * abs(gain), 2)} % {'below' if gain > 0 else 'above'} the best of the first half"
    return f"D right about {number(100 * min(right))} % and more, the distance {moved}"


def _accuracies(run: RunResult) -> list[float]:
    """D's mean accuracies on real and on generated images in the second half of training; empty without their log."""
    found = []
    for name in ("D/accuracy_real", "D/accuracy_fake"):
        points = run.log.get(name, [])
        late = [value for images, value in points if images >= points[-1][0] / 2]
        found += [math.fsum(late) / len(late)] if late else []
    return found if len(found) == 2 else []


def _gain(run: RunResult) -> float | None:
    """By which share the last snapshot's distance is below the least until half of the budget; None without scores.

    Single snapshots scatter: against the one at half of the budget alone, a bad moment would pass for progress.
    """
    for metric in dict.fromkeys(score.metric for score in run.snapshots):
        *earlier, (images, last) = run.course(metric) or [(0.0, 0.0)]
        if earlier:
            half = min(range(len(earlier)), key=lambda k: abs(earlier[k][0] - images / 2))
            best = min(value for _, value in earlier[: half + 1])
            return 1 - last / best if best > 0 else None
    return None


def _of_runs(text: str, found: list[tuple[RunResult, str]]) -> Iterable[Caution]:
    """A caution about the runs that were found, if any, with what is the matter with each."""
    if found:
        details = tuple(f"{run.label}: {what}" for run, what in found)
        yield Caution("caution", f"{text} {runs_words([run for run, _ in found])}.", details)


def _measured(study: StudyResult) -> Iterable[Caution]:
    """Warnings that came with scores, each kind said once, with the runs and metrics that it is about."""
    # posterior collapse differs from seed to seed in its nats alone
    kinds: dict[str, list[tuple[RunResult, str, Fact]]] = {}
    for run in study.runs:
        for metric, score in run.scores.items():
            for fact in score.warnings:
                kinds.setdefault(fact.code, []).append((run, study.metric(metric).label, fact))
    for found in kinds.values():
        runs = list({run.label: run for run, _, _ in found}.values())
        labels = list(dict.fromkeys(label for _, label, _ in found))
        texts = list(dict.fromkeys(fact_words(fact) for _, _, fact in found))
        details = tuple(f"{run.label}: {label}: {clause(detail_words(fact))}" for run, label, fact in found)
        said, shown = (texts[0], ()) if len(texts) == 1 else (kind_words(found[0][2]), details)
        yield Caution("caution", f"{listed(labels)} of {runs_words(runs)}: {clause(said)}.", shown)


def _judged_by_labels(study: StudyResult) -> Iterable[Caution]:
    """Models that were trained with what the encoder was trained with, beside others that were not."""
    metric = primary_metric(study)
    scores = (run.scores[metric] for run in study.done if metric in run.scores) if metric else ()
    encoder = next((score.encoder for score in scores if score.encoder), None)
    if encoder is None or encoder.accuracy is None:
        return
    labels = [m for m in study.models if any(run.conditional for run in study.of(m))]
    features = [m for m in study.models if any(run.objective in MATCH_CLASSIFIERS for run in study.of(m))]
    told = [m for m in labels if m not in features]
    if not labels or (len(labels) == len(study.models) and (not features or not told)):
        return
    were = [f"{listed(told)} {'was' if len(told) == 1 else 'were'} trained with the labels"] if told else []
    were += [f"{listed(features)} with the labels and to match a classifier's features"] if features else []
    others = [name for name in other_encoders(study) if not name.startswith("classifier")]
    beside = f"; what {listed(others)} says, which knows no labels, stands beside it" if others else ""
    yield Caution(
        "caution",
        f"The models are ranked through a classifier of the same labels that some of them were trained with, which may "
        f"favour these: {', '.join(were)}{beside}.",
    )


def _views(study: StudyResult) -> Iterable[Caution]:
    """Metrics by which the models' order depends on the encoder."""
    for seen in (agreement(study, encoder) for encoder in other_encoders(study)):
        between = f"between {seen.first} and {seen.other}"
        firm = [change for change in seen.changes if change.firm]
        weak = [change for change in seen.changes if not change.firm]
        if firm:
            text = f"Which model is better depends on the encoder: by {_labels(firm)} models change places {between}"
            details = tuple(" ".join(seen.of(change)) for change in firm)
            yield Caution("caution", f"{text}, by more than their seeds scatter.", details)
        if weak:
            text = f"By {_labels(weak)} the models' order changes {between}"
            details = tuple(seen.of(change)[0] for change in weak)
            yield Caution("note", f"{text}, but no two that change places are told apart by their seeds.", details)


def _labels(changes: Iterable[OrderChange]) -> str:
    return listed([change.label for change in changes])


def _seeds(study: StudyResult) -> Iterable[Caution]:
    if study.single:
        return
    counts = {model: len([run for run in study.of(model) if run.status == "done"]) for model in study.models}
    lone = [model for model, n in counts.items() if n == 1]
    if lone:
        yield Caution("note", f"{listed(lone)}: one finished seed, so the spread between seeds is unknown.")


def _best(study: StudyResult) -> Iterable[Caution]:
    runs = [r for r in study.done if r.best and r.best_images is not None and r.images and r.best_images < r.images]
    if runs:
        details = tuple(f"{r.label}: best after {count(r.best_images)} of {count(r.images)} images" for r in runs)
        text = "An earlier snapshot scored better on the validation split than the last weights did"
        yield Caution("note", f"{text}, for {runs_words(runs)}.", details)


def _skipped(study: StudyResult) -> Iterable[Caution]:
    skipped = study.data.skipped
    if skipped:
        shown = tuple(": ".join(entry) for entry in skipped[:100])
        more = (f"and {len(skipped) - 100:,} more",) if len(skipped) > 100 else ()
        were = "was" if len(skipped) == 1 else "were"
        yield Caution(
            "note", f"{plural(len(skipped), 'file')} of the data could not be read and {were} skipped.", shown + more
        )
