"""What a person may write as a setting."""

from __future__ import annotations

import random
from pathlib import Path

from tests.torture.harness import Outcome, Surface, command

_PATHS = ("training.batch_size", "training.budget", "objective.name", "objective.latent_dim", "backbone.width", "seed",
          "training.optimizer.G.learning_rate", "training.optimizer.G.beta1", "training.optimizer.G.eps")  # fmt: skip
_VALUES = ("-1", "0", "4", "nan", ".inf", "1e400", "{}", "[]", "null", "3.7", "yes", "x" * 5000, "\u202e",
           "!!python/x y")  # fmt: skip


class Overrides(Surface):
    name = "overrides"
    promise = "a setting is refused in words, or trained with"

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        override = f"{draw.choice(_PATHS)}={draw.choice(_VALUES)}"
        tiny = ("training.budget=2updates", "training.threads=1", "backbone.width=4", "training.batch_size=4")
        words = [word for setting in (*tiny, override) for word in ("-o", setting)]
        out = folder / f"run-{draw.randrange(1 << 62)}"
        return command("train", "gan", "--data", "digits", "--no-score", "--out", str(out), *words)
