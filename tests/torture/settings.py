"""What a person may write as a setting."""

from __future__ import annotations

import random
from pathlib import Path

from tests.torture.harness import Outcome, Surface, command

_PATHS = ("training.batch_size", "training.budget", "objective.name", "objective.latent_dim", "backbone.width", "seed")
_VALUES = ("-1", "0", "nan", ".inf", "1e400", "{}", "[]", "null", "3.7", "yes", "x" * 5000, "\u202e", "!!python/x y")


class Overrides(Surface):
    name = "overrides"
    promise = "a setting's value is taken or refused in words"

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        override = f"{draw.choice(_PATHS)}={draw.choice(_VALUES)}"
        return command("train", "gan", "--data", "digits", "-o", override, "--dry-run", "--out", str(folder / "run"))
