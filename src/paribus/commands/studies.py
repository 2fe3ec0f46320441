"""Many runs under one budget: models compared, a study from a file, a paper's comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paribus.base.errors import AllFailed, ParibusError
from paribus.commands.images import in_hand
from paribus.config import DataSettings, validated
from paribus.config.overrides import merged, with_override
from paribus.data import ImageData, data_settings
from paribus.data.memory import InMemory
from paribus.replication.papers import paper, scale_named
from paribus.replication.study import replication_study
from paribus.report import write_report
from paribus.studies.files import StudyFile, read_values
from paribus.studies.plan import StudyPlan, with_values
from paribus.studies.preparation import LOCAL
from paribus.studies.study import Study, stored_plan


def compare(
    models: Sequence[str],
    data: ImageData | DataSettings | str | Path | InMemory = "digits",
    *,
    seeds: int | Sequence[int] = 2,
    budget: str = "200kimg",
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    changes: dict[str, Any] | None = None,
    workers: int | None = None,
    engine: str = LOCAL,
    start: bool = True,
) -> Study:
    """Trains and scores several models under one budget; resumes where an earlier call with the same words ended.

    Args:
        models: Names of presets.
        data: Loaded images, or what `load_data` takes.
        seeds: How many, or which.
        budget: The same for every run.
        out: The study's folder; by default runs/compare-DATA.
        overrides: `key.path=value` texts for every run.
        changes: Parts of the configuration tree for every run.
        workers: Runs at a time; by default as many as there are cores, and one with a budget in seconds.
        engine: Where runs are trained: local, ray, or the address of a Ray cluster.
        start: Whether to run it now; otherwise `Study.estimate` and `Study.run` are at hand.

    Raises:
        ParibusError: Something given is wrong, or the folder holds another study.
    """
    if not models or not (range(seeds) if isinstance(seeds, int) else seeds):
        raise ParibusError("A study needs a model and a seed.", where="--models, --seeds", got=f"{models}, {seeds}")
    data = in_hand(data, changes or {}, overrides)
    tree = merged(changes or {}, {"data": data_settings(data).given()})
    for override in overrides:
        tree = with_override(tree, override)
    try:
        plan: StudyPlan = validated(
            StudyPlan,
            {
                "name": f"compare-{Path(tree['data']['name']).name}",
                "data": tree["data"],
                "overrides": {key: value for key, value in tree.items() if key != "data"},
                "axes": {"model": list(dict.fromkeys(models))},
                "seeds": seeds if isinstance(seeds, int) else list(seeds),
                "budget": budget,
            },
        )
        study = Study.of(
            plan,
            Path(out) if out is not None else None,
            write_report=write_report,
            workers=workers,
            engine=engine,
            images=data if isinstance(data, ImageData) else None,
            may_grow=False,
        )
    except ParibusError as error:
        raise error.at(_as_option(error.where or "")) from None
    if start:
        study.run()
        refuse_where_all_failed(study)
    return study


def refuse_where_all_failed(study: Study) -> None:
    """Refuses to give a study of which nothing is left.

    Raises:
        AllFailed: Every run failed; it says why.
    """
    runs = study.results.runs
    if not runs or any(run.status != "failed" for run in runs):
        return
    reasons = dict.fromkeys(f"\n    {run.model} seed {run.seed}: {(run.reason or '').splitlines()[0]}" for run in runs)
    raise AllFailed(
        f"All {len(runs)} runs failed:{''.join(reasons)}",
        where=str(study.folder),
        fix=f"change what the reasons name; {study.folder}/runs/*/log.txt has more",
    )


def _as_option(where: str) -> str:
    """What a place in the plan is called on the command line; another place stays as it is."""
    match where.split("."):  # it may be a path
        case ["axes", "model", *_]:
            return "--models"
        case ["budget" | "seeds" as name, *_]:
            return f"--{name}"
        case ["overrides", *rest]:
            return ".".join(rest)
    return where


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
        refuse_where_all_failed(study)
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
        refuse_where_all_failed(study)
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
        refuse_where_all_failed(study)
    return study


def replicate(
    name: str,
    *,
    scale: str = "cpu",
    out: str | Path | None = None,
    seeds: int | Sequence[int] = 1,
    workers: int | None = None,
    start: bool = True,
) -> Study:
    """Trains and scores what a paper compares; resumes where an earlier call with the same words ended.

    Args:
        name: Of a paper (`paribus list papers`).
        scale: smoke (that the rows run, on enlarged digits where a data set is not at hand), cpu (about an hour, with
            stated reductions) or paper (the full budget).
        out: The study's folder; by default runs/NAME-SCALE.
        seeds: How many, or which.
        workers: Runs at a time; by default as many as there are cores.
        start: Whether to run it now; otherwise `Study.estimate` and `Study.run` are at hand.

    Raises:
        ParibusError: There is no such paper or scale, a data set is unavailable, or the folder holds another study.
    """
    chosen = scale_named(scale)
    study = replication_study(
        paper(name),
        chosen,
        Path(out) if out is not None else None,
        write_report=write_report,
        seeds=seeds if isinstance(seeds, int) else list(seeds),
        workers=workers,
    )
    if start:
        study.run()
        refuse_where_all_failed(study)
    return study
