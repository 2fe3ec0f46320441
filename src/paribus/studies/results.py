"""A study's runs as results, with what their configurations had in common, for results.json."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from paribus.evaluation.measures import metrics
from paribus.evaluation.measures.costs import training_costs
from paribus.results.run import RunResult, read_run
from paribus.results.score import Fact
from paribus.results.study import StudyResult, models_of
from paribus.runs.identity import is_scored
from paribus.studies.plan import StudyRun


def study_result(
    name: str, runs: Iterable[StudyRun], equal: Iterable[Fact] = (), varied: Iterable[Fact] = ()
) -> StudyResult:
    """The runs of a study as their folders are now.

    Args:
        name: Of the study.
        runs: All that are planned.
        equal: What they hold equal.
        varied: What differs between them.
    """
    found = tuple(run_result(run) for run in runs)
    return StudyResult(name, found, models_of(found), metrics(), equal=tuple(equal), varied=tuple(varied))


def run_result(planned: StudyRun) -> RunResult:
    """What one run gave, with what training cost among its scores."""
    folder = planned.folder
    if folder.exists and (folder.done or {}).get("status") == "done" and not is_scored(folder):
        run = replace(read_run(folder, planned.label, scored=False), status="unfinished", reason="not scored yet")
    elif folder.exists:
        run = read_run(folder, planned.label)
    else:
        run = RunResult(planned.label, planned.seed, "unfinished", "not started", folder=folder)
    costs = {score.metric: score for score in training_costs(folder.done or {})} if run.status == "done" else {}
    return replace(
        run,
        scores=run.scores | costs,
        preset=planned.config.model,
        axes=dict(planned.axes),
        identity=planned.identity,
        expected_images=planned.expected_images,
    )
