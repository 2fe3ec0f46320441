"""The command `paribus doctor`: what it finds of the machine, the data, the cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from paribus.base.cache import cache_folder, clean_cache
from paribus.base.wording import size
from paribus.cli.console import tell


def doctor(
    clean: Annotated[bool, typer.Option("--clean-cache", help="Remove what Paribus keeps in the cache.")] = False,
) -> None:
    """Say what this machine offers, where data and cache lie, and what is missing."""
    if clean:
        from paribus.metrics.inception_weights import URL

        folder = cache_folder()
        tell(f"removed {size(clean_cache(folder, [Path(URL).name]))} from {folder}")
    for name, value in _findings():
        tell(f"{name + ':':<16}{value}")


def _findings() -> Iterator[tuple[str, str]]:
    """Names and values, the machine first."""
    from paribus.data.storage import installed_bytes
    from paribus.training.hardware import machine

    for name, value in machine().items():
        yield name, {None: "none", True: "yes", False: "no"}.get(value, str(value))
    yield "memory", size(installed_bytes())
    yield "free disk here", size(shutil.disk_usage(Path.cwd()).free)
    yield "cache", f"{cache_folder()} ({size(_folder_bytes(cache_folder()))}); PARIBUS_CACHE moves it"
    yield "data sets", _data_sets()
    yield "Inception", _inception()


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0


def _inception() -> str:
    from paribus.metrics.inception_weights import URL, VARIABLE

    given = os.environ.get(VARIABLE)
    kept = cache_folder() / "weights" / Path(URL).name
    if given:
        return f"{VARIABLE}={given}" + ("" if Path(given).expanduser().is_file() else " is not a file")
    return f"{kept}" if kept.is_file() else f"its weights are downloaded when they are needed; {VARIABLE} names a file"


def _data_sets() -> str:
    root = os.environ.get("PARIBUS_DATA")
    if root is None:
        return "PARIBUS_DATA is not set: names other than digits come from the Hugging Face Hub"
    if not Path(root).is_dir():
        return f"PARIBUS_DATA={root} is not a folder"
    names = sorted(path.name for path in Path(root).iterdir() if any(path.glob("*.parquet")))
    return f"{', '.join(names) or 'none'} in PARIBUS_DATA={root}"
