"""What is found in data, told to whoever listens: a line a finding to the logger "paribus.data"."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from paribus.results.score import Fact
from paribus.results.words import finding_words

LOGGER = logging.getLogger("paribus.data")
"""The command line shows what it is told; in a program `logging` decides."""


def tell(name: str, findings: Iterable[Fact]) -> None:
    """Tells what was found in a data set.

    Args:
        name: The set's.
        findings: In the order in which they are told.
    """
    for fact in findings:
        LOGGER.info("%s: %s", name, finding_words(fact))
