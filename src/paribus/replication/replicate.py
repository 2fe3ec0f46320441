"""A paper as a study: every row and form a named set of values, what it reports in replication.json beside the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError, unknown
from paribus.config import ImageShape
from paribus.config.overrides import leaves, merged
from paribus.data import DATASETS, is_at_hand, load_data
from paribus.evaluation.encoders import check_encoders
from paribus.evaluation.encoding import silent
from paribus.replication.latents import draw_latents
from paribus.replication.papers import Form, Paper, Row, Scale, ScaleName, paper
from paribus.studies.matching import total_parameters
from paribus.studies.plan import Plan
from paribus.studies.study import Study
from paribus.studies.variants import variants

FILE = "replication.json"
SCALES: tuple[ScaleName, ...] = ("smoke", "cpu", "paper")
STAND_IN = "digits"
"""The real images that are at hand everywhere, brought to the size and channels of those that are not."""


def replicate(
    name: str,
    *,
    scale: str = "cpu",
    out: str | Path | None = None,
    seeds: int | Sequence[int] = 1,
    workers: int | None = None,
    start: bool = True,
) -> Study:
    """Trains and scores what a paper compares; carries on where an earlier call with the same words ended.

    Args:
        name: Of a paper (`paribus list papers`).
        scale: smoke (that the rows run, on enlarged digits where a data set is not at hand), cpu (about an hour, with
            stated reductions) or paper (the full budget).
        out: The study's folder; by default runs/NAME-SCALE.
        seeds: How many, or which.
        workers: Runs at a time; by default as many as there are cores.
        start: Whether to run it now; otherwise `Study.estimate` and `Study.run` are at hand.

    Raises:
        ParibusError: There is no such paper or scale, a data set cannot be had, or the folder holds another study.
    """
    chosen = _scale(scale)
    read = paper(name)
    plan = plan_of(read, chosen, seeds if isinstance(seeds, int) else list(seeds))
    _refuse_absent(plan)
    label_of = labels(read, chosen)
    described = {
        "scale": chosen,
        "stand_ins": stand_ins(read, chosen),
        "labels": label_of,
        "parameters": published_parameters(read),
    }
    study = Study.of(
        plan,
        Path(out) if out is not None else None,
        workers=workers,
        beside={FILE: read.model_dump(mode="json") | described},
    )
    study = replace(study, after_runs=partial(draw_latents, read, label_of))
    if start:
        study.run()
    return study


def plan_of(read: Paper, scale: ScaleName, seeds: int | list[int] = 1) -> Plan:
    """The study of a paper at a scale."""
    found = _settings(read, scale)
    return Plan(
        name=f"{read.name}-{scale}", settings={name: found[name] for name in _same(found).values()}, seeds=seeds
    )


def labels(read: Paper, scale: ScaleName) -> dict[str, str]:
    """By system that is run, the label of its runs; an earlier one's where a scale's reductions make both the same."""
    of = {variant.axes["settings"]: variant.label for variant in variants(plan_of(read, scale))}
    return {name: of[same] for name, same in _same(_settings(read, scale)).items()}


def published_parameters(read: Paper) -> dict[str, int]:
    """By system whose parameters a claim counts, those of all its roles in the paper's own size, whatever the scale."""
    parts = (part for claim in read.claims.values() for part in claim.parts if "parameters" in part.by)
    counted = {name for part in parts for name in (part.of, part.against)}
    found = {}
    for variant in variants(plan_of(read, "paper")) if counted else ():
        if variant.axes["settings"] in counted:
            data = variant.config.data
            known = DATASETS[data.name]
            shape = ImageShape(data.channels or known.channels, data.size or known.size, known.classes)
            found[variant.axes["settings"]] = total_parameters(variant.config, shape)
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
    tree = merged(tree, {"data": data_of(row, scale)})
    budget = own.budget or general.budget or f"{epochs:g}epochs"
    model = (form.model if form is not None else None) or row.model
    values = dict(leaves(tree))
    for path in values:
        if path.endswith(".learning_rate"):
            values[path] *= general.learning_rates * own.learning_rates
    return {"model": model, **values, "training.budget": budget}


def data_of(row: Row, scale: ScaleName) -> dict[str, Any]:
    """The data of a row; at scale smoke enlarged digits of the same shape, where its own are not at hand."""
    settings = {"name": row.data} if isinstance(row.data, str) else row.data
    if scale != "smoke" or is_at_hand(settings["name"]):
        return settings
    known = DATASETS[settings["name"]]
    return {"size": known.size, "channels": known.channels} | settings | {"name": STAND_IN}


def stand_ins(read: Paper, scale: ScaleName) -> dict[str, str]:
    """By row, in words, what was taken in place of its data."""
    found = {}
    run = labels(read, scale)
    for name, row in read.rows.items():
        asked, used = (row.data if isinstance(row.data, str) else row.data["name"]), data_of(row, scale)
        if name in run and used["name"] != asked:
            shape = f"{used['size']}x{used['size']}, {'grey' if used['channels'] == 1 else 'colour'}"
            found[name] = f"{STAND_IN}, brought to {shape}, in place of {asked}, which is not at hand"
    return found


def _refuse_absent(plan: Plan) -> None:
    """Loads what must come from the Hub, and Inception's weights: their absence is told before anything starts."""
    configs = [variant.config for variant in variants(plan)]
    for config in {str(config.data): config for config in configs}.values():
        try:
            if not is_at_hand(config.data.name):
                load_data(config.data)
        except ParibusError as error:
            fix = f"{error.fix}; --scale smoke takes enlarged digits in their place"
            raise ParibusError(error.what, where=error.where, got=error.got, expected=error.expected, fix=fix) from None
    for evaluation in {str(config.evaluation): config.evaluation for config in configs}.values():
        check_encoders(evaluation, silent)


def _scale(name: str) -> ScaleName:
    for scale in SCALES:
        if scale == name:
            return scale
    raise unknown(f"Unknown scale '{name}'", name, SCALES, where="--scale")
