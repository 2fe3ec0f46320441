"""Configurations: presets, overrides, and the messages of mistakes."""

from __future__ import annotations

import shlex

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from paribus.base.errors import ParibusError
from paribus.config import Budget
from paribus.config.overrides import with_override
from paribus.recipes import RunConfig, about, model_names, resolve
from paribus.recipes.command import command_of


@pytest.mark.parametrize("model", model_names())
def test_a_tree_gives_the_configuration_back(model: str) -> None:
    config = resolve(model)
    assert RunConfig(**yaml.safe_load(yaml.safe_dump(config.tree()))) == config


VARIANTS = {
    "preset": (),
    "another objective": ("objective.name=vae", "objective.beta=4", "training.optimizer.E.beta2=0.99"),
    "another backbone": ("backbone.name=mlp", "training.batch_size=full"),
    "schedules": ("training.optimizer={G: {learning_rate: {start: 2e-4, end: 0, images: 1e6}}}",),
    "lists and texts": ("evaluation.encoder=[pixels, self]", "training.snapshots=[]", "data.name='my faces; rm x'"),
    "numbers": ("training.micro_batch=7", "sampler.components=5", "evaluation.samples=128", "seed=12"),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("model", model_names())
def test_a_command_gives_the_configuration_back(model: str, variant: str) -> None:
    if variant == "schedules" and "G" not in resolve(model).training.optimizer:
        pytest.skip("the preset has no generator")
    config = resolve(model, overrides=VARIANTS[variant])
    given = options_of(config)
    assert repeated(model, given) == config
    if variant == "preset":
        assert set(given) == {"--data", "--budget", "--seed"}


@pytest.mark.parametrize("overrides", [
    ("r3gan", "objective.gamma=3"),
    ("gan", "objective.name=r3gan", "objective.gamma={start: 1, end: 2, images: 1000}"),
])  # fmt: skip
def test_a_schedule_is_given_whole_where_a_constant_was(overrides: tuple[str, ...]) -> None:
    model, *changes = overrides
    config = resolve(model, overrides=changes)
    given = options_of(config)
    assert sum(text.startswith("objective.gamma") for text in given["-o"]) == 1
    assert repeated(model, given) == config


def options_of(config: RunConfig) -> dict[str, list[str]]:
    program, verb, name, *options = shlex.split(command_of(config))
    assert (program, verb, name) == ("paribus", "train", config.model)
    given: dict[str, list[str]] = {}
    for option, value in zip(options[::2], options[1::2], strict=True):
        given.setdefault(option, []).append(value)
    return given


def repeated(model: str, given: dict[str, list[str]]) -> RunConfig:
    change = {"data": {"name": given["--data"][0]}, "training": {"budget": given["--budget"][0]}}
    return resolve(model, change, {"seed": int(given["--seed"][0])}, overrides=given.get("-o", []))


@pytest.mark.parametrize("model", model_names())
def test_presets_say_where_they_come_from(model: str) -> None:
    assert all(len(text) > 10 for text in about(model).values())


def test_overrides_win_over_changes_and_presets() -> None:
    change = {"objective": {"latent_dim": 7}, "training": {"batch_size": 9}}
    config = resolve("dcgan", change, overrides=["objective.latent_dim=3"])
    assert (config.objective.latent_dim, config.training.batch_size, config.backbone.width) == (3, 9, 32)


def test_one_setting_of_an_optimiser_keeps_the_others() -> None:
    config = resolve("dcgan", overrides=["training.optimizer.D.learning_rate=3e-3"])
    assert config.training.optimizer["D"].learning_rate == 3e-3
    assert config.training.optimizer["D"].beta2 == 0.99
    assert config.training.optimizer["G"].learning_rate == 2e-3


def test_another_objective_starts_from_its_own_defaults() -> None:
    config = resolve("dcgan", overrides=["objective.name=vae", "objective.beta=2"])
    assert config.objective.name == "vae"
    assert config.objective.beta == 2
    assert set(config.training.optimizer) == {"E", "G"}
    assert config.backbone == resolve("dcgan").backbone


def test_schedules_are_read_from_yaml() -> None:
    override = "training.optimizer.G.learning_rate={start: 2e-4, end: 5e-5, images: 1e6}"
    rate = resolve("dcgan", overrides=[override]).training.optimizer["G"].learning_rate
    assert (rate.start, rate.end, rate.images) == (2e-4, 5e-5, 1e6)


def test_the_root_of_the_tree_is_known() -> None:
    with pytest.raises(ParibusError, match=r"Unknown setting 'trainig'\. Did you mean 'training'"):
        resolve("gan", overrides=["trainig.batch_size=3"])


def test_a_group_is_not_a_value() -> None:
    with pytest.raises(ParibusError, match="'batch_size' holds a single value"):
        resolve("gan", overrides=["training.batch_size.x=3"])


@given(st.dictionaries(st.text("abc", min_size=1), st.integers()), st.text("abc", min_size=1), st.integers())
def test_an_override_changes_its_path_alone(tree: dict[str, int], key: str, value: int) -> None:
    assert with_override(tree, f"{key}={value}") == tree | {key: value}


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("60s", 60, "seconds"), ("200kimg", 200_000, "images"), ("5000img", 5000, "images"), ("20epochs", 20, "epochs"),
        ("1epoch", 1, "epochs"), ("5000updates", 5000, "updates"), ("3e15flop", 3e15, "flop"), ("0.5s", 0.5, "seconds"),
    ],
)  # fmt: skip
def test_budgets(text: str, amount: float, unit: str) -> None:
    budget = Budget.parse(text)
    assert (budget.amount, budget.unit) == (amount, unit)
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize("text", ["", "60", "0s", "-3s", "s", "60 minutes", "1e", "nan s", "9" * 1_000_000])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(ParibusError, match="A budget must be a positive number with a unit"):
        Budget.parse(text)


def test_rates_and_decays_may_be_any_an_optimiser_can_take() -> None:
    taken = "{learning_rate: {start: 2e-4, end: 0, images: 1e6}, beta1: 0, beta2: 0.9999, eps: 1}"
    assert resolve("gan", overrides=[f"training.optimizer.G={taken}"]).training.optimizer["G"].beta1 == 0


@pytest.mark.parametrize(
    "change",
    [
        "training.optimizer.G.learning_rate=.nan",
        "training.optimizer.G.learning_rate=-1",
        "training.optimizer.G.learning_rate=0",
        "training.optimizer.G.learning_rate=1e9",
        "training.optimizer.G={learning_rate: {start: 1, end: .nan, images: 100}}",
        "training.optimizer.G={learning_rate: {start: 0, end: 0, images: 100}}",
        "training.optimizer.G.beta1=1",
        "training.optimizer.G.beta2=.nan",
        "training.optimizer.G.beta2=-0.1",
        "training.optimizer.G.eps=.inf",
        "training.optimizer.G.eps=0",
        "objective.name=3.7",
        "objective.name={}",
        "backbone.name=[mlp]",
    ],
)
def test_what_no_optimiser_takes_and_no_registry_holds_is_refused(change: str) -> None:
    with pytest.raises(ParibusError) as refused:
        resolve("gan", overrides=[change])
    assert refused.value.where.startswith(change.partition("=")[0])
