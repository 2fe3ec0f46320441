"""What a study is to do: one base configuration, axes that vary it, seeds, and one budget.

Errors name their place by its path in the plan ("axes.objective.latent_dim.1"), which the reader of a file turns into a
line (`studies/files.py`).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from paribus.base.errors import ParibusError, did_you_mean
from paribus.config import Budget, Settings, validated

BUDGET_PATH = "training.budget"


class Plan(Settings):
    """The content of a STUDY.yaml."""

    name: str = Field("study", min_length=1)
    """The study's name, and that of its folder under runs/; by default the file's."""
    model: str | None = None
    """A preset; left out where `axes.model` names several."""
    data: dict[str, Any] | str = "digits"
    """What --data takes, or a group of settings: {name: mnist, size: 16}."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Part of the configuration tree for every run, over the preset's."""
    axes: dict[str, list[Any]] = Field(default_factory=dict)
    """Values by path of the configuration (`objective.latent_dim: [8, 16]`), or presets by `model`."""
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Named sets of values by path, side by side: {defaults: {}, large: {backbone.width: 64, data.size: 32}}; each may
    name its own `model`, and each or none its own `training.budget`, all of one unit."""
    seeds: int | list[int] = 2
    """How many (0, 1, ...), or which."""
    budget: str | float | None = None
    """The same for every run; left out where `axes.training.budget` names several of one unit."""
    evaluation: dict[str, Any] = Field(default_factory=dict)
    """How every run is scored: {samples: 2000, encoder: pixels}."""
    params: Literal["match"] | int | None = None
    """match: the width of every backbone is scaled until all runs have as many parameters as the first one has, within
    2 %; a number: as many as that."""

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
        return list(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds

    @property
    def compares_models_alone(self) -> bool:
        """Whether nothing but the preset and the seed tells the runs apart."""
        return set(self.axes) <= {"model"} and not self.settings

    @property
    def data_tree(self) -> dict[str, Any]:
        """The `data` part of the configuration tree."""
        return {"name": self.data} if isinstance(self.data, str) else self.data


def check_plan(plan: Plan) -> None:
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
    if not plan.seed_list or min(plan.seed_list) < 0:
        raise ParibusError(
            "A study needs a seed.", where="seeds", got=plan.seeds, expected="how many, such as 3, or which, as [0, 1]"
        )
    _refuse_repeated(plan.seed_list, "seeds")
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


def _refuse_unfit(plan: Plan, path: str, got: Any, where: str) -> None:
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


def _check_budget(plan: Plan) -> None:
    amounts = {f"axes.{BUDGET_PATH}.{place}": value for place, value in enumerate(plan.axes.get(BUDGET_PATH, []))}
    own = {name: values[BUDGET_PATH] for name, values in plan.settings.items() if BUDGET_PATH in values}
    amounts |= {f"settings.{name}.{BUDGET_PATH}": value for name, value in own.items()}
    places: list[tuple[str, Any]] = [("budget", plan.budget)] if plan.budget is not None else []
    if "budget" in (plan.overrides.get("training") or {}):
        places.append((f"overrides.{BUDGET_PATH}", plan.overrides["training"]["budget"]))
    if BUDGET_PATH in plan.axes:
        places.append((f"axes.{BUDGET_PATH}", plan.axes[BUDGET_PATH]))
    if own:
        places.append((f"settings.{next(iter(own))}.{BUDGET_PATH}", next(iter(own.values()))))
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


def with_values(plan: Plan, path: str, values: list[Any]) -> Plan:
    """The plan with more values of one of its axes, or more seeds.

    Raises:
        ParibusError: There is no such axis, or a value is there already.
    """
    axes = ({} if plan.model is None else {"model": [plan.model]}) | plan.axes
    held = axes | {"seeds": plan.seed_list}
    if path not in held:
        raise ParibusError(
            f"The study has no axis '{path}'.{did_you_mean(path, list(held))}",
            where=path,
            expected=", ".join(held),
            fix="a new axis needs a value for the runs that exist, too: write it into a STUDY.yaml",
        )
    if again := [value for value in values if value in held[path]]:
        raise ParibusError(
            "The study has this value already.",
            where=path,
            got=again[0],
            expected=f"a value besides {', '.join(map(str, held[path]))}",
            fix="name the new values alone",
        )
    more = held[path] + values
    change: dict[str, Any]
    if path == "seeds":
        change = {"seeds": more}
    elif path in plan.axes:
        change = {"axes": plan.axes | {path: more}}
    else:  # the one preset becomes an axis
        change = {"model": None, "axes": axes | {path: more}}
    larger: Plan = validated(Plan, plan.model_dump() | change)
    return larger
