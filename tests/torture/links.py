"""Folders of a stranger in which links lead elsewhere."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

from tests.torture.harness import Ending, Outcome, Surface, command

ELSEWHERE = (
    ".lock", "log.txt", "metrics.jsonl", "live.json", "report.html", "results.json", "snapshots.json", "retried",
    "tensorboard", "latents", "samplers", "checkpoint/previous.pt", "checkpoint/new.pt", "samples/64.png",
    "runs/vae-seed0/.lock", "runs/vae-seed0/log.txt", "runs/vae-seed0/metrics.jsonl", "runs/vae-seed7", "runs",
)  # fmt: skip
"""Places that may be written to whether there is something or not."""
CACHE_PLACES = ("reference", "encoders", "weights", "data", "memory", "encoders/{key}.safetensors",
                "encoders/{key}.safetensors.lock", "reference/key.json", "reference/key.json.lock")  # fmt: skip


class Links(Surface):
    name = "links"
    promise = "nothing outside a folder is written, emptied or removed through a link in it"
    cases = 1000
    few = 25

    def prepare(self, folder: Path) -> None:
        made = command("train", "vae", "--data", "digits", "--budget", "64img", "--no-score", "--out", "a-run",
                       "-o", "training.snapshots=[1/2,1/1]")  # fmt: skip
        assert made.ending is Ending.DONE, made.what
        self.study = folder / "a-study"
        (self.study / "runs").mkdir(parents=True)
        shutil.copytree("a-run", self.study / "runs" / "vae-seed0")

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        work, outside = folder / "work", folder / "outside"
        for place in (work, outside):
            shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder / "a-run", outside / "copy")
        (outside / "precious").write_text("precious")
        kind = draw.choice(("run", "run", "study", "cache"))
        if kind == "cache":
            return self._cache(draw, work, outside)
        shutil.copytree(folder / ("a-run" if kind == "run" else "a-study"), work)
        there = [str(path.relative_to(work)) for path in work.rglob("*")]
        place = work / draw.choice((*there, *ELSEWHERE))
        self._link(draw, place, outside)
        before = state_of(outside)
        words = draw.choice((
            ("train", "vae", "--data", "digits", "--budget", "96img", "--no-score", "--resume", "--out", "work"),
            ("report", "work", "--live"), ("report", "work"), ("study", "status", "work"), ("study", "run", "work"),
            ("compare", "--models", "vae", "--seeds", "1", "--budget", "64img", "--dry-run", "--out", "work"),
            ("sample", "work", "--sampler", "gmm", "--out", "work/samples/new.png"),
            ("latent", "work", "manifold", "--out", "work/latents/new.png"),
        ))  # fmt: skip
        outcome = command(*words)
        return judged(outcome, before, outside, f"{place.relative_to(work)} leads to {outside}")

    def _link(self, draw: random.Random, place: Path, outside: Path) -> None:
        """Puts a link, or a pipe, in a place."""
        target = draw.choice((outside / "precious", outside / "copy", outside / "new", outside / "copy" / place.name,
                              outside))  # fmt: skip
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        how = draw.randrange(10)
        if how == 0:
            os.mkfifo(place)
        elif how < 4:
            place.symlink_to(os.path.relpath(target, place.parent))
        elif how < 6:
            between = place.with_name("between")
            between.symlink_to(target)
            place.symlink_to(between.name)
        else:
            place.symlink_to(target)

    def _cache(self, draw: random.Random, work: Path, outside: Path) -> Outcome:
        import torch

        from paribus.base.cache import clean_cache
        from paribus.metrics.estimates import Estimate
        from paribus.metrics.reference import cached_scores, cached_weights, key_hash, weights_path

        key = ("torture", draw.randrange(100))
        self._link(draw, work / draw.choice(CACHE_PLACES).format(key=key_hash(*key)), outside)
        (outside / weights_path(key, work).name).write_text("theirs")
        before = state_of(outside)
        outcome = Outcome(Ending.DONE)
        try:
            cached_weights(lambda: {"a": torch.ones(1)}, key, work)
            cached_scores(lambda: {"a": Estimate(1.0, 0.0)}, "key", work)
        finally:
            clean_cache(work)
            outcome = judged(outcome, before, outside, "the cache")
            if outcome.ending is Ending.FAULT:
                return outcome  # noqa: B012  (weighs more than an error)
        return outcome


def state_of(folder: Path) -> dict[str, bytes]:
    """Names and contents of all that lies in a folder."""
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def judged(outcome: Outcome, before: dict[str, bytes], outside: Path, what: str) -> Outcome:
    """The outcome, or a fault where what lies outside has changed."""
    now = state_of(outside)
    changed = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
    return Outcome(Ending.FAULT, f"changed: {changed}\n{what}\n{outcome.what}") if changed else outcome
