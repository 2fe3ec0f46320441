"""Finished runs and studies of several folders as one study, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from paribus.base.errors import ParibusError
from paribus.base.places import checked_path
from paribus.results.run import DataRecord, Machine, RunResult
from paribus.results.study import StudyResult, models_of
from paribus.results.study_files import read_folder


def read_folders(folders: Sequence[Path]) -> StudyResult:
    """Reads several folders, each a study's or a run's, as one study; see `joined`.

    Raises:
        ParibusError: One holds neither, or was named twice.
    """
    places = [checked_path(folder, "DIR").resolve() for folder in folders]
    if again := next((folder for folder, place in zip(folders, places, strict=True) if places.count(place) > 1), None):
        raise ParibusError(
            "A folder cannot be put beside itself.", where=str(again), got="the same folder twice", fix="name it once"
        )
    return joined([read_folder(folder) for folder in folders], short_names(places))


def joined(studies: Sequence[StudyResult], names: Sequence[str]) -> StudyResult:
    """Several studies as one, without what follows from a plan: it has no folder of its own, nor axes.

    Models of one label that came from several studies are told apart by the studies' names. Runs keep the fingerprint
    of the data that they were trained on, so that those of different data are not ranked together.

    Args:
        studies: Two or more.
        names: What each is called, no two alike.
    """
    counts = Counter(model for study in studies for model in study.models)
    runs = tuple(
        _told_apart(run, name if counts[run.model] > 1 else "")
        for study, name in zip(studies, names, strict=True)
        for run in study.runs
    )
    alike = studies[0]
    sets = {study.data.fingerprint or study.data.name: study.data for study in studies}
    metrics = {name: words for study in reversed(studies) for name, words in study.metrics.items()}
    return StudyResult(
        name=" and ".join(names) if len(names) == 2 else f"{', '.join(names[:-1])} and {names[-1]}",
        runs=runs,
        models=models_of(runs),
        metrics=metrics,
        created=min((study.created for study in studies if study.created), default=""),
        command=" && ".join(dict.fromkeys(study.command for study in studies if study.command)),
        budget=", ".join(dict.fromkeys(study.budget for study in studies if study.budget)),
        data=alike.data if len(sets) == 1 else _several(tuple(sets.values())),
        seeds=tuple(sorted({run.seed for run in runs})),
        threads=alike.threads if len({study.threads for study in studies}) == 1 else None,
        machine=alike.machine if len({study.machine for study in studies}) == 1 else Machine(),
    )


def _several(sets: tuple[DataRecord, ...]) -> DataRecord:
    return DataRecord(name=", ".join(dict.fromkeys(data.name for data in sets)), sets=sets)


def _told_apart(run: RunResult, folder: str) -> RunResult:
    known = run.folder is not None and run.folder.exists
    record = (run.folder.record.get("data") or {}) if run.folder is not None and known else {}
    label = f"{run.model} ({folder})" if folder else run.model
    return replace(run, model=label, axes={}, fingerprint=record.get("fingerprint"))


def short_names(paths: Sequence[Path]) -> list[str]:
    """The last parts of paths, as many of them as tell all apart: `a/vae` and `b/vae`."""
    for parts in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-parts:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
