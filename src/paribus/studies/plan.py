"""What a study is to do: one base configuration, axes that vary it, seeds, and one budget; and the runs it comes to.

Errors name their place by its path in the plan ("axes.objective.latent_dim.1"), which the reader of a file turns into a
line (`studies/files.py`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, field_validator

from paribus.base.errors import ParibusError, did_you_mean
from paribus.base.names import printable
from paribus.config import Budget, DataSettings, PlainName, Settings, validated
from paribus.config.overrides import merged, with_value
from paribus.config.seeds import Seeds, seed_list
from paribus.objectives.base import batches_per_step
from paribus.recipes import RunConfig, check_groups, resolve
from paribus.results.folder import RunFolder

BUDGET_PATH = "training.budget"
NAMES = ("model", "settings")
"""Axes whose values are names and no values of the configuration."""
NAME_LENGTH, NAME_BYTES = 80, 200
"""Of a run's label in the name of its folder: systems allow 255 bytes in all."""
MOST_RUNS = 10_000


def given_settings(data: DataSettings) -> dict[str, Any]:
    """What was asked of the images; the rest is for a preset to say."""
    return data.model_dump(mode="json", exclude_unset=True)


def _shown(name: str) -> str:
    if name != printable(name, line=True):
        raise ValueError("a name without control characters, lines, or marks that turn the order of writing about")
    return name


ShownName = Annotated[str, AfterValidator(_shown)]
"""A name that is shown in tables and pages."""
DataField = Annotated[
    DataSettings,
    BeforeValidator(lambda value: {"name": value} if isinstance(value, str) else value),
    PlainSerializer(given_settings),
]
"""What --data takes, or a group of settings; remembers which of them were given."""


class StudyPlan(Settings):
    """The content of a STUDY.yaml."""

    name: PlainName = "study"
    """The study's name, and that of its folder under runs/; by default the file's."""
    model: str | None = None
    """A preset; left out where `axes.model` names several."""
    data: DataField = DataSettings(name="digits")
    """What --data takes, or a group of settings: {name: mnist, size: 16}."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Part of the configuration tree for every run, over the preset's."""
    axes: dict[str, list[Any]] = Field(default_factory=dict)
    """Values by path of the configuration (`objective.latent_dim: [8, 16]`), or presets by `model`."""
    settings: dict[ShownName, dict[str, Any]] = Field(default_factory=dict)
    """Named sets of values by path, side by side: {defaults: {}, large: {backbone.width: 64, data.size: 32}}; each may
    name its own `model`, and each or none its own `training.budget`, all of one unit."""
    seeds: Seeds = 3
    """A number: how many, from 0 on; a list: which."""
    budget: str | float | None = None
    """The same for every run; left out where `axes.training.budget` names several of one unit."""
    evaluation: dict[str, Any] = Field(default_factory=dict)
    """How every run is scored: {samples: 2000, encoder: pixels}."""
    params: Literal["match"] | int | None = None
    """match: the width of every backbone is scaled until all runs have as many parameters as the first one has, within
    2 %; a number: as many as that."""

    changed: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By a run's label, values by path that its runs were given when they were retried, over everything else."""

    @field_validator("params", mode="before")
    @classmethod
    def _countable(cls, value: Any) -> Any:
        if isinstance(value, float) and value.is_integer():  # 1e6
            value = int(value)
        if isinstance(value, int) and (isinstance(value, bool) or value < 1):
            raise ValueError("match, or a positive number of parameters")
        return value

    @property
    def seed_list(self) -> list[int]:
        """The seeds one by one."""
        return seed_list(self.seeds)

    @property
    def compares_models_alone(self) -> bool:
        """Whether nothing but the preset and the seed tells the runs apart."""
        return set(self.axes) <= {"model"} and not self.settings


def check_plan(plan: StudyPlan) -> None:
    """Finds what is wrong with a plan as a whole, before its configurations are made.

    Raises:
        ParibusError: It asks for nothing, for something twice, or for runs whose budgets cannot be compared.
    """
    own = [name for name, values in plan.settings.items() if "model" in values]
    named = [plan.model is not None, "model" in plan.axes, bool(own)]
    if not any(named) or (own and len(own) < len(plan.settings)):
        raise ParibusError("The study names no model.", where="model", fix="add model: NAME, or axes: {model: [A, B]}")
    if sum(named) > 1:
        where = "axes.model" if named[1] else f"settings.{own[0]}.model"
        raise ParibusError("The study names its models twice.", where=where, fix="leave one of the two out")
    _refuse_too_many(plan)
    try:
        check_groups(plan.overrides)
    except ParibusError as error:
        raise error.at(f"overrides.{error.where}") from None
    for path, value in plan.overrides.items():
        _refuse_unfit(plan, path, value, f"overrides.{path}")
    for path, values in plan.axes.items():
        if not values:
            raise ParibusError(
                "An axis needs a value.", where=f"axes.{path}", got="[]", fix="name its values, or leave the axis out"
            )
        _refuse_repeated(values, f"axes.{path}")
        _refuse_unfit(plan, path, values, f"axes.{path}")
    for name, settings in plan.settings.items():
        for path, value in settings.items():
            _refuse_unfit(plan, path, value, f"settings.{name}.{path}")
    _check_budget(plan)


def _refuse_too_many(plan: StudyPlan) -> None:
    seeds = plan.seeds if isinstance(plan.seeds, int) else len(plan.seeds)
    counts = {"seeds": seeds, "settings": len(plan.settings)} | {f"axes.{p}": len(of) for p, of in plan.axes.items()}
    runs = math.prod(max(1, count) for count in counts.values())
    if runs > MOST_RUNS:
        raise ParibusError(
            "The study has too many runs.",
            where=max(counts, key=lambda place: counts[place]),
            got=f"{runs:,} runs: {', '.join(f'{count:,} {place}' for place, count in counts.items() if count > 1)}",
            expected=f"at most {MOST_RUNS:,}",
            fix="leave values out, or make several studies of it; 'paribus tune' searches many settings",
        )


def _refuse_unfit(plan: StudyPlan, path: str, got: Any, where: str) -> None:
    unfit = {"seed": ("Seeds are named by themselves.", "name them under seeds (--seeds)")}
    if where == "overrides.model":
        unfit["model"] = ("A study names its models by themselves.", "name it under model or axes (--models)")
    if plan.params is not None:
        unfit["backbone.width"] = ("Widths are what 'params' chooses.", "leave this axis or params out")
    if path in unfit:
        reason, fix = unfit[path]
        raise ParibusError(reason, where=where, got=got, fix=fix)


def _refuse_repeated(values: list[Any], where: str) -> None:
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ParibusError("A value stands twice.", where=f"{where}.{place}", got=value, fix="name each value once")


def _check_budget(plan: StudyPlan) -> None:
    amounts = {f"axes.{BUDGET_PATH}.{place}": value for place, value in enumerate(plan.axes.get(BUDGET_PATH, []))}
    own = {name: values[BUDGET_PATH] for name, values in plan.settings.items() if BUDGET_PATH in values}
    amounts |= {f"settings.{name}.{BUDGET_PATH}": value for name, value in own.items()}
    named = {
        "budget": plan.budget,
        f"overrides.{BUDGET_PATH}": (plan.overrides.get("training") or {}).get("budget"),
        f"axes.{BUDGET_PATH}": plan.axes.get(BUDGET_PATH),
        f"settings.{next(iter(own), '')}.{BUDGET_PATH}": next(iter(own.values()), None),
    }
    places = [(where, value) for where, value in named.items() if value is not None]
    lacking = [name for name in plan.settings if own and name not in own]
    if len(places) == 1 and lacking:
        raise ParibusError(
            "A study needs a budget.", where=f"settings.{lacking[0]}", fix=f"name its {BUDGET_PATH}, too"
        )
    if len(places) != 1:
        raise ParibusError(
            "A study needs a budget." if not places else "A study's budget is named more than once.",
            where=places[-1][0] if places else "budget",
            got=", ".join(f"{place}: {value}" for place, value in places) or None,
            fix="write budget: 200kimg (or 60s, 20epochs, 5000updates, 3e15flop) and leave it out elsewhere",
        )
    if not amounts and places[0][0] == "budget":
        Budget.parse(str(plan.budget), where="budget")
    budgets = [(where, Budget.parse(amount, where=where)) for where, amount in amounts.items()]
    for where, budget in budgets:
        if budget.unit != budgets[0][1].unit:
            raise ParibusError(
                "The budgets of one study must have one unit: what is held equal would not be the same otherwise.",
                where=where,
                got=f"{budget} ({budget.unit})",
                expected=f"{budgets[0][1].unit}, as {budgets[0][1]}",
                fix="write all of them in one unit",
            )


@dataclass(frozen=True)
class StudyRun:
    """One run of a study, from its plan to the process that trains it; how far it is stands apart (`RunState`).

    Attributes:
        label: What its runs with other seeds are called, too: "vae latent_dim=8". Settings called as their model add
            no word.
        axes: The value of each axis of the study; under "settings" the name of a set.
        config: The whole configuration.
        folder: Where it lies or will lie.
        identity: What tells it from every other run (`runs.identity`); empty until its images are known.
        expected_images: Training images that its budget amounts to; None where that depends on the machine or on the
            networks, or until its images are known.
    """

    label: str
    axes: Mapping[str, Any]
    config: RunConfig
    folder: RunFolder
    identity: str = ""
    expected_images: float | None = None

    @property
    def name(self) -> str:
        """What it is called where it is shown."""
        return f"{self.label} seed {self.seed}"

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.config.seed


BESIDE_LABELS = ["auto", "efficientnet"]
"""Encoders of a study in which some models know the images' labels; how the second was chosen: docs/judges.md."""


def study_runs(plan: StudyPlan, folder: Path) -> list[StudyRun]:
    """Every combination of the axes' values and the named settings with every seed, the seeds changing fastest.

    Args:
        plan: What to do.
        folder: The study's.

    Raises:
        ParibusError: The plan asks for nothing, for something twice, or for something that is no configuration.
    """
    check_plan(plan)
    axes = plan.axes if "model" in plan.axes or plan.model is None else {"model": [plan.model], **plan.axes}
    axes = axes | ({"settings": list(plan.settings)} if plan.settings else {})
    keys = _short_keys([path for path in axes if path not in NAMES])
    label_of: dict[str, str] = {}
    runs = []
    for values in itertools.product(*axes.values()):
        assignment = dict(zip(axes, values, strict=True))
        config = _configuration(plan, assignment)
        label = _label(config.model, assignment, keys)
        if label in plan.changed:
            config = _configuration(plan, assignment, plan.changed[label])
        content = json.dumps(config.tree(), sort_keys=True)
        if content in label_of:
            raise ParibusError(
                "Two of the study's runs would be the same.",
                where="axes",
                got=f"'{label_of[content]}' and '{label}'",
                fix="leave one of the values out",
            )
        label_of[content] = label
        for seed in plan.seed_list:
            name = _folder_name(label, seed, None if plan.compares_models_alone else assignment)
            run = RunFolder(folder / "runs" / name)
            runs.append(StudyRun(label, assignment, config.model_copy(update={"seed": seed}), run))
    return _judged_without_labels(runs)


def _judged_without_labels(runs: list[StudyRun]) -> list[StudyRun]:
    """The runs, with an encoder that knows no labels beside what is chosen by the images, where some models know them.

    A classifier of the labels, which ranks where there are labels, may favour these.
    """
    if len({run.config.objective.conditional for run in runs}) < 2:
        return runs

    def beside(config: RunConfig) -> RunConfig:
        if config.evaluation.encoder != "auto":
            return config
        return config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"encoder": BESIDE_LABELS})})

    return [replace(run, config=beside(run.config)) for run in runs]


def expected_images(config: RunConfig, train: int) -> float | None:
    """Images that a budget amounts to, with `train` of them an epoch; None for a budget in seconds or operations."""
    budget, phases, batch_size = config.training.budget, config.objective.phases(), config.training.batch_size
    per_step = batches_per_step(phases) * (train if batch_size == "full" else batch_size)
    factor = {"images": 1.0, "epochs": train, "updates": per_step / phases[0].repeats}
    return budget.amount * factor[budget.unit] if budget.unit in factor else None


def _configuration(
    plan: StudyPlan, assignment: Mapping[str, Any], changed: Mapping[str, Any] | None = None
) -> RunConfig:
    data = merged(plan.overrides.get("data") or {}, given_settings(plan.data))
    base = merged(plan.overrides, {"data": data, "evaluation": plan.evaluation})
    if plan.budget is not None:
        base = merged(base, {"training": {"budget": plan.budget}})
    values = {path: value for path, value in assignment.items() if path != "settings"}
    values |= plan.settings[assignment["settings"]] if plan.settings else {}
    values |= changed or {}
    change: dict[str, Any] = {}
    try:
        for path, value in values.items():
            if path != "model":
                change = with_value(change, path, value)
        return resolve(values["model"], base, change)
    except ParibusError as error:
        of_model = values["model"] if len(plan.axes.get("model", [])) > 1 else None
        # `where` is the path of a setting: here alone it becomes a place in the plan
        raise error.at(_place(plan, assignment, error.where or ""), of_model) from None


def _place(plan: StudyPlan, assignment: Mapping[str, Any], path: str) -> str:
    """Where in the plan the setting stands that an error is about."""
    for own in plan.settings.get(assignment.get("settings", ""), {}):
        if _overlap(own, path) or (own, path) == ("model", "MODEL"):
            return f"settings.{assignment['settings']}.{own}"
    if path == "MODEL":
        return f"axes.model.{plan.axes['model'].index(assignment['model'])}" if "model" in plan.axes else "model"
    for axis, value in assignment.items():
        if _overlap(axis, path):
            return f"axes.{axis}.{plan.axes[axis].index(value)}"
    match path.split("."):
        case ["data", name, *_] if name in plan.data.model_fields_set:
            return path
        case ["evaluation", name, *_] if name in plan.evaluation:
            return path
    return f"overrides.{path}"


def _overlap(path: str, other: str) -> bool:
    """Whether one of two paths is the other one or leads into it."""
    return all(part == of_other for part, of_other in zip(path.split("."), other.split("."), strict=False))


def _label(model: str, assignment: Mapping[str, Any], keys: Mapping[str, str]) -> str:
    words = [f"{keys[path]}={_text(value)}" for path, value in assignment.items() if path not in NAMES]
    name = assignment.get("settings", model)
    return " ".join([model, *words, *([name] if name != model else [])])


def _folder_name(label: str, seed: int, axes: Mapping[str, Any] | None) -> str:
    """The name of a run's folder; with axes besides the model it ends with a short hash of their values."""
    if axes is None:
        return f"{label}-seed{seed}"
    digest = hashlib.sha256(json.dumps(axes, sort_keys=True).encode()).hexdigest()[:6]
    readable = re.sub(r"[^\w.=-]+", "-", label)[:NAME_LENGTH].encode()[:NAME_BYTES].decode(errors="ignore").rstrip("-.")
    return f"{readable}-seed{seed}-{digest}"


def _short_keys(paths: Sequence[str]) -> dict[str, str]:
    """The last part of each path, or as much of it as tells it from the others; `objective.name` is `objective`."""

    def end(path: str, parts: int) -> str:
        return ".".join(path.removesuffix(".name").split(".")[-parts:])

    def shortest(path: str) -> str:
        lengths = range(1, path.count(".") + 1)
        return next(
            (end(path, n) for n in lengths if [end(other, n) for other in paths].count(end(path, n)) == 1), path
        )

    return {path: shortest(path) for path in paths}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def with_values(plan: StudyPlan, path: str, values: list[Any]) -> StudyPlan:
    """The plan with more values of one of its axes, or more seeds.

    It is unchanged where it has all of them: an interrupted command is given again.

    Raises:
        ParibusError: There is no such axis, or some of the values are there already.
    """
    axes = ({} if plan.model is None else {"model": [plan.model]}) | plan.axes
    known = axes | {"seeds": plan.seed_list}
    if path not in known:
        raise ParibusError(
            f"The study has no axis '{path}'.{did_you_mean(path, list(known))}",
            where=path,
            expected=", ".join(known),
            fix="a new axis needs a value for the runs that exist, too: write it into a STUDY.yaml",
        )
    present = [value for value in values if value in known[path]]
    if present == values:
        return plan
    if present:
        raise ParibusError(
            "The study has this value already.",
            where=path,
            got=present[0],
            expected=f"a value besides {', '.join(map(str, known[path]))}",
            fix="name the new seeds themselves" if path == "seeds" else "name the new values alone",
        )
    more = known[path] + values
    change: dict[str, Any]
    if path == "seeds":
        change = {"seeds": more}
    elif path in plan.axes:
        change = {"axes": plan.axes | {path: more}}
    else:  # the one preset becomes an axis
        change = {"model": None, "axes": axes | {path: more}}
    larger: StudyPlan = validated(StudyPlan, plan.model_dump() | change)
    return larger
