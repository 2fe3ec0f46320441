"""A metric in words, and what a table, a ranking or a tuning needs to know of it."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from paribus.config import Settings

Direction = Literal["lower", "higher", "towards", "none"]


class Metric(Settings):
    """What a metric's number means. A measure declares it; results carry it, so that they can be read without measures.

    Attributes:
        name: What it is asked for by.
        label: What a table's header says.
        unit: Unit of the value; empty for a pure number.
        direction: Which way is better; "towards" the target; "none" where neither is.
        target: The best value of a metric with direction "towards"; None otherwise.
        meaning: One sentence.
        comparable: "Comparable only when ...".
        unseen: What it does not see.
        by_default: Whether it is measured where no metric is named.
        section: Where a report shows it: in the leaderboard, with the costs, with the steadiness, beside other sources
            of latents, as the floor of another metric, or in the list of all scores alone ("detail").
        place: Its place among the columns of the leaderboard.
        ranks: Its place among the metrics that a study may be ranked by, from 1; None where it is none of them.
        floor: The metric that says what real images score in the samples' place; None without one.
    """

    name: str
    label: str
    unit: str = ""
    direction: Direction = "none"
    target: float | None = None
    meaning: str = ""
    comparable: str = ""
    unseen: str = ""
    by_default: bool = True
    section: Literal["leaderboard", "cost", "steadiness", "latents", "floor", "detail"] = "detail"
    place: int = 0
    ranks: int | None = None
    floor: str | None = None

    @model_validator(mode="after")
    def _has_its_target(self) -> Metric:
        if (self.direction == "towards") != (self.target is not None):
            raise ValueError("a target with direction 'towards', and with no other")
        return self

    @property
    def better(self) -> str:
        """Which values are better: "lower is better", "nearer to 1 is better"; empty where none are."""
        if self.target is not None:
            return f"nearer to {self.target:g} is better"
        return f"{self.direction} is better" if self.direction in ("lower", "higher") else ""

    @property
    def arrow(self) -> str:
        """The same as a sign."""
        if self.target is not None:
            return f"→\u00a0{self.target:g}"
        return {"lower": "↓", "higher": "↑"}.get(self.direction, "")

    def shortfall(self, value: float) -> float:
        """How far a value is from the best: the less, the better."""
        if self.target is not None:
            return abs(value - self.target)
        return -value if self.direction == "higher" else value
