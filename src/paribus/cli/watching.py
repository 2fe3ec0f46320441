"""What a study shows of itself: a live table of its runs on a terminal, a line for every change elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from paribus.base.wording import duration
from paribus.cli.console import LINE_SECONDS, say
from paribus.studies.engines import Job

if TYPE_CHECKING:
    from rich.table import Table

Show = Callable[[list[Job]], None]

FIRST = ("running", "failed", "stopped", "waiting", "done")
"""Which runs a table that is too long for the terminal shows first."""
COLUMNS = ("run", "state", "progress", "images", "left", "loss")


@contextmanager
def watching_study() -> Iterator[Show]:
    """Yields what is to be called with all jobs whenever one of them changed; shows them on stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    with Live(console=console, refresh_per_second=4) as live:
        yield lambda jobs: live.update(live_table(jobs, console.height - 4))


class _Lines:
    """A line for every change of state, and every few seconds one for each run at work."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}
        self._last = float("-inf")

    def __call__(self, jobs: list[Job]) -> None:
        if not self._shown:
            self._shown = {job.name: job.state for job in jobs}
            say(totals(jobs))
        due = time.monotonic() - self._last >= LINE_SECONDS
        width = max(len(job.name) for job in jobs)
        for job in jobs:
            if self._shown.get(job.name, "waiting") != job.state or (due and job.state == "running"):
                self._shown[job.name] = job.state
                say(
                    f"{job.name:<{width}}  {job.state:<8}  {'  '.join(part for part in standing(job) if part)}".rstrip()
                )
        if due:
            self._last = time.monotonic()


def live_table(jobs: Sequence[Job], rows: int) -> Table:
    """The runs as a table of at most so many rows, those at work first where not all have room."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(*COLUMNS, box=None, caption=totals(jobs), caption_justify="left")
    shown = jobs
    if len(jobs) > rows:
        chosen = sorted(jobs, key=lambda job: FIRST.index(job.state))[: max(rows, 1)]
        shown = [job for job in jobs if job in chosen]
    for job in shown:
        table.add_row(escape(job.name), job.state, *map(escape, standing(job)))
    return table


def totals(jobs: Sequence[Job]) -> str:
    """How many runs there are of each state."""
    counts = Counter(job.state for job in jobs)
    return f"{len(jobs)} runs: " + ", ".join(f"{counts[state]} {state}" for state in FIRST if counts[state])


def standing(job: Job) -> tuple[str, str, str, str]:
    """How far a run is: share of the budget, images, time left, and its losses or what else there is to say."""
    if job.state != "running":
        return "", "", "", (job.reason.splitlines() or [""])[0]
    if not job.progress:
        return "", "", "", job.notice or "preparing"
    progress = job.progress
    losses = "  ".join(f"{key} {value:.4g}" for key, value in progress["terms"].items() if key.endswith("/loss"))
    images = f"{progress['images']:,} images"
    if progress["fraction"] is None:
        return "", images, "", losses
    fraction = min(progress["fraction"], 1.0)
    left = progress["seconds"] * (1 / fraction - 1) if fraction else 0.0
    words = job.notice if fraction == 1 and job.notice else losses
    return f"{fraction:.0%}", images, f"{duration(left)} left", words
