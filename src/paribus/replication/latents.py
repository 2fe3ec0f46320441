"""The views of latents that a paper shows, drawn into the folders of finished runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from paribus.base.files import write_json
from paribus.replication.papers import Paper
from paribus.results.folder import RunFolder
from paribus.studies.plan import StudyRun
from paribus.views import walks
from paribus.views.codes import clusters
from paribus.views.subject import Subject
from paribus.views.truncation import truncation
from paribus.views.view import View

FOLDER = "latents"
VIEWS: dict[str, Callable[..., View]] = {
    "manifold": walks.manifold,
    "traverse": walks.traverse,
    "interpolate": walks.interpolate,
    "classes": walks.classes,
    "turn": walks.turn,
    "clusters": clusters,
    "truncation": truncation,
}


def draw_latents(read: Paper, labels: Mapping[str, str], runs: Sequence[StudyRun]) -> None:
    """Draws what each row names, NAME.png and NAME.json in `latents` of a run's folder; what is there stays.

    Args:
        read: The paper.
        labels: By system that is run, the label of its runs.
        runs: All of the study.
    """
    for system, (row, _) in read.systems.items():
        for run in runs if row.latents else ():
            if run.label == labels.get(system) and (run.folder.done or {}).get("status") == "done":
                _draw(run.folder, row.latents)


def _draw(run: RunFolder, wanted: Mapping[Any, dict[str, Any]]) -> None:
    folder = run.path / FOLDER
    missing = {name: options for name, options in wanted.items() if _is_older(folder / f"{name}.json", run)}
    if not missing:
        return
    subject = Subject.of(run.path)
    folder.mkdir(exist_ok=True)
    for name, options in missing.items():
        view = VIEWS[name](subject, **options)
        view.drawing.picture().save(folder / f"{name}.png", optimize=True)
        write_json(folder / f"{name}.json", {"title": view.title, "caption": list(view.lines)} | view.numbers)


def _is_older(file: Path, run: RunFolder) -> bool:
    """Whether a view was not drawn since the run ended: one that was extended has other latents."""
    return not file.is_file() or file.stat().st_mtime < (run.path / "done.json").stat().st_mtime
