"""What differs between a row of a paper and its other forms, read off the runs' own configurations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paribus.config.overrides import leaves
from paribus.report.contents import Study
from paribus.report.settings import words_of

APART = ("model", "seed", "training.snapshots", "training.threads")
"""Settings that are not worth a line: they say what a run is called, or when it is looked at."""


@dataclass(frozen=True)
class FormDifference:
    """A form of a row, and each setting in which it is not the row as published: (words, published, here)."""

    system: str
    settings: tuple[tuple[str, str, str], ...]


def form_differences(study: Study, rows: dict[str, Any], labels: dict[str, str]) -> Iterable[FormDifference]:
    """Of each form that was run and is not the same run as its row."""
    for name, row in rows.items():
        published = _settings(study, labels.get(name))
        for form in row["forms"]:
            own = _settings(study, labels.get(f"{name}.{form}"))
            found = [
                (words_of(path), _words(published.get(path)), _words(own.get(path)))
                for path in dict.fromkeys([*published, *own])
                if published.get(path) != own.get(path) and path not in APART
            ]
            if published and own and found:
                yield FormDifference(f"{name}.{form}", tuple(found))


def _settings(study: Study, label: str | None) -> dict[str, Any]:
    folders = (run.folder for run in study.of(label or "") if run.folder and run.folder.exists)
    folder = next(folders, None)
    return dict(leaves(folder.record["config"])) if folder else {}


def _words(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else "not set" if value is None else str(value)
