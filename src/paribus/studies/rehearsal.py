"""Starts as a run's process starts, reads its images, and ends: `python -m paribus.studies.rehearsal`, to be timed.

stdin is the configuration as JSON.
"""

from __future__ import annotations

import json
import sys

from paribus.recipes import RunConfig


def main() -> None:
    """Imports what a run needs, and loads its images."""
    config = RunConfig(**json.loads(sys.stdin.read()))

    import paribus.runs.run  # noqa: F401  (what a worker imports)
    from paribus.data import load_data

    load_data(config.data)


if __name__ == "__main__":
    main()
