"""Where results that can be computed again are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The root of the cache: `PARIBUS_CACHE`, else `XDG_CACHE_HOME`/paribus, else ~/.cache/paribus (not created)."""
    own = os.environ.get("PARIBUS_CACHE")
    if own:
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared).expanduser() if shared else Path.home() / ".cache") / "paribus"
