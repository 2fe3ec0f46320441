"""What may be said about a comparison: one cautious sentence, and what speaks against it. Pure functions of a study.

Which models are told apart, and how surely, is decided in `results.pairs`; here it is put into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paribus.base.wording import clause, count, duration, listed, number, plural, plus_minus, sentence
from paribus.results.budgets import is_equal, spreads
from paribus.results.comparison import comparison, floor, half_width, lacking, obstacles, primary_metric
from paribus.results.outlook import next_steps, nothing_resembles
from paribus.results.pairs import LEAST_SEEDS, Comparison
from paribus.results.study import StudyResult
from paribus.results.words import (
    NextStep,
    budget_words,
    fact_words,
    next_step_words,
    nothing_resembles_words,
    obstacle_words,
    runs_words,
    spread_words,
    statement,
)


@dataclass(frozen=True)
class Verdict:
    """The sentence, whether it names an order, the metric it is about, and remarks that explain it."""

    text: str
    ranked: bool
    metric: str | None
    notes: tuple[str, ...] = ()


def _lacking_words(study: StudyResult) -> str:
    """Why it isn't the first choice of metrics that ranks, if so."""
    sentences = []
    for lack in lacking(study):
        runs = "every run" if len(lack.runs) == len(study.done) else runs_words(lack.runs)
        why = f" ({clause(fact_words(lack.why))})" if lack.why else ""
        sentences.append(f"The {study.metric(lack.metric).label} is missing for {runs}{why}.")
    return " ".join(sentences)


def verdict(study: StudyResult) -> Verdict:
    """The report's first sentence."""
    if study.single:
        return _single_verdict(study)
    metric, why = primary_metric(study), _lacking_words(study)
    instead = (why + (f" {study.metric(metric).label} decides instead." if metric else ""),) if why else ()
    notes = (*instead, *_unequal_budgets(study))
    if metric is None:
        if study.done:
            text = "No winner can be named: no Fréchet distance or KID was measured."
        elif any(run.status == "unfinished" for run in study.runs):
            text = "No run has finished yet, so there is nothing to compare."
        else:
            text = "Every run failed, so there is nothing to compare."
        return Verdict(text, False, None, notes)
    found = comparison(study, metric)
    label, order = study.metric(metric).label, found.order
    if against := obstacles(study, metric):
        return Verdict(
            f"These runs cannot be ranked by {label}: {'; '.join(map(obstacle_words, against))}.", False, metric, notes
        )
    if nothing_resembles(study):
        return Verdict(f"{_place(study, len(order))}, {nothing_resembles_words(study)}.", False, metric, notes)
    if len(order) == 1:
        alone = f"only {order[0]} has a {label} ({_value(study, order[0], metric)})"
        text = f"{_place(study, 1)}, {alone}: there is nothing to compare it with."
        return Verdict(text, False, metric, notes)
    text, ranked = _comparison(study, metric, found)
    return Verdict(text, ranked, metric, (*notes, *_notes(study, metric, found)))


def _unequal_budgets(study: StudyResult) -> tuple[str, ...]:
    """That the models were not trained alike long, where their budgets differ."""
    for fact in study.varied:
        if fact.code == "setting" and fact.figures.get("path") == "training.budget":
            said = str(statement(fact)).rstrip(".")
            return (f"{said}: what trained longer may be better for that alone.",)
    return ()


def what_next(study: StudyResult, said: Verdict | None = None) -> list[NextStep]:
    """What to do next, with the commands; `said` is the study's verdict, where it is known already."""
    is_open = not study.single and not (said or verdict(study)).ranked
    return [next_step_words(fact) for fact in next_steps(study, is_open=is_open)]


def _comparison(study: StudyResult, metric: str, found: Comparison) -> tuple[str, bool]:
    best, *others = found.order
    place, label = _place(study, len(found.order)), study.metric(metric).label
    seeds = _seeds(study, found.order, metric)
    value = {model: _value(study, model, metric) for model in found.order}
    behind = found.wins(best)
    close = [model for model in others if model not in behind]
    against = f"{label} {value[best]}, next {others[0]} with {value[others[0]]}; {seeds}"
    if (fewest := min(len(study.values(model, metric)) for model in found.order)) < LEAST_SEEDS:
        chance = f"but with {plural(fewest, 'seed')} chance may explain it: no winner can be named."
        return f"{place}, {best} scored best ({against}), {chance}", False
    if failed := _failed(study, best):
        worst = f"but {failed}, which counts as its worst: no winner can be named."
        return f"{place}, {best} scored best ({against}), {worst}", False
    if not behind:
        values = ", ".join(f"{model} {value[model]}" for model in found.order)
        spread = f"the differences are within the seeds' spread: no winner can be named ({label}: {values}; {seeds})."
        return f"{place}, {spread}", False
    caution = _caution(found, best)
    if close:
        tied = listed([f"{model} ({value[model]})" for model in (best, *close)])
        return (
            f"{place}, no single winner can be named: {tied} are within the seeds' spread by {label}; "
            f"{best} came out ahead of {listed(behind)} ({seeds}); {caution}",
            True,
        )
    if len(others) == 1:
        against = f"{label} {value[best]} against {value[others[0]]}, {seeds}"
        return f"{place}, {best} came out ahead of {others[0]} ({against}); {caution}", True
    return f"{place}, {best} came out ahead of the {len(others)} others ({against}); {caution}", True


def _caution(found: Comparison, best: str) -> str:
    """How firmly the best model is told apart from those that it beats."""
    pairs = [pair for pair in found.pairs if pair.better == best and pair.told]
    if len(pairs) == 1:
        text = "the 95 % interval of the difference excludes 0"
    else:
        text = "the 95 % intervals of the differences exclude 0"
    if found.tested > 1:
        text += f", also corrected for {found.tested} pairs"
    if all(found.can_reach(pair) for pair in pairs):
        text += ", and an exact test agrees"
    # what a repetition may change without changing the answer
    over = "seeds, their samples and the draw of test images" if all(p.by.shared for p in pairs) else "seeds"
    return f"{text}. That holds over {over}, for these images and settings."


def _failed(study: StudyResult, model: str) -> str:
    runs = study.of(model)
    failed = sum(run.status == "failed" for run in runs)
    return f"{failed} of its {plural(len(runs), 'run')} failed" if failed else ""


def _notes(study: StudyResult, metric: str, found: Comparison) -> list[str]:
    notes, counts = [], {len(study.values(model, metric)) for model in found.order}
    if better := study.metric(metric).better:
        notes.append(sentence(better))
    if max(counts) > 2:
        notes.append("± is half the width of the 95 % interval of the mean over seeds.")
    if 2 in counts:
        notes.append(
            "± is half the distance between two seeds; a 95 % interval from two seeds would be 13 times as wide."
        )
        notes.append(
            "Two seeds name no order: of two equal models all of one's lie beyond the other's in one study of three."
        )
    notes += _about_tests(found)
    low, high = floor(study, metric)
    if low is not None and high is not None:
        span = number(low) if low == high else f"{number(low)} to {number(high)}"
        below = [model for model in found.order if _is_below(study, model, metric, low)]
        beyond = f" {listed(below)} did, which is chance, or copies of training images." if below else ""
        expected = "no model is expected to beat that"
        notes.append(f"Real images measured against other real images score {span}: {expected}.{beyond}")
    linear = [value for run in study.done if metric == "kid" and (value := run.value("linear_kid")) is not None]
    if linear:
        mark = number(max(linear))
        notes.append(f"Draws from a normal distribution of pixels score {mark}: what is not below that shows no more.")
    for model in study.models:
        if failed := _failed(study, model):
            notes.append(_about_failures(model, failed, model in found.order))
    return notes


def _floor_error(study: StudyResult, metric: str) -> float:
    """The standard error of the floor, the largest of the finished runs'; 0 where it is unknown."""
    name = study.metric(metric).floor
    return max((run.scores[name].error or 0.0 for run in study.done if name in run.scores), default=0.0)


def _is_below(study: StudyResult, model: str, metric: str, floor: float) -> bool:
    found, words = study.summary(model, metric), study.metric(metric)
    return found is not None and words.shortfall(found.mean) < words.shortfall(floor)


def _about_tests(found: Comparison) -> list[str]:
    """What the exact test can say with so many seeds."""
    least = [pair.least_p for pair in found.pairs if pair.least_p is not None]
    if not least or all(found.can_reach(pair) for pair in found.pairs):
        return []
    corrected = f", {number(min(1.0, max(least) * found.tested), 2)} after correction for {found.tested} pairs"
    return [
        "An exact test, which does not take seeds to be normal, cannot reach p = 0.05 with so few seeds (its "
        f"least p is {number(max(least), 2)}{corrected if found.tested > 1 else ''}): t-intervals decide, which do."
    ]


def _about_failures(model: str, failed: str, is_ranked: bool) -> str:
    if is_ranked:
        return (
            f"{model}: {failed}. It counts as the model's worst: {model} is said to beat no other, but may be beaten."
        )
    return f"{model}: {failed}. It has no score and stands in no comparison."


def _single_verdict(study: StudyResult) -> Verdict:
    run = study.runs[0]
    trained = f"{run.model}, trained on {study.data_name}"
    if run.status == "failed":
        return Verdict(f"{trained}, failed: {clause(run.reason or 'no reason was recorded')}.", False, None)
    if run.status != "done":
        so_far = f" after {count(run.images)} images" if run.images else ""
        return Verdict(f"{trained}, has not finished{so_far}: {clause(run.reason or 'still training')}.", False, None)
    metric, why = primary_metric(study), _lacking_words(study)
    seen = f" for {duration(run.seconds)} ({count(run.images)} images)" if run.seconds and run.images else ""
    value = None if metric is None else run.value(metric)
    if metric is None or value is None:
        return Verdict(f"{trained}{seen}, has finished; its samples have no score.", False, None, (why,) if why else ())
    words, (low, _), real = study.metric(metric), floor(study, metric), _floor_error(study, metric)
    text = f"{trained}{seen}, reached a {words.label} of {plus_minus(value, run.scores[metric].error)}"
    if low is None:
        text += "; no floor was measured to hold it against."
    elif low > real:
        text += f"; real images against other real images score {plus_minus(low, real or None)}, "
        text += (
            f"so it stands at {number(value / low, 2)} times the floor." if value > low else "so it is at the floor."
        )
    else:
        text += f"; real images against other real images score {plus_minus(low, real or None)}."
    if nothing_resembles(study):
        text = f"{text.rstrip('.')}; {nothing_resembles_words(study)}."
    notes = ["One run says nothing about how much the result varies from seed to seed."]
    if run.scores[metric].error is not None:
        notes.insert(0, "± is the error of measuring with a limited number of images, for this one run.")
    return Verdict(text, False, metric, (*((why,) if why else ()), *notes))


def _place(study: StudyResult, models: int) -> str:
    budget = budget_words(study.budget)
    place = f"on {study.data_name}" + (f" with {budget}{' each' if models > 1 else ''}" if budget else "")
    if models > 1 and (unequal := [spread for spread in spreads(study) if not is_equal(spread)]):
        place += f" (not equal: {listed(list(map(spread_words, unequal)))})"
    open_runs = sum(run.status == "unfinished" for run in study.runs)
    if open_runs:
        return f"So far ({len(study.runs) - open_runs} of {len(study.runs)} runs finished), {place}"
    return place[:1].upper() + place[1:]


def _seeds(study: StudyResult, models: Sequence[str], metric: str) -> str:
    counts = [len(study.values(model, metric)) for model in models]
    low, high = min(counts), max(counts)
    return f"{plural(low, 'seed')} each" if low == high else f"{low} to {high} seeds each"


def _value(study: StudyResult, model: str, metric: str) -> str:
    summary = study.summary(model, metric)
    return number(None) if summary is None else plus_minus(summary.mean, half_width(study, model, metric))
