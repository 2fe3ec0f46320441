"""A paper's claims against a study's figures: supported, contradicted, or can't tell. Pure functions of a study.

From three seeds of both systems on the statistics of every report decide (`results.pairs`). Fewer cannot tell chance
from difference, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from paribus.base.wording import listed, number, plural
from paribus.report.tables import written
from paribus.results.comparison import mean, obstacles
from paribus.results.pairs import LEAST_SEEDS, Sample, compared
from paribus.results.replication import PartRecord, ReplicationRecord
from paribus.results.run import RunResult, finite
from paribus.results.steadiness import steadiness
from paribus.results.study import StudyResult
from paribus.results.words import obstacle_words

Decision = Literal["supported", "contradicted", "can't tell"]

WANTED = {"less": "less", "greater": "more", "not less": "not less"}
END_SHARE = 0.1
"""The last share of a run's images that counts as the end of its training log."""


@dataclass(frozen=True)
class JudgedPart:
    """One comparison of a claim: what it came to, and the figure with the rule in words."""

    decision: Decision
    text: str


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict."""

    claim: str
    place: str
    decision: Decision
    parts: tuple[JudgedPart, ...]
    why: str = ""


def judged(study: StudyResult, paper: ReplicationRecord, reserve: str = "") -> list[Judged]:
    """Every claim of a paper with its verdict.

    Args:
        study: The replication.
        paper: What it replicates.
        reserve: Why no claim can be decided, whatever the figures are.
    """
    found = []
    for claim in paper.claims.values():
        parts = tuple(
            _sizes(part, paper.parameters) if part.by == ("parameters",) else _part(study, part, paper.labels)
            for part in claim.parts
        )
        decision: Decision = "can't tell" if reserve else together([part.decision for part in parts])
        found.append(Judged(claim.claim, claim.place, decision, parts, reserve))
    return found


def together(decisions: Sequence[Decision]) -> Decision:
    """A claim holds where all of its parts do, and falls with one of them."""
    if "contradicted" in decisions:
        return "contradicted"
    return "supported" if all(decision == "supported" for decision in decisions) else "can't tell"


def _part(study: StudyResult, part: PartRecord, labels: dict[str, str]) -> JudgedPart:
    absent = [name for name in (part.of, part.against) if name is not None and name not in labels]
    if absent:
        return JudgedPart("can't tell", f"{listed(absent)}: not run at this scale")
    if part.against is None:
        return _near(study, labels[part.of], part)
    return _pair(study, labels[part.of], labels[part.against], part)


def _sizes(part: PartRecord, parameters: dict[str, int]) -> JudgedPart:
    """Networks as large as in the paper are counted, not those that a scale makes narrower: nothing is by chance."""
    assert part.against is not None
    first, second = parameters[part.of], parameters[part.against]
    lower, higher = _apart(first, second, part.margin)
    holds = {"less": lower, "greater": higher, "not less": not lower}[part.expected]
    figure = f"parameters of the paper's networks: {first:,} of {part.of}, {second:,} of {part.against}"
    rule = f"expected {WANTED[part.expected]}, by {part.margin:.0%} and more"
    return JudgedPart("supported" if holds else "contradicted", f"{figure}; {rule}")


def _near(study: StudyResult, of: str, part: PartRecord) -> JudgedPart:
    assert part.value is not None
    names, value = " and ".join(study.metric(name).label for name in part.by), _end(study, of, part.by)
    rule = f"expected within {part.margin:g} of {part.value:g}"
    if value is None:
        return JudgedPart("can't tell", f"{names} of {part.of}: not measured; {rule}")
    is_near = abs(value - part.value) <= part.margin
    return JudgedPart("supported" if is_near else "contradicted", f"{names} of {part.of}: {number(value)}; {rule}")


def _end(study: StudyResult, model: str, names: Sequence[str]) -> float | None:
    """A metric's mean over seeds, or the mean of several terms over the end of each seed's log."""
    if not any("/" in name for name in names):
        return next((value for name in names if (value := _value(study, model, name)) is not None), None)
    ends = [quantity(run, name) for run in study.of(model) if run.status == "done" for name in names]
    return mean(ends)


def quantity(run: RunResult, name: str, level: float | None = None) -> float | None:
    """What a run came to, or None where that was not measured.

    Args:
        run: The run.
        name: A metric, `seconds_per_update` (of the first phase), or a term of the log (`D/loss`).
        level: With a term: seconds of training until it first fell to this, in place of its mean over the end.
    """
    if "/" in name:
        return _end_of(run, name) if level is None else _seconds_until(run, name, level)
    if name == "seconds_per_update":
        updates = next(iter(run.updates.values()), 0)
        return run.seconds / updates if run.seconds is not None and updates else None
    return run.value(name)


def _end_of(run: RunResult, term: str) -> float | None:
    lines = run.folder.metrics_lines() if run.folder else []
    last = max((line["images"] for line in lines), default=0)
    return mean([finite(line.get(term)) for line in lines if line["images"] >= (1 - END_SHARE) * last])


def _seconds_until(run: RunResult, term: str, level: float) -> float | None:
    lines = run.folder.metrics_lines() if run.folder else []
    values = ((finite(line.get(term)), line["seconds"]) for line in lines)
    return next((seconds for value, seconds in values if value is not None and value <= level), None)


def _pair(study: StudyResult, of: str, against: str, part: PartRecord) -> JudgedPart:
    level = part.level
    until = "" if level is None else f", seconds until {number(level)}"
    by = next((name for name in part.by if _both(study, of, against, name, level)), None)
    wanted = WANTED[part.expected]
    if by is None:
        names = " or ".join(study.metric(name).label for name in part.by)
        systems = f"{part.of} and {part.against}"
        return JudgedPart("can't tell", f"{names}{until}: not measured of both {systems}; expected {wanted}")
    first, second = (written(by, _value(study, model, by, level)) for model in (of, against))
    figure = f"{study.metric(by).label}{until}: {first} of {part.of}, {second} of {part.against}"
    figure += f"; expected {wanted}"
    if of == against:
        return JudgedPart("can't tell", f"{figure}; at this scale both are one run")
    if reasons := _not_alike(study, of, against, by):
        return JudgedPart("can't tell", f"{figure}; not measured alike: {reasons}")
    decision, why = _decided(study, of, against, by, part)
    return JudgedPart(decision, f"{figure}; {why}")


def _decided(study: StudyResult, of: str, against: str, by: str, part: PartRecord) -> tuple[Decision, str]:
    sign = -1.0 if part.expected == "greater" else 1.0
    samples = {model: _sample(study, model, by, part.level, sign) for model in (of, against)}
    seeds = min(len(sample.values) for sample in samples.values())
    if seeds < LEAST_SEEDS:
        return "can't tell", f"{plural(seeds, 'seed')}, and fewer than {LEAST_SEEDS} decide nothing"
    found = compared(samples)
    lower, higher = found.beats(of, against), found.beats(against, of)
    why = f"{plural(seeds, 'seed')} each, by the rules of 'Who beats whom'"
    if part.expected == "not less":
        return ("contradicted" if lower else "supported"), why
    return ("supported" if lower else "contradicted" if higher else "can't tell"), why


def _apart(first: float, second: float, margin: float) -> tuple[bool, bool]:
    """Whether the first is lower, and whether it is higher, than the second by more than a share of the second."""
    return first - second < -margin * abs(second), first - second > margin * abs(second)


def _sample(study: StudyResult, model: str, metric: str, level: float | None = None, sign: float = 1.0) -> Sample:
    steady = steadiness(study).get(model, {})
    if metric in steady:
        value = steady[metric].value
        return Sample({} if value is None else {0: sign * value})
    runs = [run for run in study.of(model) if run.status == "done"]
    values = {run.seed: sign * value for run in runs if (value := quantity(run, metric, level)) is not None}
    return Sample(values, failed=sum(run.status == "failed" for run in study.of(model)))


def _value(study: StudyResult, model: str, metric: str, level: float | None = None) -> float | None:
    values = _sample(study, model, metric, level)
    return values.mean if values.values else None


def _both(study: StudyResult, of: str, against: str, metric: str, level: float | None) -> bool:
    return all(_value(study, model, metric, level) is not None for model in (of, against))


def _not_alike(study: StudyResult, of: str, against: str, metric: str) -> str:
    pair = replace(study, runs=(*study.of(of), *study.of(against)))
    if metric in steadiness(study).get(of, {}):
        return ""
    return "; ".join(map(obstacle_words, obstacles(pair, metric)))
