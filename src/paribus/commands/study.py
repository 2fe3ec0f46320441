"""`paribus study ...`: a study from a file or from the folder that holds it, larger, or with failed runs retried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from paribus.base.errors import ParibusError
from paribus.report import write_report
from paribus.studies.files import StudyFile, read_values
from paribus.studies.plan import StudyPlan, with_values
from paribus.studies.preparation import LOCAL
from paribus.studies.study import Study, stored_plan


def run_study(
    source: str | Path,
    *,
    out: str | Path | None = None,
    workers: int | None = None,
    engine: str = LOCAL,
    start: bool = True,
) -> Study:
    """Runs a study: what is finished stays, what was interrupted is resumed from its checkpoint.

    Args:
        source: A STUDY.yaml, or the folder of a study that has begun.
        out: The study's folder; by default runs/NAME.
        workers: Runs at a time; by default as many as there are cores, and one with a budget in seconds.
        engine: Where runs are trained: local, ray, or the address of a Ray cluster.
        start: Whether to run it now; otherwise `Study.estimate` and `Study.run` are at hand.

    Raises:
        ParibusError: The plan cannot be run, or the folder holds another study.
    """
    source = Path(source)
    if source.is_dir():
        if out is not None:
            raise ParibusError("A study's folder is its own --out.", where="--out", got=out, fix="leave --out out")
        study = Study.of(stored_plan(source), source, write_report=write_report, workers=workers, engine=engine)
    else:
        file: StudyFile[StudyPlan] = StudyFile(source)
        plan, folder = file.plan(), Path(out) if out is not None else None
        with file.naming_lines():
            study = Study.of(plan, folder, write_report=write_report, workers=workers, engine=engine)
    if start:
        study.run()
    return study


def add_to_study(
    folder: str | Path,
    values: Sequence[str],
    *,
    workers: int | None = None,
    engine: str = LOCAL,
    start: bool = True,
) -> Study:
    """Adds values to a study's axes, or seeds, and runs the new runs.

    Args:
        folder: The study's.
        values: `key.path=value,value` texts, or `seeds=3,4`.
        workers: See `run_study`.
        engine: See `run_study`.
        start: See `run_study`.

    Raises:
        ParibusError: There is no study in the folder, no such axis, or the value is there already.
    """
    folder = Path(folder)
    plan = stored_plan(folder)
    for text in values:
        plan = with_values(plan, *read_values(text))
    study = Study.of(plan, folder, write_report=write_report, workers=workers, engine=engine)
    if start:
        study.run()
    return study


def retry_study(folder: str | Path, *, workers: int | None = None, engine: str = LOCAL, start: bool = True) -> Study:
    """Retries a study's failed runs from their last checkpoints, and runs what is left.

    Args:
        folder: The study's.
        workers: See `run_study`.
        engine: See `run_study`.
        start: Whether to run it now; otherwise `Study.run(retry=True)` does.

    Raises:
        ParibusError: There is no study in the folder.
    """
    folder = Path(folder)
    study = Study.of(stored_plan(folder), folder, write_report=write_report, workers=workers, engine=engine)
    if start:
        study.run(retry=True)
    return study
