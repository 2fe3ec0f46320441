"""What a study leaves open: whether runs still improve, whether anything resembles the data, and what to do next."""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from paribus.results.inspection import FEW_IMAGES
from paribus.results.run import RunResult
from paribus.results.score import Fact, Score
from paribus.results.statistics import Summary, summary
from paribus.results.study import StudyResult

TOLD_APART = 0.95
"""A classifier that is right more often than this, with 95 % confidence, recognises each single sample as made, at the
usual level of 5 %; chance is 0.5."""
MOST_REACHED = 0.5
"""Coverage below which, with 95 % confidence, most real images have no sample near them; equal distributions with the
measure's 5 neighbours reach 1 - 2^-5."""
NORMAL = 1.96
"""Standard errors of a two-sided 95 % interval."""
LONGER = 4
"""Times the budget of a longer run: two doublings, which the improvement of the last one lets hope for."""
AUGMENTED = "translation-cutout"
"""The changes of DiffAugment with which a GAN of few images trains longer (docs/own-images.md)."""
SEEDS = 5
"""Seeds of a comparison whose order two or three seeds leave open."""


@dataclass(frozen=True)
class Improvement:
    """How much a model's snapshots improve with a doubling of the images at the end of training.

    Attributes:
        model: Which.
        metric: Of the snapshots, on the validation split.
        gain: Share by which the metric falls with a doubling, over seeds: 0.2 is a fifth.
        is_sure: Whether every seed's last step down is more than its scores' errors explain, at 95 %.
        is_worse: Whether every seed's last step is up, and by more than that.
    """

    model: str
    metric: str
    gain: Summary
    is_sure: bool
    is_worse: bool


def improvements(study: StudyResult) -> list[Improvement]:
    """Each model whose finished runs have scored snapshots; the metric is one of which less is better."""
    found = []
    for model in study.models:
        pairs = [pair for run in study.of(model) if run.status == "done" and (pair := _last_doubling(run))]
        if pairs:
            gains = summary([_gain(*pair) for pair in pairs])
            sure, worse = (all(_falls(*pair) for pair in each) for each in (pairs, [pair[::-1] for pair in pairs]))
            found.append(Improvement(model, pairs[0][0].metric, gains, sure, worse))
    return found


def _last_doubling(run: RunResult) -> tuple[Score, Score] | None:
    """The last snapshot's score and that of the one nearest to half of its images, both above 0."""
    known = [s for s in run.snapshots if s.snapshot and s.value is not None and s.value > 0]
    if not known:
        return None
    last = max(known, key=lambda score: score.snapshot or 0)
    earlier = [s for s in known if s.metric == last.metric and 0 < (s.snapshot or 0) < (last.snapshot or 0)]
    if last.snapshot != max(s.snapshot or 0 for s in run.snapshots) or not earlier:
        return None
    return min(earlier, key=lambda score: abs(math.log2((last.snapshot or 1) / (score.snapshot or 1)) - 1)), last


def _gain(before: Score, after: Score) -> float:
    """The share by which the value falls with each doubling, by a power law through both."""
    assert before.value and after.value and before.snapshot and after.snapshot
    doublings = math.log2(after.snapshot / before.snapshot)
    return float(1 - (after.value / before.value) ** (1 / doublings))


def _falls(before: Score, after: Score) -> bool:
    assert before.value is not None and after.value is not None
    return before.value - after.value > NORMAL * math.hypot(before.error or 0.0, after.error or 0.0)


def resembles(run: RunResult) -> bool | None:
    """Whether a run's samples resemble the data at all; None where that was not measured.

    They do not where a classifier surely tells each single one from real images, most real images surely have no sample
    near them, and their KID is not surely below that of a linear model of pixels. One of these is not enough: sharp
    images with a flaw of their own are told apart, one grey image at the centre of all features is near to many, and
    good images of few kinds leave most real ones alone.
    """
    told, reached = run.scores.get("two_sample_accuracy"), run.scores.get("coverage")
    if told is None or reached is None or told.value is None or reached.value is None:
        return None
    if _is_below_linear(run):
        return True
    asked = 2 * ((told.n or 0) - (told.n or 0) // 2)  # the held-out half of both sets
    return wilson(told.value, asked)[0] <= TOLD_APART or wilson(reached.value, reached.n or 0)[1] >= MOST_REACHED


def _is_below_linear(run: RunResult) -> bool:
    own, linear = run.scores.get("kid"), run.scores.get("linear_kid")
    if own is None or linear is None or own.value is None or linear.value is None or own.encoder != linear.encoder:
        return False
    return linear.value - own.value > NORMAL * math.hypot(own.error or 0.0, linear.error or 0.0)


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n; from 0 to 1 where n is 0.

    Source: Wilson (1927).
    """
    if n == 0:
        return 0.0, 1.0
    z = NORMAL**2 / n
    centre, half = share + z / 2, NORMAL * math.sqrt(share * (1 - share) / n + z / (4 * n))
    return max(0.0, (centre - half) / (1 + z)), min(1.0, (centre + half) / (1 + z))


def nothing_resembles(study: StudyResult) -> bool:
    """Whether it was measured of every finished run, and none resembles the data."""
    return bool(study.done) and all(resembles(run) is False for run in study.done)


def next_steps(study: StudyResult, *, is_open: bool = False) -> list[Fact]:
    """What to do next, the most useful first: codes with figures, in words by `results.words.next_step_words`.

    Args:
        study: Finished or not.
        is_open: Whether the order of its models is left open by their seeds.
    """
    if any(run.status == "unfinished" for run in study.runs):
        return [Fact(code="finish", figures={"command": _resumed(study)})]
    if not study.done:
        return []
    steps = []
    ends = improvements(study)
    sure, worse = [found for found in ends if found.is_sure], [found for found in ends if found.is_worse]
    if worse:
        models, rises = zip(*((found.model, -found.gain.mean) for found in worse), strict=True)
        steps.append(Fact(code="got_worse", figures={"models": models, "rises": rises}))
    lost = nothing_resembles(study)
    images = study.data.counts.get("train")
    few = images if images is not None and images < FEW_IMAGES else None
    plain = tuple(model for model in study.models if any(run.diff_augment == "none" for run in study.of(model)))
    if few is not None and plain:
        again = _longer(study, plain)
        both = ["paribus", "report", str(study.path), again[-1], "--out", "both.html"] if again else []
        figures = {
            "models": plain,
            "times": LONGER,
            "both": shlex.join(both),
            "command": shlex.join(again),
            "seconds": expected_seconds(study, LONGER, plain) or 0.0,
        }
        steps.append(Fact(code="augment", figures=figures))
    elif sure or (lost and not worse):
        gains = tuple(found.gain.mean for found in sure)
        steps.append(
            Fact(
                code="train_longer",
                figures={
                    "models": tuple(found.model for found in sure),
                    "gains": gains,
                    "of": len(study.models),
                    "times": LONGER,
                    "command": shlex.join(_longer(study)),
                    "seconds": expected_seconds(study, LONGER) or 0.0,
                },
            )
        )
    elif is_open and not lost and not study.single and len(study.models) > 1 and len(study.seeds) < SEEDS:
        added = [seed for seed in range(SEEDS + max(study.seeds, default=0)) if seed not in study.seeds]
        added = added[: SEEDS - len(study.seeds)]
        share = len(added) / max(1, len(study.seeds))
        command = f"paribus study add {shlex.quote(str(study.path))} seeds={','.join(map(str, added))}"
        figures = {
            "seeds": len(study.seeds),
            "total": SEEDS,
            "command": command if study.path and study.path.joinpath("study.yaml").is_file() else "",
            "seconds": share * (wall_seconds(study) or 0.0),
        }
        steps.append(Fact(code="more_seeds", figures=figures))
    if few is not None:
        steps.append(Fact(code="more_images", figures={"images": few, "few": FEW_IMAGES}))
    return steps


def wall_seconds(study: StudyResult) -> float | None:
    """Seconds that the finished runs took side by side, with their start and scoring.

    By the clock, from each run's start to its end; where a run was interrupted, its pause is in it. None where they
    belong to several studies.
    """
    if study.path is None:
        return None
    spans = _spans(study.done)
    return max(end for _, end in spans) - min(start for start, _ in spans) if spans else None


def expected_seconds(study: StudyResult, times: float, models: Collection[str] | None = None) -> float | None:
    """Seconds of the same study, or of some of its models, with so many times the training.

    What is not training stays as long, and as many runs are at work at a time.
    """
    spans, wall = _spans(study.done), wall_seconds(study)
    if not spans or not wall:
        return None
    at_a_time = max(1.0, sum(end - start for start, end in spans) / wall)
    runs = [run for run in study.done if models is None or run.model in models]
    whole = sum(end - start for start, end in _spans(runs))
    return (whole + (times - 1) * sum(run.seconds or 0.0 for run in runs)) / at_a_time


def _spans(runs: Sequence[RunResult]) -> list[tuple[float, float]]:
    """When runs began and ended, in seconds of the clock, where their folders say so."""
    found = []
    for run in runs:
        if run.folder is None or not run.folder.exists:
            continue
        began, ended = run.folder.record.get("started"), (run.folder.done or {}).get("finished")
        if began and ended:
            found.append((datetime.fromisoformat(str(began)).timestamp(), datetime.fromisoformat(ended).timestamp()))
    return found


def _words_typed(study: StudyResult) -> list[str]:
    """The words of the study's first command, where Paribus was called on the command line."""
    try:
        words = shlex.split(study.command.split(" && ")[0]) if study.command else []
    except ValueError:  # a quotation mark without its other one
        words = []
    return _with_place(words, study.data.name) if words[:1] == ["paribus"] else []


def _with_place(words: Sequence[str], name: str | None) -> list[str]:
    """Words of a command with the name that its data have now: they may have moved since."""
    changed = list(words)
    for place, word in enumerate(words):
        if not name or ", " in name:
            break
        if word.startswith("--data="):
            changed[place] = f"--data={name}"
        elif word == "--data" and place + 1 < len(words):
            changed[place + 1] = name
    return changed


def _longer(study: StudyResult, augmented: Sequence[str] = ()) -> list[str]:
    """The command that trains longer; empty where the study was not begun by one that takes a budget.

    Args:
        study: What it goes on from.
        augmented: Models that train anew with DiffAugment, they alone; by default all train as before.
    """
    words, budget = _words_typed(study), _times(study.budget, LONGER)
    if not budget or study.path is None:
        return []
    if study.single and not augmented:
        run = study.runs[0]
        return ["paribus", "train", run.preset or run.model, "--out", str(study.path), "--resume", "--budget", budget]
    if words[1:2] != ["train" if study.single else "compare"]:
        return []
    kept, out = _without(words, "--budget", "--out"), f"{study.path}-{budget}"
    if not augmented:
        return [*kept, "--budget", budget, "--out", out]
    kept = [word for word in _without(kept, "--models") if word != "--resume"]
    chosen = [] if study.single else ["--models", ",".join(augmented)]
    change = ["-o", f"objective.diff_augment={AUGMENTED}"]
    return [*kept, *chosen, "--budget", budget, *change, "--out", f"{out}-augmented"]


def _without(words: Sequence[str], *options: str) -> list[str]:
    """Words of a command without some options and their values."""
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in options:
            skip = True
        elif word.split("=")[0] not in options:
            kept.append(word)
    return kept


def _times(budget: str, times: int) -> str:
    """A budget times a whole number, written alike; empty where there are several."""
    figure = budget.rstrip("abcdefghijklmnopqrstuvwxyz")
    try:
        amount = float(figure) * times
    except ValueError:
        return ""
    return f"{amount:g}{budget[len(figure) :]}" if amount < 1e6 else f"{amount:.6g}{budget[len(figure) :]}"


def _resumed(study: StudyResult) -> str:
    if study.path is None:
        return ""
    folder = shlex.quote(str(study.path))
    if study.single:
        return f"paribus train {study.runs[0].preset or study.runs[0].model} --out {folder} --resume"
    return f"paribus study run {folder}"
