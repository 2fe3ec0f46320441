"""A study's runs as results, with what they held equal and what they varied, as their configurations say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from paribus.config.overrides import leaves
from paribus.data import ImageData
from paribus.evaluation.encoders import encoder_names
from paribus.evaluation.measures import metrics
from paribus.evaluation.measures.costs import training_costs
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder
from paribus.results.run import RunResult, read_run
from paribus.results.score import Fact
from paribus.results.study import StudyResult, models_of
from paribus.results.words import value_words
from paribus.runs.identity import is_scored, stored_config
from paribus.studies.matching import TOLERANCE, Match
from paribus.studies.plan import StudyRun
from paribus.studies.preparation import Preparation

Configs = dict[tuple[str, int], RunConfig]
"""By label (a model, with its values of the study's axes) and seed."""

SAMPLER_USES = {"prior": (), "gmm": ("components",), "two-stage": ("updates", "learning_rate", "warmup")}
"""Settings that each sampler reads."""


def study_result(name: str, prepared: Preparation) -> StudyResult:
    """The runs of a study as their folders are now, with what they hold equal and what varies.

    Args:
        name: Of the study.
        prepared: Its runs.
    """
    found = tuple(map(_run_result, prepared.runs))
    configs = {(run.label, run.seed): run.config for run in prepared.runs}
    equal = (*what_was_equal(configs, *prepared.data_sets), *equal_parameters(prepared.matches))
    # read anew: a run that was resumed may have moved to another machine
    begun = {(run.label, run.seed): RunFolder(run.folder.path) for run in prepared.runs if run.folder.exists}
    machines = {key: folder.record.get("machine") or {} for key, folder in begun.items()}
    varied = (*what_varied(configs), *different_machines(machines))
    return StudyResult(name, found, models_of(found), metrics(), equal=equal, varied=varied)


def side_by_side(study: StudyResult) -> StudyResult:
    """Runs of several studies that were joined, with what they hold equal and what varies, as their folders say it."""
    begun = {(run.model, run.seed): run.folder for run in study.runs if run.folder is not None and run.folder.exists}
    configs = {key: stored_config(folder) for key, folder in begun.items()}
    if not configs:
        return study
    machines = {key: folder.record.get("machine") or {} for key, folder in begun.items()}
    varied = (*what_varied(configs), *different_machines(machines))
    return replace(study, equal=tuple(what_was_equal(configs)), varied=varied)


def _run_result(planned: StudyRun) -> RunResult:
    """What one run gave, with what training cost among its scores."""
    folder = planned.folder
    if folder.exists and (folder.path / "done.json").is_file() and not folder.ending:
        run = RunResult(planned.label, planned.seed, "unfinished", "its done.json is damaged", folder=folder)
    elif folder.exists and folder.ending.get("status") == "done" and not is_scored(folder):
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


def what_was_equal(configs: Configs, *images: ImageData) -> list[Fact]:
    """What every run shares; `images` are those of all runs, each data set once."""
    first = next(iter(configs.values()))
    training, evaluation = first.training, first.evaluation
    trees = list(_leaves_by_model(configs).values())

    def shared(*paths: str) -> bool:
        return all(len({str(tree.get(path)) for tree in trees}) == 1 for path in paths)

    facts = []
    if len(images) == 1:
        [data] = images
        form = {"size": data.shape.size, "channels": data.shape.channels}
        facts.append(Fact(code="data", figures={"name": data.name, "images": len(data.train), **form}))
    if shared("training.budget"):
        facts.append(Fact(code="budget", figures={"budget": str(training.budget)}))
    encoders = ("evaluation.encoder", "evaluation.inception_weights", "evaluation.inception_precision")
    named = {tuple(encoder_names(data, evaluation)) for data in images}
    if len(named) == 1 and shared(*encoders, "evaluation.samples", "evaluation.seed", "evaluation.split"):
        drawn = {"samples": evaluation.samples, "seed": evaluation.seed, "split": evaluation.split}
        facts.append(Fact(code="evaluation", figures={"encoders": named.pop(), **drawn}))
    if shared("training.threads", "training.precision"):
        facts.append(Fact(code="machine", figures={"threads": training.threads or 0, "precision": training.precision}))
    if first.sampler.name != "prior" and shared("sampler.name"):
        facts.append(Fact(code="sampler", figures={"name": first.sampler.name}))
    compared = ("backbone.name", "objective.name", "objective.latent_dim", "training.batch_size", "tuning.trials")
    for path in compared if len(trees) > 1 else ():
        if shared(path) and trees[0].get(path) not in (None, "0"):  # no tuning for any model is not worth a line
            facts.append(Fact(code="setting", figures={"path": path, "values": (str(trees[0][path]),)}))
    return facts


def what_varied(configs: Configs) -> list[Fact]:
    """Every setting that differs between models, and the seeds."""
    trees = _leaves_by_model(configs)
    paths = list(dict.fromkeys(path for tree in trees.values() for path in tree))
    facts = []
    for path in paths:
        groups: dict[str, list[str]] = {}
        for model, tree in trees.items():
            if path in tree:
                groups.setdefault(tree[path], []).append(model)
        absent = [model for model, tree in trees.items() if path not in tree]
        if len(groups) > 1 or (absent and path.endswith(".name")):
            models = tuple(map(tuple, groups.values()))
            facts.append(Fact(code="setting", figures={"path": path, "values": tuple(groups), "models": models}))
    seeds = tuple(dict.fromkeys(seed for _, seed in configs))
    return facts + ([Fact(code="seeds", figures={"seeds": seeds})] if len(seeds) > 1 else [])


def different_machines(machines: Mapping[tuple[str, int], Mapping[str, Any]]) -> list[Fact]:
    """The kinds of machines, if the runs, by label and seed, were not all trained on one kind."""
    kinds: dict[str, list[str]] = {}
    for (label, seed), machine in machines.items():
        kind = ", ".join(str(machine[part]) for part in ("cpu", "gpu") if machine.get(part))
        kinds.setdefault(f"{kind}, torch {machine.get('torch')}", []).append(f"{label} seed {seed}")
    if len(kinds) < 2:
        return []
    return [Fact(code="machines", figures={"machines": tuple(kinds), "runs": tuple(map(tuple, kinds.values()))})]


def equal_parameters(matches: Mapping[str, Match]) -> list[Fact]:
    """The parameters that were made equal by width, and what was reached."""
    if not matches:
        return []
    reached = {
        "target": next(iter(matches.values())).target,
        "tolerance": TOLERANCE,
        "models": tuple(matches),
        "widths": tuple(match.width for match in matches.values()),
        "reached": tuple(match.parameters for match in matches.values()),
    }
    return [Fact(code="parameters", figures=reached)]


def _leaves_by_model(configs: Configs) -> dict[str, dict[str, str]]:
    """By model, the value of each of its settings as people write it."""
    found: dict[str, dict[str, str]] = {}
    for (model, _), config in configs.items():
        tree = config.tree()
        for private in ("model", "seed"):
            tree.pop(private)
        # what the chosen sampler does not use makes no difference between models
        tree["sampler"] = {key: tree["sampler"][key] for key in ("name", *SAMPLER_USES[config.sampler.name])}
        found.setdefault(model, {path: value_words(value) for path, value in leaves(tree)})
    return found
