"""What may be said about a comparison: one cautious sentence, and what speaks against it. Pure functions of a study.

Two models are told apart only where chance is an unlikely explanation (`separated`): with three seeds or more, their
95 % t-intervals must not overlap; with two, their seeds must lie apart by more than they scatter, and even then the
sentence calls it a first impression; with one, no winner is named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from paribus.report.contents import Run, Score, Study
from paribus.report.wording import budget_words, clause, count, duration, listed, number, plural, plus_minus, sentence

PRIMARY = ("frechet", "kid")


@dataclass(frozen=True)
class Verdict:
    """The sentence, whether it names an order, the metric it is about, and remarks that explain it."""

    text: str
    ranked: bool
    metric: str | None
    notes: tuple[str, ...] = ()


def primary_metric(study: Study) -> tuple[str | None, str]:
    """The metric to rank by, and why it isn't the Fréchet distance, if so.

    The first of Fréchet distance and KID that every finished run has; failing that, the first that any has.
    """
    reasons: list[str] = []
    for metric in PRIMARY:
        lacking = [run for run in study.done if run.value(metric) is None]
        if study.done and not lacking:
            return metric, " ".join(reasons)
        if lacking and any(metric in run.scores for run in study.done):
            why = next((w for run in lacking if metric in run.scores and (w := run.scores[metric].warning)), "")
            label = study.metric(metric).label
            runs = "every run" if len(lacking) == len(study.done) else named(lacking)
            reasons.append(f"The {label} is missing for {runs}{f' ({clause(why)})' if why else ''}.")
    return next((m for m in PRIMARY if any(r.value(m) is not None for r in study.done)), None), " ".join(reasons)


def obstacles(study: Study, metric: str) -> list[str]:
    """Why the runs' values of a metric may not be held against each other; empty where they may."""
    found = []
    for what, of in (
        ("the encoders differ", lambda s: s.encoder),
        ("the numbers of images compared differ", lambda s: None if s.n is None else count(s.n)),
        ("the reference splits differ", lambda s: s.split),
    ):
        found += _differing(what, ((r, of(r.scores[metric])) for r in study.done if r.value(metric) is not None))
    sizes = ((r, f"{r.size} × {r.size} pixels" if r.size else None) for r in study.done)
    return found + _differing("the resolutions differ", sizes)


def protocols_agree(study: Study, metric: str) -> bool:
    """Whether the finished runs' scores were taken by one protocol, under the same conditions."""
    # what latents are drawn from is a part of the model, and stands last in a protocol
    protocols = {
        run.scores[metric].protocol.partition("; latents from ")[0] for run in study.done if metric in run.scores
    }
    return len(protocols) <= 1 and not obstacles(study, metric)


def half_width(study: Study, model: str, metric: str, *, best: bool = False) -> float | None:
    """The ± of a mean over seeds: half the 95 % interval from three seeds on, half the distance of two, None of one."""
    values = study.values(model, metric, best=best)
    summary = study.summary(model, metric, best=best)
    if summary is None or summary.count < 2 or len(values) < 2:
        return None
    return (summary.high - summary.low) / 2 if summary.count > 2 else (max(values) - min(values)) / 2


def separated(study: Study, metric: str, better: str, worse: str) -> bool:
    """Whether two models' values lie apart by more than chance explains easily (see the module's first lines)."""
    words = study.metric(metric)
    a, b = study.summary(better, metric), study.summary(worse, metric)
    if a is None or b is None or min(a.count, b.count) < 2:
        return False
    gap = words.shortfall(b.mean) - words.shortfall(a.mean)
    if gap <= 0:
        return False
    if min(a.count, b.count) > 2:
        return words.shortfalls(a.low, a.high)[1] < words.shortfalls(b.low, b.high)[0]
    scatter = [2 * (half_width(study, model, metric) or 0) for model in (better, worse)]
    noise = 2 * math.hypot(*(_mean_error(study, model, metric) for model in (better, worse)))
    return gap > max(sum(scatter), noise)


def ordered(study: Study, metric: str) -> list[str]:
    """The models that have a metric, the best mean first."""
    means = {m: s.mean for m in study.models if (s := study.summary(m, metric)) is not None}
    return sorted(means, key=lambda model: study.metric(metric).shortfall(means[model]))


def shown_order(study: Study, metric: str | None) -> list[str]:
    """The models as a leaderboard lists them: by mean where they may be compared, else as the study names them."""
    if metric is None or not protocols_agree(study, metric):
        return list(study.models)
    order = ordered(study, metric)
    return order + [model for model in study.models if model not in order]


def leaders(study: Study, metric: str) -> set[str]:
    """The models that no other is told apart from as better; empty where the metric has no better side."""
    if study.metric(metric).direction == "none" or not protocols_agree(study, metric):
        return set()
    order = ordered(study, metric)
    return {m for m in order if not separated(study, metric, order[0], m)} if len(order) > 1 else set()


def verdict(study: Study) -> Verdict:
    """The report's first sentence."""
    if study.single:
        return _single_verdict(study)
    metric, why = primary_metric(study)
    notes = (why + (f" {study.metric(metric).label} decides instead." if metric else ""),) if why else ()
    if metric is None:
        if study.done:
            text = "No winner can be named: no Fréchet distance or KID was measured."
        elif any(run.status == "unfinished" for run in study.runs):
            text = "No run has finished yet, so there is nothing to compare."
        else:
            text = "Every run failed, so there is nothing to compare."
        return Verdict(text, False, None, notes)
    order = ordered(study, metric)
    label = study.metric(metric).label
    if against := obstacles(study, metric):
        return Verdict(f"These runs cannot be ranked by {label}: {'; '.join(against)}.", False, metric, notes)
    if len(order) == 1:
        alone = f"only {order[0]} has a {label} ({_value(study, order[0], metric)})"
        text = f"{_place(study, 1)}, {alone}: there is nothing to compare it with."
        return Verdict(text, False, metric, notes)
    text, ranked = _comparison(study, metric, order)
    return Verdict(text, ranked, metric, (*notes, *_notes(study, metric, order)))


def _comparison(study: Study, metric: str, order: list[str]) -> tuple[str, bool]:
    place, label = _place(study, len(order)), study.metric(metric).label
    seeds = _seeds(study, order, metric)
    few = min(len(study.values(model, metric)) for model in order)
    best, others = order[0], order[1:]
    value = {model: _value(study, model, metric) for model in order}
    if few < 2:
        return (
            f"{place}, {best} scored best ({label} {value[best]}, next {others[0]} with {value[others[0]]}; {seeds}), "
            "but where a model has 1 seed chance may explain it: no winner can be named.",
            False,
        )
    close = [model for model in others if not separated(study, metric, best, model)]
    if len(close) == len(others):
        values = ", ".join(f"{model} {value[model]}" for model in order)
        spread = f"the differences are within the seeds' spread: no winner can be named ({label}: {values}; {seeds})."
        return f"{place}, {spread}", False
    caution = (
        "with 2 seeds this is a first impression, not a proof." if few == 2 else "the 95 % intervals do not overlap."
    )
    if close:
        behind = [model for model in others if model not in close]
        tied = listed([f"{model} ({value[model]})" for model in (best, *close)])
        return (
            f"{place}, no single winner can be named: {tied} are within the seeds' spread by {label}; "
            f"{best} came out ahead of {listed(behind)} ({seeds}); {caution}",
            True,
        )
    if len(others) == 1:
        against = f"{label} {value[best]} against {value[others[0]]}, {seeds}"
        return f"{place}, {best} came out ahead of {others[0]} ({against}); {caution}", True
    against = f"{label} {value[best]}, next {others[0]} with {value[others[0]]}; {seeds}"
    return f"{place}, {best} came out ahead of the {len(others)} others ({against}); {caution}", True


def _notes(study: Study, metric: str, order: list[str]) -> list[str]:
    notes, counts = [], {len(study.values(model, metric)) for model in order}
    if better := study.metric(metric).better:
        notes.append(sentence(better))
    if max(counts) > 2:
        notes.append("± is half the width of the 95 % interval of the mean over seeds.")
    if 2 in counts:
        notes.append(
            "± is half the distance between two seeds; a 95 % interval from two seeds would be 13 times as wide."
        )
    low, high = floor(study, metric)
    if low is not None and high is not None:
        span = number(low) if low == high else f"{number(low)} to {number(high)}"
        notes.append(f"Real images measured against other real images score {span}: no model is expected to beat that.")
    return notes


def floor(study: Study, metric: str) -> tuple[float | None, float | None]:
    """The least and the greatest score of real images against other real images, over the finished runs.

    None where they were measured through different encoders.
    """
    found = [s for run in study.done if (s := run.scores.get(f"floor_{metric}")) is not None]
    values = [s.value for s in found if s.value is not None]
    if len({s.encoder for s in found}) > 1:
        return None, None
    return (min(values), max(values)) if values else (None, None)


def _single_verdict(study: Study) -> Verdict:
    run = study.runs[0]
    trained = f"{run.model}, trained on {study.data_name}"
    if run.status == "failed":
        return Verdict(f"{trained}, failed: {clause(run.reason or 'no reason was recorded')}.", False, None)
    if run.status != "done":
        so_far = f" after {count(run.images)} images" if run.images else ""
        return Verdict(f"{trained}, has not finished{so_far}: {clause(run.reason or 'still training')}.", False, None)
    metric, why = primary_metric(study)
    seen = f" for {duration(run.seconds)} ({count(run.images)} images)" if run.seconds and run.images else ""
    value = None if metric is None else run.value(metric)
    if metric is None or value is None:
        return Verdict(f"{trained}{seen}, has finished; its samples have no score.", False, None, (why,) if why else ())
    words, (low, _) = study.metric(metric), floor(study, metric)
    text = f"{trained}{seen}, reached a {words.label} of {plus_minus(value, run.scores[metric].error)}"
    if low is None:
        text += "; no floor was measured to hold it against."
    elif low > 0:
        text += f"; real images against other real images score {number(low)}, "
        text += (
            f"so it stands at {number(value / low, 2)} times the floor." if value > low else "so it is at the floor."
        )
    else:
        text += f"; real images against other real images score {number(low)}."
    notes = ["One run says nothing about how much the result varies from seed to seed."]
    if run.scores[metric].error is not None:
        notes.insert(0, "± is the error of measuring with a limited number of images, for this one run.")
    return Verdict(text, False, metric, (*((why,) if why else ()), *notes))


def _place(study: Study, models: int) -> str:
    budget = budget_words(study.budget)
    place = f"on {study.data_name}" + (f" with {budget}{' each' if models > 1 else ''}" if budget else "")
    open_runs = sum(run.status == "unfinished" for run in study.runs)
    if open_runs:
        return f"So far ({len(study.runs) - open_runs} of {len(study.runs)} runs finished), {place}"
    return place[:1].upper() + place[1:]


def _seeds(study: Study, models: Sequence[str], metric: str) -> str:
    counts = [len(study.values(model, metric)) for model in models]
    low, high = min(counts), max(counts)
    return f"{plural(low, 'seed')} each" if low == high else f"{low} to {high} seeds each"


def _value(study: Study, model: str, metric: str) -> str:
    summary = study.summary(model, metric)
    return number(None) if summary is None else plus_minus(summary.mean, half_width(study, model, metric))


def _mean_error(study: Study, model: str, metric: str) -> float:
    errors = [run.scores[metric].error or 0.0 for run in study.of(model) if run.value(metric) is not None]
    return math.fsum(errors) / len(errors) if errors else 0.0


def _differing(what: str, values: Iterable[tuple[Run, str | None]]) -> list[str]:
    by_value: dict[str, list[Run]] = {}
    for run, value in values:
        by_value.setdefault("not recorded" if value is None else value, []).append(run)
    if len(by_value) < 2:
        return []
    return [f"{what} ({'; '.join(f'{value} for {named(runs)}' for value, runs in by_value.items())})"]


def named(runs: Sequence[Run]) -> str:
    """Runs by model, with the seeds: "vae (seeds 0 and 1) and gan (seed 0)"."""
    seeds: dict[str, list[int]] = {}
    for run in runs:
        seeds.setdefault(run.model, []).append(run.seed)
    return listed(
        [f"{m} ({'seed' if len(s) == 1 else 'seeds'} {listed([str(k) for k in s])})" for m, s in seeds.items()]
    )


def scores_of(study: Study) -> Iterable[tuple[Run, str, Score]]:
    """Every score of every run's last weights."""
    return ((run, metric, score) for run in study.runs for metric, score in run.scores.items())
