"""What a person may write as a setting: overrides, files of settings, plans of studies, budgets."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from paribus.base.errors import Interrupted
from paribus.commands.studies import run_study
from paribus.commands.train import train
from paribus.config import Budget
from paribus.recipes import model_names, resolve
from paribus.recipes.settings import Setting, described
from tests.torture import nonsense
from tests.torture.harness import Ending, Outcome, Surface, command

COSTLY = ("updates", "samples", "images", "steps", "starts")
"""Ends of the paths whose largest allowed values are honest work, and long."""
TINY = ("sampler.updates=3", "backbone.width=4", "training.batch_size=4", "training.threads=1", "evaluation.samples=64",
        "evaluation.encoder=pixels", "evaluation.metrics=[frechet]")  # fmt: skip
STEPS = 2


def in_memory() -> None:
    """Lets files be written without waiting for the disk: what is on it is what other surfaces are about."""
    os.fsync = lambda descriptor: None  # type: ignore[assignment]


def trained(
    model: str, overrides: Sequence[str], folder: Path, draw: random.Random, config: Any = None, **given: Any
) -> Outcome:
    """A few steps of a tiny run with these settings, and its scores where they name these."""
    named = {override.partition("=")[0].strip() for override in overrides}
    changed = [*(setting for setting in TINY if setting.partition("=")[0] not in named), *overrides]
    steps = iter(range(STEPS))
    budget = {} if "training.budget" in named else {"budget": f"{STEPS}updates"}
    with contextlib.suppress(Interrupted):
        train(model, config=config, overrides=changed, out=folder / f"run-{draw.randrange(1 << 62)}",
              score=any(name.startswith("evaluation") for name in named),
              stop_requested=lambda: next(steps, None) is None, **{**budget, **given})  # fmt: skip
    return Outcome(Ending.DONE, f"{model} {' '.join(map(ascii, overrides))}")


class Overrides(Surface):
    name = "overrides"
    promise = "a setting is refused in words, or trained with"
    few = 40

    def prepare(self, folder: Path) -> None:
        in_memory()
        self.settings = {model: described(model).settings for model in model_names()}

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        model = draw.choice(list(self.settings))
        overrides = [self._override(draw, self.settings[model]) for _ in range(draw.choice((1, 1, 1, 2, 3)))]
        return trained(model, overrides, folder, draw)

    def _override(self, draw: random.Random, settings: Sequence[Setting]) -> str:
        setting = draw.choice(settings)
        path = setting.path
        if draw.random() < 0.1:
            path = draw.choice((path.rpartition(".")[0], path + ".x", path.upper(), "", ".", "x.y", path + ".", "=",
                                f"{path}.name", " " + path, "training.optimizer.G", "objective", "model"))  # fmt: skip
        match draw.choice(("yaml", "text", "number", "number", "allowed", "value")):
            case "yaml":
                return f"{path}={draw.choice(nonsense.YAML)}"
            case "text":
                return f"{path}={draw.choice(nonsense.TEXTS)}"
            case "number":
                number = nonsense.number(draw)
                if path.endswith(COSTLY) and 70 < number < 1e11:
                    number = -number
                return f"{path}={number}"
            case "allowed":
                return f"{path}={draw.choice(setting.allowed.split(' | '))}"
        return f"{path}={yaml.safe_dump(nonsense.value(draw), default_flow_style=True).strip()}"


def text_of(draw: random.Random, tree: Any) -> bytes:
    """A tree as somebody may write it down, and damaged on the way in some cases."""
    form = draw.choice(("yaml", "yaml", "yaml", "flow", "damaged", "latin-1", "utf-16", "snippet", "alias"))
    text = yaml.safe_dump(tree, default_flow_style=form == "flow" or None, allow_unicode=True)
    match form:
        case "damaged":
            return nonsense.damaged(draw, text.encode(errors="surrogatepass"))
        case "latin-1":
            return (text + "# é").encode("latin-1", errors="replace")
        case "utf-16":
            return text.encode("utf-16", errors="replace")
        case "snippet":
            return draw.choice(nonsense.YAML).encode(errors="surrogatepass")
        case "alias":
            return (text + f"\nx: {draw.choice(nonsense.YAML)}\n").encode(errors="surrogatepass")
    return text.encode(errors="surrogatepass")


class Configs(Surface):
    name = "config"
    promise = "a file of settings is refused in words, or trained with"
    few = 40

    def prepare(self, folder: Path) -> None:
        in_memory()
        self.trees = {name: resolve(name, overrides=TINY).tree() for name in model_names()}

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        model = draw.choice(list(self.trees))
        tree: Any = self.trees[model]
        for _ in range(draw.choice((0, 1, 1, 2, 4))):
            tree = nonsense.changed(draw, tree)
        file = folder / "config.yaml"
        file.write_bytes(text_of(draw, tree))
        out = folder / f"run-{draw.randrange(1 << 62)}"
        tiny = [word for setting in TINY[:4] for word in ("-o", setting)]
        return command(
            "train", model, "--config", str(file), "--out", str(out), "--budget", "2updates", "--no-score", *tiny
        )


_STUDY = {
    "name": "widths", "model": "vae", "data": {"name": "digits", "size": 8}, "budget": "1kimg", "seeds": [0, 1],
    "axes": {"backbone.width": [4, 8], "objective.latent_dim": [2, 3]}, "overrides": {"training": {"batch_size": 32}},
    "settings": {"defaults": {}, "fast": {"training.optimizer.E.learning_rate": 0.01}},
    "evaluation": {"samples": 64, "encoder": "pixels"}, "params": None,
}  # fmt: skip


class Studies(Surface):
    name = "study files"
    promise = "a STUDY.yaml is refused in words, or planned"
    few = 40

    def prepare(self, folder: Path) -> None:
        in_memory()

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        tree: Any = _STUDY
        for _ in range(draw.choice((0, 1, 1, 2, 4))):
            tree = nonsense.changed(draw, tree)
        if draw.random() < 0.1:
            seeds = draw.choice((200_000_000, 100_000, 10**18, "0,0", [1.0], [True], "1-3", [0, 2**63], [10**30]))
            tree = _STUDY | {"seeds": seeds}
        text = text_of(draw, tree)
        if draw.random() < 0.01:
            text = f"model: vae\nbudget: 1kimg\nseeds: {list(range(100_000))}\n".encode()
        file = folder / draw.choice(("study.yaml", "STUDY", "a b.yml", ".yaml", "x" * 200))
        file.write_bytes(text)
        study = run_study(file, out=folder / "study" if draw.random() < 0.8 else None, workers=1, start=False)
        study.listing(study.waiting())
        return Outcome(Ending.DONE, f"{len(study.runs)} runs")


class Budgets(Surface):
    name = "budgets"
    promise = "a budget is refused in words, or finite and spent"
    few = 200

    def prepare(self, folder: Path) -> None:
        in_memory()

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        amount = draw.choice((
            str(nonsense.number(draw)), draw.choice(nonsense.TEXTS), "9" * draw.choice((1, 30, 31, 32, 308, 309, 400)),
            f"{draw.random()}e{draw.randint(-400, 400)}", f"{draw.randint(0, 99)}.{draw.randint(0, 99)}",
            ".", "1..2", "1e",
        ))  # fmt: skip
        unit = draw.choice(
            ("s", "kimg", "img", "epoch", "epochs", "update", "updates", "flop", "", "S", "Kimg", " img", "km")
        )
        text = amount + unit
        budget = Budget.parse(text)
        assert 0 < budget.amount < float("inf"), budget
        if Budget.parse(str(budget)).unit != budget.unit:
            return Outcome(Ending.FAULT, f"{text} is written as {budget}")
        if draw.random() < 0.02:
            snapshots = draw.choice(("[1/3]", f"[{text!r}]", f"every {text}", "[1/0]", "[1e999999999]"))
            return trained("vae", [f"training.snapshots={snapshots}"], folder, draw, budget=text)
        return Outcome(Ending.DONE, str(budget))
