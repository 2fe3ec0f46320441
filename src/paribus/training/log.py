"""metrics.jsonl: means of the logged terms since the last line, and the watch for losses that diverge."""

from __future__ import annotations

import json
import math
from typing import Any

import torch
from torch import Tensor

from paribus.base.errors import TrainingDiverged
from paribus.base.files import write_atomically
from paribus.base.processes import place
from paribus.results.folder import RunFolder
from paribus.training.distributed import mean_over_processes, minimum_over_processes
from paribus.training.state import TrainingState


class MetricsLog:
    """Collects terms on the device without waiting for it; `flush` reads them, checks them and writes a line."""

    def __init__(self, run: RunFolder, state: TrainingState, divergence_factor: float) -> None:
        self._run = run
        self._factor = divergence_factor
        self._names: dict[str, list[str]] = {}
        self._sums: dict[str, Tensor] = {}
        self._bad_since: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        if place().is_first:
            _cut(run, state.step)

    def add(self, phase: str, terms: dict[str, Tensor], step: int) -> None:
        """Adds one update's terms."""
        values = torch.stack([term.detach().float().reshape(()) for term in terms.values()])
        bad = torch.where(values.isfinite(), math.inf, float(step))
        if phase in self._sums:
            self._sums[phase] += values
            self._bad_since[phase] = torch.minimum(self._bad_since[phase], bad)
            self._counts[phase] += 1
        else:
            self._names[phase] = list(terms)
            self._sums[phase], self._bad_since[phase], self._counts[phase] = values, bad, 1

    def flush(self, state: TrainingState) -> dict[str, Any] | None:
        """Writes a line with the means since the last one, over the images of all processes.

        Returns:
            The line, or None where nothing was added since the last one.

        Raises:
            TrainingDiverged: A term became infinite or NaN, or a loss grew beyond its bound.
        """
        line: dict[str, Any] = {"step": state.step, "images": state.images, "seconds": round(state.seconds, 4)}
        if not self._sums:
            return None
        for phase, sums in self._sums.items():
            means = mean_over_processes(sums / self._counts[phase]).tolist()
            bad_since = minimum_over_processes(self._bad_since[phase]).tolist()
            for name, mean, since in zip(self._names[phase], means, bad_since, strict=True):
                term = f"{phase}/{name}"
                if math.isfinite(since):
                    raise _diverged(term, int(since), "became infinite or not a number")
                if name == "loss":
                    first = state.first_losses.setdefault(phase, mean)
                    if abs(mean) > self._factor * max(1.0, abs(first)):
                        raise _diverged(term, state.step, f"grew from {first:.4g} to {mean:.4g}")
                line[term] = mean
        self._sums.clear()
        if place().is_first:
            with self._run.metrics.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(line) + "\n")
        return line


def _diverged(term: str, step: int, what: str) -> TrainingDiverged:
    phase, name = term.split("/")
    return TrainingDiverged(
        f"Training diverged: the term '{name}' of phase '{phase}' {what}.",
        where=f"step {step}",
        fix="the same settings end the same way each time: change one, such as a learning rate three times lower "
        "(-o training.optimizer.ROLE.learning_rate=...) or a bound on gradients (-o training.gradient_clip=...), or "
        "take another model; the last good checkpoint is kept",
    )


def _cut(run: RunFolder, step: int) -> None:
    # lines after the checkpoint that is resumed from would stand twice
    lines = [line for line in run.metrics_lines() if line["step"] <= step]
    if step == 0 or run.metrics.is_file():
        write_atomically(run.metrics, "".join(json.dumps(line) + "\n" for line in lines))
