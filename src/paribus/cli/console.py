"""What long work shows of itself: a live bar on a terminal, a line every few seconds elsewhere; always on stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from paribus.base.names import printable
from paribus.base.processes import place
from paribus.base.wording import duration, stage_words

if TYPE_CHECKING:
    from paribus.results.score import Score
    from paribus.training import Progress

LINE_SECONDS = 5.0


def say(text: str) -> None:
    """A line to the user, on stderr; from a run's first process alone."""
    if place().is_first:
        print(printable(text), file=sys.stderr, flush=True)


def tell(*lines: object) -> None:
    """Lines of what was asked for, on stdout."""
    for line in lines:
        print(printable(str(line)))


def markup(text: str) -> str:
    """A text as rich's markup that shows it as it is."""
    from rich.markup import escape

    return escape(printable(text, line=True))


class _Shown(logging.Handler):
    """Says what is logged, as plain lines, and nothing twice: a command may load its data or a model again."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self._said:
            self._said.add(text)
            say(text)


def show_findings(wanted: bool) -> None:
    """From now on says which models are unfinished and, if wanted, what is found in the data that are loaded."""
    for name, handler in (("data", _Shown() if wanted else logging.NullHandler()), ("models", _Shown())):
        logger = logging.getLogger(f"paribus.{name}")
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False


@dataclass
class RunDisplay:
    """Shows one run's progress; `notice` names what it does besides training."""

    name: str
    _bar: Any = None
    _task: Any = None
    _fraction: float = 0.0
    _stage: str = ""
    _last_line: float = float("-inf")

    def __call__(self, progress: Progress) -> None:
        """Shows a run's progress."""
        losses = "  ".join(f"{k} {v:.4g}" for k, v in progress.terms.items() if k.endswith(("/loss", "/elbo")))
        left = duration(progress.seconds_left or 0.0)
        text = f"{progress.images:,} images  {duration(progress.seconds)}, {left} left  {losses}"
        self._fraction = min(progress.fraction or 0.0, 1.0)
        self._show(text)

    def notice(self, stage: str, done: int, total: int) -> None:
        """Shows what is being done before and after training, a new piece of work at once."""
        self._show(stage_words(stage, done, total), at_once=stage != self._stage)
        self._stage = stage

    def stage(self, stage: str, done: int, total: int) -> None:
        """Shows one piece of work and how much of it is done."""
        self._fraction = done / total if total else 0.0
        self.notice(stage, done, total)

    def _show(self, text: str, at_once: bool = False) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=self._fraction, text=markup(text))
        elif at_once or time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            say(f"{self.name}  {self._fraction:4.0%}  {text}")


@contextmanager
def watching(name: str) -> Iterator[RunDisplay]:
    """A `RunDisplay`, with a live bar where stderr is a terminal."""
    if not sys.stderr.isatty() or not place().is_first:
        yield RunDisplay(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[text]}"))
    with Bars(*columns, console=Console(stderr=True)) as bar:
        yield RunDisplay(name, bar, bar.add_task(markup(name), total=1.0, text="preparing"))


def print_scores(scores: list[Score]) -> None:
    """A table of scores on stdout."""
    from paribus.results.words import fact_words

    rows = []
    for score in scores:
        value = "-" if score.value is None else f"{score.value:.5g}"
        error = "" if score.error is None else f"± {score.error:.2g}"
        rows.append(
            {
                "metric": score.metric + (" (best)" if score.weights == "best" else ""),
                "value": f"{value} {error}".strip(),
                "n": score.n or "",
                "encoder": score.encoder.id if score.encoder else "",
                "remark": "; ".join(map(fact_words, score.warnings)),
            }
        )
    print_table(rows)


def print_table(rows: list[dict[str, Any]], *, to_stderr: bool = False) -> None:
    """Dictionaries with the same keys as an aligned table; the last column may be long; of none, nothing."""
    if not rows:
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    columns = [key for key in rows[0] if any(row[key] not in ("", None) for row in rows)]
    for key in columns:
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[key]) for key in columns))
    stream = sys.stderr if to_stderr else sys.stdout
    Console(file=stream, width=print_width(stream)).print(table)


def print_width(stream: TextIO | None = None) -> int | None:
    """Columns of what is printed, by default on stdout; None for a terminal's own."""
    return None if (stream or sys.stdout).isatty() else 160


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {n:,}" if isinstance(n, int) else f"{key}={n}" for key, n in value.items())
    return "" if value is None else markup(str(value))
