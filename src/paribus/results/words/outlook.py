"""What a study leaves open and what to do next, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paribus.base.wording import NARROW, count, duration, listed, number, plural
from paribus.results.outlook import TOLD_APART, Improvement
from paribus.results.score import Fact
from paribus.results.study import StudyResult


@dataclass(frozen=True)
class NextStep:
    """A step: why and what, the command that does it where there is one, and how long that takes about."""

    text: str
    command: str = ""
    time: str = ""

    def __str__(self) -> str:
        return (
            f"{self.text}{f': {self.command}' if self.command else '.'}{f' (about {self.time})' if self.time else ''}"
        )


def next_step_words(fact: Fact) -> NextStep:
    """A step of `results.outlook.next_steps`."""
    figures = dict(fact.figures)
    command, seconds = str(figures.pop("command", "")), figures.pop("seconds", 0.0)
    time = duration(round(float(seconds))) if isinstance(seconds, int | float) and seconds >= 1 else ""
    return NextStep(STEPS[fact.code](**figures), command, time)


def _train_longer(models: Sequence[str], gains: Sequence[float], of: int, times: int) -> str:
    if not models:
        return f"Nothing resembles the data yet, and no run surely improves any more: train {times} times longer, and \
look at the samples in the report"
    low, high = (number(100 * value, 2) for value in (min(gains), max(gains)))
    share = f"{low}{NARROW}%" if low == high else f"{low} to {high}{NARROW}%"
    if of == 1:
        who = f"{models[0]} still improves"
    elif len(models) == of:
        who = f"{'Both' if of == 2 else f'All {of}'} models still improve"
    else:
        who = f"{listed(list(models))} still {'improves' if len(models) == 1 else 'improve'}"
    return f"{who} by {share} a doubling of the images: train {times} times longer"


def _got_worse(models: Sequence[str], rises: Sequence[float]) -> str:
    low, high = (number(100 * value, 2) for value in (min(rises), max(rises)))
    share = f"{low}{NARROW}%" if low == high else f"{low} to {high}{NARROW}%"
    return (
        f"{listed(list(models))} got worse towards the end, by {share} a doubling of the images: do not train longer, "
        "but take the best snapshot, which the report shows, or a budget of about its images"
    )


def _augment(models: Sequence[str], times: int) -> str:
    longer = f"{times} times longer" if times > 1 else "again"
    return (
        f"{listed(list(models))} may learn so few images by heart: train {longer} with DiffAugment, which changes what "
        "a discriminator sees ('paribus report DIR DIR --out both.html' puts both side by side)"
    )


STEPS: dict[str, Callable[..., str]] = {
    "finish": lambda: "Not every run has finished: resume them",
    "train_longer": _train_longer,
    "augment": _augment,
    "got_worse": _got_worse,
    "more_seeds": lambda seeds, total: f"{plural(seeds, 'seed')} leave the order open: run {total}",
    "more_images": lambda images, few: (
        f"{count(images)} training images are few (under {count(few)}): add images, which helps more than any setting. "
        "A model that trains longer may learn them by heart and get worse: the report shows its best snapshot, too"
    ),
}
"""By code; called with the fact's figures, without command and seconds."""


def improvement_words(study: StudyResult, found: Improvement) -> str:
    """How much a model improves: "KID falls by 20 ± 3 % a doubling of the images (2 seeds)"."""
    gain, label = found.gain, study.metric(found.metric).label
    half = None
    if gain.count > 2 and gain.low is not None and gain.high is not None:
        half = (gain.high - gain.low) / 2
    elif gain.count == 2 and gain.std is not None:
        half = gain.std / 2**0.5
    spread = "" if half is None else f" ± {number(100 * half, 2)}"
    verb = "falls" if gain.mean >= 0 else "rises"
    sure = "" if found.is_sure or gain.mean < 0 else ", no more than its error of measuring in some seed"
    share = f"{number(100 * abs(gain.mean), 2)}{spread}{NARROW}%"
    return f"{found.model}: {label} {verb} by {share} a doubling of the images ({plural(gain.count, 'seed')}{sure})"


def nothing_resembles_words(study: StudyResult) -> str:
    """Why nothing is ranked: "nothing resembles the data yet: a classifier tells ..."."""
    accuracies = [run.value("two_sample_accuracy") or 0.0 for run in study.done]
    reached = [run.value("coverage") or 0.0 for run in study.done]
    linear = all(run.value("linear_kid") is not None for run in study.done)
    nearer = ", and none is surely nearer than draws from a normal distribution of pixels" if linear else ""
    return (
        f"nothing resembles the data yet, so nothing is ranked: a classifier recognises at least "
        f"{100 * min(accuracies):.0f}{NARROW}% of held-out images as real or generated (surely more than "
        f"{TOLD_APART:.0%}; chance is 50{NARROW}%), and the samples come near to at most "
        f"{100 * max(reached):.0f}{NARROW}% of the real images{nearer}"
    )
