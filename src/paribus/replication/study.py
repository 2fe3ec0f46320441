"""A paper as a study: every row and form a named set of values; what it reports and shows lies beside the runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.base.files import write_atomically, write_json
from paribus.base.pictures import picture_content
from paribus.config import DataSettings, ImageShape, validated
from paribus.config.overrides import leaves, merged
from paribus.data import DATASETS, is_at_hand, load_data
from paribus.evaluation.encoders import check_encoders
from paribus.evaluation.encoding import silent
from paribus.replication.papers import Form, Paper, Row, Scale
from paribus.results.folder import RunFolder
from paribus.results.replication import FILE, ScaleName, StandIn
from paribus.studies.matching import total_parameters
from paribus.studies.plan import StudyPlan, StudyRun, given_settings, study_runs
from paribus.studies.study import Study, WriteReport
from paribus.views import walks
from paribus.views.codes import clusters
from paribus.views.subject import Subject
from paribus.views.truncation import truncation
from paribus.views.view import View

LATENTS = "latents"
VIEWS: dict[str, Callable[..., View]] = {
    "manifold": walks.manifold,
    "traverse": walks.traverse,
    "interpolate": walks.interpolate,
    "classes": walks.classes,
    "turn": walks.turn,
    "clusters": clusters,
    "truncation": truncation,
}
STAND_IN = "digits"
"""The real images that are available everywhere, brought to the size and channels of those that are not."""


def replication_study(
    read: Paper,
    scale: ScaleName,
    folder: Path | None = None,
    *,
    write_report: WriteReport,
    seeds: int | Sequence[int] = 1,
    workers: int | None = None,
) -> Study:
    """The study of what a paper compares, new or resumed; nothing is written yet.

    Args:
        read: The paper.
        scale: How large its rows are.
        folder: Where; by default runs/NAME-SCALE.
        write_report: Writes the study's page.
        seeds: A number: how many, from 0 on; a list: which.
        workers: Runs at a time; by default as many as there are cores.

    Raises:
        ParibusError: A data set is unavailable, or the folder holds another study.
    """
    plan = plan_of(read, scale, seeds)
    _refuse_absent(plan)
    label_of = labels(read, scale)
    described = {
        "scale": scale,
        "replaced_data": {name: used.model_dump() for name, used in stand_ins(read, scale).items()},
        "labels": label_of,
        "parameters": published_parameters(read),
    }
    return Study.of(
        plan,
        folder,
        write_report=write_report,
        workers=workers,
        beside={FILE: read.model_dump(mode="json") | described},
        after_runs=partial(draw_latents, read, label_of),
    )


def plan_of(read: Paper, scale: ScaleName, seeds: int | Sequence[int] = 1) -> StudyPlan:
    """The study of a paper at a scale."""
    found = _settings(read, scale)
    settings = {name: found[name] for name in _same(found).values()}
    plan: StudyPlan = validated(StudyPlan, {"name": f"{read.name}-{scale}", "settings": settings, "seeds": seeds})
    return plan


def labels(read: Paper, scale: ScaleName) -> dict[str, str]:
    """By system that is run, the label of its runs; an earlier one's where a scale's reductions make both the same."""
    of = {run.axes["settings"]: run.label for run in study_runs(plan_of(read, scale), Path())}
    return {name: of[same] for name, same in _same(_settings(read, scale)).items()}


def published_parameters(read: Paper) -> dict[str, int]:
    """By system whose parameters a claim counts, those of all its roles in the paper's own size, whatever the scale."""
    parts = (part for claim in read.claims.values() for part in claim.parts if "parameters" in part.by)
    counted = {name for part in parts for name in (part.of, part.against)}
    found = {}
    for run in study_runs(plan_of(read, "paper"), Path()) if counted else ():
        if run.axes["settings"] in counted:
            data = run.config.data
            known = DATASETS[data.name]
            shape = ImageShape(data.channels or known.channels, data.size or known.size, known.classes)
            found[run.axes["settings"]] = total_parameters(run.config, shape)
    return found


def _same(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: next(first for first, same in found.items() if same == own) for name, own in found.items()}


def _settings(read: Paper, scale: ScaleName) -> dict[str, dict[str, Any]]:
    return {
        name: settings_of(read, row, form, scale)
        for name, (row, form) in read.systems.items()
        if not row.scales.get(scale, Scale()).left_out
    }


def settings_of(read: Paper, row: Row, form: Form | None, scale: ScaleName) -> dict[str, Any]:
    """A row or one of its forms at a scale, by path: the row's values, the form's over them, the scale's over both."""
    epochs = form.epochs if form is not None and form.epochs is not None else row.epochs
    own = (form.scales if form is not None and form.scales else row.scales).get(scale, Scale())
    general = read.scales.get(scale, Scale())
    tree: dict[str, Any] = {"training": {"snapshots": row.shares(epochs)}} if row.marks else {}
    for overrides in (row.overrides, form.overrides if form is not None else {}, general.overrides, own.overrides):
        tree = merged(tree, overrides)
    tree = merged(tree, {"data": given_settings(data_of(row, scale))})
    budget = own.budget or general.budget or f"{epochs:g}epochs"
    model = (form.model if form is not None else None) or row.model
    values = dict(leaves(tree))
    for path in values:
        if path.endswith(".learning_rate"):
            values[path] *= general.learning_rates * own.learning_rates
    return {"model": model, **values, "training.budget": budget}


def data_of(row: Row, scale: ScaleName) -> DataSettings:
    """The data of a row; at scale smoke enlarged digits of the same shape, where its own are unavailable."""
    if scale != "smoke" or is_at_hand(row.data.name):
        return row.data
    known = DATASETS[row.data.name]
    shape = {"size": known.size, "channels": known.channels}
    return DataSettings(**shape | given_settings(row.data) | {"name": STAND_IN})


def stand_ins(read: Paper, scale: ScaleName) -> dict[str, StandIn]:
    """By row that is run on other images than its own, which."""
    run, found = labels(read, scale), {}
    for name, row in read.rows.items():
        used = data_of(row, scale)
        if name in run and used.name != row.data.name:
            found[name] = StandIn(name=used.name, size=used.size, channels=used.channels, replaced=row.data.name)
    return found


def _refuse_absent(plan: StudyPlan) -> None:
    """Loads what must come from the Hub, and Inception's weights: their absence is noticed before anything starts."""
    configs = [run.config for run in study_runs(plan, Path())]
    for config in {str(config.data): config for config in configs}.values():
        try:
            if not is_at_hand(config.data.name):
                load_data(config.data)
        except ParibusError as error:
            fix = f"{error.fix}; --scale smoke takes enlarged digits in their place"
            raise ParibusError(error.what, where=error.where, got=error.got, expected=error.expected, fix=fix) from None
    for evaluation in {str(config.evaluation): config.evaluation for config in configs}.values():
        check_encoders(evaluation, None, silent)


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
    folder = run.path / LATENTS
    missing = {name: options for name, options in wanted.items() if _is_older(folder / f"{name}.json", run)}
    if not missing:
        return
    subject = Subject.of(run.path)
    folder.mkdir(exist_ok=True)
    for name, options in missing.items():
        view = VIEWS[name](subject, **options)
        write_atomically(folder / f"{name}.png", picture_content([view.drawing.picture()]))
        write_json(folder / f"{name}.json", {"title": view.title, "caption": list(view.lines)} | view.numbers)


def _is_older(file: Path, run: RunFolder) -> bool:
    """Whether a view was not drawn since the run ended: one that was extended has other latents."""
    return not file.is_file() or file.stat().st_mtime < (run.path / "done.json").stat().st_mtime
