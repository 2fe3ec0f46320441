"""Many runs under one budget: models compared, a study from a file, a paper's comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from paribus.base.arguments import checked
from paribus.base.errors import AllFailed, ParibusError, check_kind
from paribus.base.names import fitted_name
from paribus.base.places import checked_path, last_part
from paribus.commands.images import in_hand
from paribus.config import Budget, DataSettings, validated
from paribus.config.overrides import checked_overrides, merged, with_override
from paribus.config.seeds import read_seeds
from paribus.data import ImageData, data_settings, load_data, recorded_by
from paribus.data.memory import InMemory
from paribus.recipes.choice import Choice, choose_models
from paribus.replication.papers import paper, scale_named
from paribus.replication.study import replication_study
from paribus.report import write_report
from paribus.studies.files import StudyFile, read_values
from paribus.studies.plan import StudyPlan, study_runs, with_values
from paribus.studies.preparation import LOCAL
from paribus.studies.retrying import changed_plan, retried_labels
from paribus.studies.study import Study, stored_description, stored_plan
from paribus.training.loop import prepare


@checked
def compare(
    models: Sequence[str] | None = None,
    data: ImageData | DataSettings | str | Path | InMemory = "digits",
    *,
    seeds: int | Sequence[int] = 3,
    budget: str = "200kimg",
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    changes: dict[str, Any] | None = None,
    workers: int | None = None,
    engine: str = LOCAL,
    start: bool = True,
    chosen: Callable[[Choice], None] = lambda choice: None,
) -> Study:
    """Trains and scores several models under one budget; resumes where an earlier call with the same words ended.

    Args:
        models: Names of presets; by default those of the folder's study, or chosen by the images (`choose_models`).
        data: Loaded images, or what `load_data` takes.
        seeds: A number: how many, from 0 on; a list: which.
        budget: The same for every run.
        out: The study's folder; by default runs/compare-DATA.
        overrides: `key.path=value` texts for every run.
        changes: Parts of the configuration tree for every run.
        workers: Runs at a time; by default as many as there are cores, and one with a budget in seconds.
        engine: Where runs are trained: local, ray, or the address of a Ray cluster.
        start: Whether to run it now; otherwise `Study.estimate` and `Study.run` are at hand.
        chosen: Called with the models that were chosen by the images, and by what.

    Raises:
        ParibusError: Something given is wrong, or the folder holds another study.
    """
    seeds, overrides = _given_seeds(seeds), checked_overrides(overrides)
    models = [models] if isinstance(models, str) else models
    for model in models or ():
        check_kind(model, str, "--models", "names")
    data = in_hand(data, changes or {}, overrides)
    tree = merged(changes or {}, {"data": data_settings(data).given()})
    for override in overrides:
        tree = with_override(tree, override)
    name = fitted_name(f"compare-{last_part(tree['data']['name'])}")
    folder = Path("runs") / name if out is None else checked_path(out, "--out")
    images = data if isinstance(data, ImageData) else None
    Budget.parse(budget, "--budget")
    Study.check_place(folder)
    if models is None:
        models = (stored_description(folder).get("plan") or {}).get("axes", {}).get("model")
    choice = None
    if models is None:
        images = images or load_data(validated(DataSettings, tree["data"], where="data"))
        choice = choose_models(images.shape, _rarest_class(images))
        models = choice.models
    if not models:
        raise ParibusError(
            "A study needs a model.", where="--models", got=list(models), fix="name one, or leave it out"
        )
    try:
        plan: StudyPlan = validated(
            StudyPlan,
            {
                "name": name,
                "data": tree["data"],
                "overrides": {key: value for key, value in tree.items() if key != "data"},
                "axes": {"model": list(models)},
                "seeds": seeds,
                "budget": budget,
            },
        )
        study = Study.of(
            plan,
            folder,
            write_report=write_report,
            workers=workers,
            engine=engine,
            images=images,
            may_grow=False,
        )
    except ParibusError as error:
        raise error.at(_as_option(error.where or "")) from None
    if choice is not None:
        chosen(choice)
    if start:
        study.run()
        refuse_where_all_failed(study)
    return study


def _rarest_class(images: ImageData) -> int:
    """Training images of the class that has the fewest; 0 without labels."""
    labels, classes = images.train.labels, images.shape.classes
    return 0 if labels is None or not classes else int(labels.bincount(minlength=classes).min())


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


def _given_seeds(seeds: int | Sequence[int]) -> int | list[int]:
    try:
        return read_seeds(seeds)
    except ParibusError as error:
        raise error.at("--seeds") from None


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
    source = checked_path(source, "STUDY")
    if source.is_dir():
        if out is not None:
            raise ParibusError("A study's folder is its own --out.", where="--out", got=out, fix="leave --out out")
        study = _begun_study(source, stored_plan(source), workers=workers, engine=engine)
    else:
        file: StudyFile[StudyPlan] = StudyFile(source)
        plan, folder = file.plan(), checked_path(out, "--out") if out is not None else None
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
    """Adds values to a study's axes, or seeds, and runs the new runs; given again, resumes them.

    Args:
        folder: The study's.
        values: `key.path=value,value` texts, or `seeds=3,4`.
        workers: See `run_study`.
        engine: See `run_study`.
        start: See `run_study`.

    Raises:
        ParibusError: There is no study in the folder, no such axis, or some of its values are there already.
    """
    folder = checked_path(folder, "DIR")
    plan = stored_plan(folder)
    for text in values:
        plan = with_values(plan, *read_values(text))
    study = _begun_study(folder, plan, workers=workers, engine=engine)
    if start:
        study.run()
        refuse_where_all_failed(study)
    return study


def _begun_study(folder: Path, plan: StudyPlan, **how: Any) -> Study:
    """The study that a folder holds, by its own plan or one that grew out of it."""
    moved = "repeat the command that the study began with, and name the place where they lie now"
    with recorded_by(folder, moved):
        return Study.of(plan, folder, write_report=write_report, **how)


def retry_study(
    folder: str | Path,
    model: str | None = None,
    *,
    overrides: Sequence[str] = (),
    workers: int | None = None,
    engine: str = LOCAL,
    start: bool = True,
) -> Study:
    """Retries a study's failed runs from their last checkpoints, and runs what is left.

    With overrides all seeds of the models that are retried begin anew, the finished ones too, so that a model's seeds
    are trained alike; their former folders are kept in retried/.

    Args:
        folder: The study's.
        model: Whose failed runs to retry; by default those of all.
        overrides: `key.path=value` texts for the models that are retried.
        workers: See `run_study`.
        engine: See `run_study`.
        start: Whether to run it now; otherwise `Study.run(retry=True)` does.

    Raises:
        ParibusError: There is no study in the folder, no such model in it, or a setting may not be changed.
    """
    folder = checked_path(folder, "DIR")
    plan = stored_plan(folder)
    runs = study_runs(plan, folder)
    labels = retried_labels(runs, model)
    if overrides:
        plan = changed_plan(plan, runs, labels, overrides)
    retried = frozenset(labels) if overrides or model is not None else None
    study = _begun_study(folder, plan, workers=workers, engine=engine, retried=retried)
    if overrides:  # what cannot be trained is found before anything is moved
        for run in {run.label: run for run in study.runs if run.label in labels}.values():
            prepare(run.config, study.prepared.images_of(run))
    if start:
        study.run(retry=True)
        refuse_where_all_failed(study)
    return study


@checked
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
        seeds: A number: how many, from 0 on; a list: which.
        workers: Runs at a time; by default as many as there are cores.
        start: Whether to run it now; otherwise `Study.estimate` and `Study.run` are at hand.

    Raises:
        ParibusError: There is no such paper or scale, a data set is unavailable, or the folder holds another study.
    """
    chosen = scale_named(scale)
    study = replication_study(
        paper(name),
        chosen,
        checked_path(out, "--out") if out is not None else None,
        write_report=write_report,
        seeds=seeds,
        workers=workers,
    )
    if start:
        study.run()
        refuse_where_all_failed(study)
    return study
