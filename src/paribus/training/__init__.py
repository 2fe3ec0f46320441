"""Training: one loop for every objective, with exact resume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NUMERICS_VERSION = 3
"""Part of every run's identity: raise it with any change after which the same configuration and images end with other
weights, wherever it is made (data, networks, losses, draws, optimisers, the loop). Runs of another version are not
resumed and not mixed with new ones in a study."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for whoever watches it.

    Attributes:
        fraction: Of its budget, above 1 where the last step exceeded it; None where it cannot be known.
        images: Training images seen.
        seconds: Of training alone.
        terms: The newest line of metrics.jsonl; empty before the first one.
    """

    fraction: float | None
    images: int
    seconds: float
    terms: dict[str, Any]

    @property
    def losses(self) -> dict[str, float]:
        """The newest logged losses by name."""
        return {name: value for name, value in self.terms.items() if name.endswith("/loss")}

    @property
    def seconds_left(self) -> float | None:
        """Expected, at the pace so far; None where it cannot be known."""
        return self.seconds * (1 / min(self.fraction, 1.0) - 1) if self.fraction else None
