"""What every registered objective and backbone must do, without a test of its own."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.base.registry import backbones, objectives
from paribus.config import Budget, Schedule
from paribus.models import build_networks, load_model, save_model
from paribus.models.files import weights_of
from paribus.objectives.base import Batch, Draw
from paribus.recipes import RunConfig, model_names
from tests.conftest import fit_in, made_data, tiny_config

GRID = list(itertools.product(objectives.names(), backbones.names()))
SMALL = [(8, 1, False), (9, 3, True)]
SHAPES = [(28, 1), (32, 3), (45, 3), (64, 1)]


def config_of(objective: str, backbone: str, *overrides: str) -> RunConfig:
    return tiny_config("gan", f"objective.name={objective}", "objective.latent_dim=4", f"backbone.name={backbone}",
                       "backbone.width=8", *overrides)  # fmt: skip


def batch_of(config: RunConfig, data: Any, n: int = 8) -> Batch:
    images = data.train.images[:n].float() / 127.5 - 1
    labels = data.train.labels[:n] if config.objective.conditional else None
    return Batch(images, labels, len(data.train), 0)


def one_step(config: RunConfig, data: Any) -> dict[str, torch.nn.Module]:
    """Plain stochastic gradient steps of every phase: no part of the training loop."""
    nets = build_networks(config, data.shape)
    for phase in config.objective.phases():
        for repeat in range(phase.repeats):
            torch.manual_seed(0)
            loss = phase.loss(nets, batch_of(config, data), Draw(0, phase.name, repeat))["loss"]
            parameters = [p for role in phase.trains for p in nets[role].parameters()]
            for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.data -= 0.1 * gradient
            if phase.after is not None:
                with torch.no_grad():
                    phase.after(nets, batch_of(config, data))
    return nets


@pytest.mark.parametrize(("size", "channels", "conditional"), SMALL)
@pytest.mark.parametrize(("objective", "backbone"), GRID)
def test_every_objective_runs_on_every_backbone(
    objective: str, backbone: str, size: int, channels: int, conditional: bool, tmp_path: Path
) -> None:
    check_builds_steps_and_samples(objective, backbone, size, channels, conditional, tmp_path)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize(("size", "channels"), SHAPES)
@pytest.mark.parametrize("backbone", backbones.names())
@pytest.mark.parametrize("objective", ["gan", "vae"])
def test_a_backbone_fits_every_shape(
    objective: str, backbone: str, size: int, channels: int, conditional: bool, tmp_path: Path
) -> None:
    check_builds_steps_and_samples(objective, backbone, size, channels, conditional, tmp_path)


def check_builds_steps_and_samples(
    objective: str, backbone: str, size: int, channels: int, conditional: bool, tmp_path: Path
) -> None:
    if not conditional and is_fixed(objectives[objective], "conditional"):
        pytest.skip("is nothing without classes")
    data = made_data(size, channels, n=16)
    config = config_of(objective, backbone, f"objective.conditional={conditional}", "training.budget=1updates")
    outcome = fit_in(tmp_path, config, data)
    images = outcome.model.sample(5)
    assert images.shape == (5, channels, size, size)
    assert images.dtype == torch.uint8
    z = outcome.model.latents(4)
    labels = torch.zeros(4, dtype=torch.int64) if conditional else None
    floats = config.objective.generate(outcome.model.nets, z, labels)
    assert floats.abs().max() <= 1
    assert floats.std(0).max() > 0, "every latent gives the same image"
    if conditional:  # the same latents in two classes: the class must reach the picture
        assert not torch.equal(
            config.objective.generate(outcome.model.nets, z, torch.zeros(4, dtype=torch.int64)),
            config.objective.generate(outcome.model.nets, z, torch.ones(4, dtype=torch.int64)),
        )


@pytest.mark.parametrize("objective", objectives.names())
def test_a_phase_leaves_frozen_roles_alone(objective: str, tmp_path: Path) -> None:
    data, config = made_data(), config_of(objective, "mlp")
    nets = build_networks(config, data.shape)
    for phase in config.objective.phases():
        for role, net in nets.items():
            net.requires_grad_(role in phase.trains)
        phase.loss(nets, batch_of(config, data), Draw(0))["loss"].backward()
        for role, net in nets.items():
            for name, parameter in net.named_parameters():
                if role in phase.trains:
                    assert parameter.grad is not None, f"{phase.name}: {role}.{name} gets no gradient"
                else:
                    assert parameter.grad is None, f"{phase.name}: frozen {role}.{name} got a gradient"
            net.zero_grad(set_to_none=True)


@pytest.mark.parametrize("objective", objectives.names())
def test_training_moves_every_role_and_the_averages(objective: str, tmp_path: Path) -> None:
    data, config = made_data(), config_of(objective, "mlp")
    before = {role: weights_of({role: net}) for role, net in build_networks(config, data.shape).items()}
    outcome = fit_in(tmp_path, config, data)
    for role, net in outcome.state.nets.items():
        assert weights_of({role: net}) != before[role]
    for role in config.objective.averaged:
        average = weights_of({role: outcome.state.averages.nets[role]})
        assert average != before[role]
        assert average != weights_of({role: outcome.state.nets[role]})


@pytest.mark.parametrize("objective", objectives.names())
def test_interrupted_and_resumed_is_bit_exact(objective: str, tmp_path: Path) -> None:
    check_resume(config_of(objective, "mlp", "training.checkpoint_steps=2"), tmp_path)


@pytest.mark.parametrize("backbone", backbones.names())
@pytest.mark.parametrize("objective", ["gan", "vae"])
def test_a_backbone_resumes_bit_exactly(objective: str, backbone: str, tmp_path: Path) -> None:
    check_resume(config_of(objective, backbone, "training.checkpoint_steps=2"), tmp_path)


@pytest.mark.parametrize("model", model_names())
def test_a_preset_resumes_bit_exactly(model: str, tmp_path: Path) -> None:
    check_resume(tiny_config(model, "training.checkpoint_steps=2"), tmp_path)


def check_resume(config: RunConfig, folder: Path) -> None:
    data = made_data()
    six_steps = Budget(6 * config.objective.phases()[0].repeats, "updates")
    config = config.model_copy(update={"training": config.training.model_copy(update={"budget": six_steps})})
    whole = fit_in(folder / "whole", config, data)

    def interrupt(progress: Any) -> None:
        if progress.terms["step"] == 4:  # before the checkpoint of step 4 is written: steps 3 and 4 are done again
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_in(folder / "broken", config, data, report=interrupt)
    torch.manual_seed(999)  # the state of torch's own generator must not matter
    mended = fit_in(folder / "broken", config, data)
    assert mended.state.step == whole.state.step == 6
    assert weights_of(mended.model.nets) == weights_of(whole.model.nets)
    assert weights_of(mended.state.nets) == weights_of(whole.state.nets)


@pytest.mark.parametrize(("objective", "backbone"), [(o, "mlp") for o in objectives] + [("gan", b) for b in backbones])
def test_saved_and_loaded_is_the_same_model(objective: str, backbone: str, tmp_path: Path) -> None:
    data = made_data()
    model = fit_in(tmp_path / "run", config_of(objective, backbone), data).model
    save_model(tmp_path, model)
    loaded = load_model(tmp_path)
    assert weights_of(loaded.nets) == weights_of(model.nets)
    assert torch.equal(loaded.sample(7, seed=3), model.sample(7, seed=3))
    assert loaded.class_names == data.class_names


def is_fixed(cls: type, field: str) -> bool:
    annotation = cls.model_fields[field].annotation
    return get_origin(annotation) is Literal and len(get_args(annotation)) == 1


def alternatives(cls: type, field: str) -> list[Any]:
    """Other values for a setting, to be tried until one is valid."""
    info = cls.model_fields[field]
    default = info.default
    branches = get_args(info.annotation) if get_origin(info.annotation) is not Literal else (info.annotation,)
    literals = [v for b in branches if get_origin(b) is Literal for v in get_args(b)]
    numbers: list[Any] = []
    if isinstance(default, bool):
        numbers = [not default]
    elif isinstance(default, int):
        numbers = [default * 2, default + 1]
    elif isinstance(default, float):
        numbers = [default * 2, 0.3, 100.0] if default else [0.3, 1.5, 100.0]
    return [v for v in (*literals, *numbers) if v != default]


def variants(cls: type) -> list[dict[str, Any]]:
    """The defaults, and each of them with one of its choices changed: some settings only matter beside another."""
    found: list[dict[str, Any]] = [{}]
    for field, info in cls.model_fields.items():
        if get_origin(info.annotation) is Literal:
            found += [{field: value} for value in get_args(info.annotation) if value != info.default]
    return found


def check_every_setting(cls: type, objective: str, backbone: str, part: str) -> None:
    data = made_data(size=16)

    @cache
    def trained(*changes: str) -> bytes:
        return weights_of(one_step(config_of(objective, backbone, *changes), data))

    def overrides(settings: dict[str, Any]) -> list[str]:
        return [f"{part}.{key}={value}" for key, value in settings.items()]

    for field in cls.model_fields:
        if is_fixed(cls, field):
            continue
        changed = False
        for base, value in itertools.product(variants(cls), alternatives(cls, field)):
            if field in base:
                continue
            try:
                changed = trained(*overrides(base)) != trained(*overrides(base | {field: value}))
            except ParibusError as error:  # a value that is out of range, or does not go with this base
                assert "has a wrong value" in str(error)
            if changed:
                break
        assert changed, f"{part}.{field} changes nothing"


@pytest.mark.parametrize("objective", objectives.names())
def test_every_setting_of_an_objective_changes_something(objective: str) -> None:
    check_every_setting(objectives[objective], objective, "mlp", "objective")


@pytest.mark.parametrize("backbone", backbones.names())
@pytest.mark.parametrize("objective", ["gan", "vae"])
def test_every_setting_of_a_backbone_changes_something(objective: str, backbone: str) -> None:
    check_every_setting(backbones[backbone], objective, backbone, "backbone")


@pytest.mark.parametrize("objective", objectives.names())
def test_a_phase_says_whether_training_images_reach_its_loss(objective: str) -> None:
    """Images are counted by it: for the defaults, and for each setting by itself changed."""
    data, cls = made_data(size=8), objectives[objective]
    changes = [{field: value} for field in cls.model_fields for value in alternatives(cls, field)]

    def losses(config: RunConfig, images: torch.Tensor) -> list[float]:
        batch = replace(batch_of(config, data), images=images)
        found = []
        for phase in config.objective.phases():
            nets = build_networks(config, data.shape)
            torch.manual_seed(0)
            found.append(float(phase.loss(nets, batch, Draw(0, phase.name, device="cpu"))["loss"].detach()))
        return found

    looked_at = 0
    for change in ({}, *changes):
        try:
            config = config_of(objective, "mlp", *(f"objective.{field}={value}" for field, value in change.items()))
        except ParibusError:  # out of range, or does not go with the rest
            continue
        first, second = (losses(config, torch.full((8, 1, 8, 8), value)) for value in (-0.5, 0.25))
        differs = [a != b for a, b in zip(first, second, strict=True)]
        assert differs == [phase.sees_images for phase in config.objective.phases()], change
        looked_at += 1
    assert looked_at > 1


def test_schedules_are_cosines() -> None:
    schedule = Schedule(start=2.0, end=1.0, images=100)
    assert [schedule.at(n) for n in (0, 50, 100, 1000)] == pytest.approx([2.0, 1.5, 1.0, 1.0])
