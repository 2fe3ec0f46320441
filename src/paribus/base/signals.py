"""Ctrl-C and SIGTERM as a request to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stop_on_signal(*, once_asked: bool = False) -> Iterator[Callable[[], bool]]:
    """Turns the first Ctrl-C or SIGTERM into a request to stop after the step; a second one stops at once.

    Args:
        once_asked: Whether the first one stops at once, too, until requests are asked for: before the first step there
            is nothing to be written.
    """
    requested, asked = threading.Event(), threading.Event()
    if not once_asked:
        asked.set()

    def request(number: int, frame: object) -> None:
        if requested.is_set() or not asked.is_set():
            raise KeyboardInterrupt
        requested.set()

    def is_requested() -> bool:
        asked.set()
        return requested.is_set()

    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield is_requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
