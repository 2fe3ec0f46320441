"""A study run before one's eyes: a live table of its runs on a terminal, a line for every change elsewhere."""

from __future__ import annotations

import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from paribus.base.errors import ParibusError
from paribus.base.wording import duration
from paribus.cli.console import LINE_SECONDS, markup, print_table, say, tell

if TYPE_CHECKING:
    from rich.table import Table

    from paribus.studies.status import RunState, Status
    from paribus.studies.study import Study

Show = Callable[[Sequence["RunState"]], None]
Left = Callable[[Sequence["RunState"]], "float | None"]

FIRST: tuple[Status, ...] = ("running", "failed", "stopped", "waiting", "done")
"""Which runs a table that is too long for the terminal shows first."""
COLUMNS = ("run", "state", "progress", "images", "left", "loss")


def run_watched(study: Study, *, retry: bool = False, dry_run: bool = False, estimated: bool = True) -> None:
    """Says what a study will cost, runs it with a live table, and names its report.

    Args:
        study: What to run.
        retry: Whether failed runs are retried.
        dry_run: Whether to show the runs and start none.
        estimated: Whether a few steps of each run are timed first, to say how long all will take.

    Raises:
        ParibusError: The study's folder cannot be written to.
        AllFailed: Every run failed; the report is written all the same.
        typer.Exit: It was interrupted (130).
    """
    from paribus.base.outputs import check_output
    from paribus.base.processes import stop_on_signal
    from paribus.commands.studies import refuse_where_all_failed
    from paribus.results.words import statement
    from paribus.studies.remaining import Remaining
    from paribus.studies.results import equal_parameters

    check_output(study.folder)
    for fact in equal_parameters(study.prepared.matches):
        say(str(statement(fact)))
    waiting = study.waiting(retry)
    expected: dict[str, float] = {}
    if dry_run:
        print_table(study.listing(waiting))
    if waiting:
        runs = f"{len(waiting)} runs on {study.data_names}, {study.budget} each, {_at_a_time(study)}"
        if estimated and not _can_be_timed(study):
            runs += " (not timed: this machine lacks a device that they name)"
        elif estimated:
            kinds = len({run.label for run in waiting})
            say(f"timing a few steps of each of {kinds} kinds of run, and a few scored images")
            cost = study.estimate(waiting, _say_timing)
            expected = cost.by_label
            runs += f": {cost}"
        say(f"{runs} in {study.folder}")
    else:
        say(f"nothing to do: {len(study.runs)} runs are over in {study.folder}")
    if dry_run:
        return
    remaining = Remaining(study.prepared.workers, expected)
    with watching_study(remaining) as changed, stop_on_signal() as stop_requested:
        finished = study.run(changed, stop_requested, retry=retry)
    results = study.results
    failed = [run for run in results.runs if run.status == "failed"]
    for run in failed:
        say(f"failed: {run.model} seed {run.seed}: {run.reason}")
    if failed:
        say(f"{len(failed)} of {len(results.runs)} runs failed")
    diverged = list(dict.fromkeys(run.model for run in failed if run.folder is not None and run.folder.diverged))
    for label in diverged:
        say(
            f"{label} diverges again by the same settings: 'paribus study retry {study.folder} {shlex.quote(label)} -o "
            f"{slower(study, label)}' trains all its seeds anew with a lower learning rate; -o "
            "training.gradient_clip=... bounds its gradients, and other models may not need it"
        )
    if any(run.model not in diverged for run in failed):
        say(f"'paribus study retry {study.folder}' retries failed runs")
    if not finished:
        say("interrupted: the same command resumes from the checkpoints")
        raise typer.Exit(130)
    _print_ending(study)
    refuse_where_all_failed(study)


def _say_timing(label: str, what: str, place: int, of: int) -> None:
    say(f"timing {label} ({place} of {of}): {what}")


def _print_ending(study: Study) -> None:
    """The verdict, a small leaderboard, what to do next, and on the last line of stdout the report's file."""
    from paribus.report.tables import small_leaderboard
    from paribus.report.verdict import verdict, what_next

    results = study.results
    said = verdict(results)
    say(said.text)
    rows = small_leaderboard(results, said.metric)
    if rows:
        print_table(rows, to_stderr=True)
    for step in what_next(results, said):
        say(f"next: {step}")
    say("the report, to be opened in any browser:")
    tell(study.folder / "report.html")


def slower(study: Study, label: str) -> str:
    """Overrides that train a study's model with a third of its learning rates."""
    from paribus.config import Schedule

    config = next(run.config for run in study.runs if run.label == label)
    values: dict[str, float] = {}
    for role, optimizer in config.training.optimizer.items():
        path, rate = f"training.optimizer.{role}.learning_rate", optimizer.learning_rate
        ends = {f"{path}.start": rate.start, f"{path}.end": rate.end} if isinstance(rate, Schedule) else {path: rate}
        values |= {end: value / 3 for end, value in ends.items()}
    return " -o ".join(f"{path}={value:.3g}" for path, value in values.items())


def _at_a_time(study: Study) -> str:
    local = f"{study.prepared.workers} at a time"
    return local if study.engine == "local" else f"on Ray; on this machine alone, {local}"


def _can_be_timed(study: Study) -> bool:
    """Whether steps can be timed here; a run that is trained here says by itself which device is missing."""
    from paribus.training.hardware import choose_device

    if study.engine == "local":
        return True
    try:
        for run in study.runs:
            choose_device(run.config.training.device)
    except ParibusError:
        return False
    return True


@contextmanager
def watching_study(left: Left = lambda states: None) -> Iterator[Show]:
    """Yields what is to be called with the states of all runs whenever one changed; shows them on stderr.

    Args:
        left: Says by the states how many seconds all runs will still take.
    """
    if not sys.stderr.isatty():
        yield StudyLines(left)
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    with Live(console=console, refresh_per_second=4) as live:
        yield lambda states: live.update(live_table(states, console.height - 4, left(states)))


class StudyLines:
    """A line for every change of state, and every few seconds one for each run at work and one for all of them.

    Args:
        left: Says by the states how many seconds all runs will still take.
    """

    def __init__(self, left: Left) -> None:
        self._left = left
        self._shown: dict[str, str] = {}
        self._last = float("-inf")

    def __call__(self, states: Sequence[RunState]) -> None:
        """Says what changed."""
        left = self._left(states)
        if not self._shown:
            self._shown = {state.name: state.status for state in states}
            say(totals(states, left))
        due = time.monotonic() - self._last >= LINE_SECONDS
        width = max(len(state.name) for state in states)
        for state in states:
            if self._shown.get(state.name, "waiting") != state.status or (due and state.status == "running"):
                self._shown[state.name] = state.status
                words = "  ".join(part for part in progress_words(state) if part)
                say(f"{state.name:<{width}}  {state.status:<8}  {words}".rstrip())
        if due:
            if any(state.status == "running" for state in states):
                say(totals(states, left))
            self._last = time.monotonic()


def live_table(states: Sequence[RunState], rows: int, left: float | None = None) -> Table:
    """The runs as a table of at most so many rows, those at work first where not all have room."""
    from rich.table import Table

    table = Table(*COLUMNS, box=None, caption=totals(states, left), caption_justify="left")
    shown = states
    if len(states) > rows:
        chosen = {state.name for state in sorted(states, key=lambda state: FIRST.index(state.status))[: max(rows, 1)]}
        shown = [state for state in states if state.name in chosen]
    for state in shown:
        table.add_row(markup(state.name), state.status, *map(markup, progress_words(state)))
    return table


def totals(states: Sequence[RunState], left: float | None = None) -> str:
    """How many runs there are of each status, and how many seconds all of them will still take."""
    counts = Counter(state.status for state in states)
    words = f"{len(states)} runs: " + ", ".join(f"{counts[status]} {status}" for status in FIRST if counts[status])
    return f"{words}; about {duration(round(left))} left" if left and left >= 1 else words


def progress_words(state: RunState) -> tuple[str, str, str, str]:
    """How far a run is: share of the budget, images, time left, and its losses or what else there is to say."""
    if state.status != "running":
        return "", "", "", (state.reason.splitlines() or [""])[0]
    progress = state.progress
    if progress is None:
        return "", "", "", state.notice or "preparing"
    losses = "  ".join(f"{name} {value:.4g}" for name, value in progress.losses.items())
    images = f"{progress.images:,} images"
    if progress.fraction is None:
        return "", images, "", losses
    fraction = min(progress.fraction, 1.0)
    words = state.notice if fraction == 1 and state.notice else losses
    return f"{fraction:.0%}", images, f"{duration(progress.seconds_left or 0.0)} left", words
