"""What one process and a pair of them must agree on; `python -m tests.training.pair FOLDER` is one of the pair."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from paribus.base.errors import TrainingDiverged
from paribus.base.processes import place
from paribus.base.registry import backbones, objectives
from paribus.config import EvaluationSettings
from paribus.evaluation import evaluate
from paribus.models import Model, build_networks
from paribus.models.packaging import weights_of
from paribus.training.distributed import joined
from tests.conftest import fit_in, made_data, tiny_config

Settings = tuple[str, ...]

MATTERING: dict[str, list[Settings]] = {
    "gan": [
        ("feature_matching=1",),
        ("bottleneck=variational", "bottleneck_rate=1"),
        ("dropout=0.4",),
        ("instance_noise=0.3",),
        ("generator_steps=2",),
    ],
    "infogan": [("dropout=0.4",)],
    "vae": [("free_nats=0.04",), ("posterior_samples=3",)],
    "avb": [("adaptive_contrast=False",)],
    "cvae-gan": [("discriminator_matching=10",), ("classifier_matching=1000",)],
}
"""Settings by which images of a batch meet, or draw numbers, with weights that let it be seen."""


def cases() -> Iterator[tuple[str, str, Settings]]:
    """(objective, backbone, settings): every objective, each of its choices by name, and every backbone."""
    for objective in objectives.names():
        cls = objectives[objective]
        yield objective, "mlp", ()
        yield objective, "dcgan", ("conditional=True",)  # batch norm in all networks
        for field, info in cls.model_fields.items():
            if get_origin(info.annotation) is Literal:
                yield from (
                    (objective, "mlp", (f"{field}={value}",))
                    for value in get_args(info.annotation)
                    if value != info.default
                )
        yield from ((objective, "mlp", settings) for settings in MATTERING.get(objective, ()))
        if "sigma" in cls.model_fields:
            yield objective, "mlp", ("likelihood=gaussian", "sigma=optimal")
    for backbone in backbones.names():
        yield "gan", backbone, ("conditional=True", "dropout=0.4")
    yield "vae-gan", "dcgan", ("joint_batch=True",)
    yield "wgan", "dcgan", ("diff_augment=color-translation-cutout",)
    yield "gan", "dcgan", ("feature_matching=1", "bottleneck=variational", "bottleneck_rate=1")


def name_of(case: tuple[str, str, Settings]) -> str:
    objective, backbone, settings = case
    return " ".join([objective, backbone, *settings])


def first_step(case: tuple[str, str, Settings], folder: Path, *overrides: str) -> dict[str, Any]:
    """The gradient of every optimiser's every update in a run's first step, the logged terms, and the buffers after.

    Plain gradient descent: Adam would turn a gradient that is zero but for rounding into a whole step.
    """
    objective, backbone, settings = case
    plain = [
        f"training.optimizer.{role}.{setting}"
        for role in objectives[objective].optimizers
        for setting in ("kind=sgd", "learning_rate=1e-3", "beta1=0")
    ]
    config = tiny_config(
        "gan", f"objective.name={objective}", "objective.latent_dim=4", f"backbone.name={backbone}", "backbone.width=8",
        "training.budget=1updates", "training.precision=fp32", *plain,
        *(f"objective.{setting}" for setting in settings), *overrides,
    )  # fmt: skip
    gradients: list[torch.Tensor] = []

    def record(optimizer: torch.optim.Optimizer, *unused: Any) -> None:
        found = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        gradients.append(torch.cat([gradient.flatten() for gradient in found]))

    hook = register_optimizer_step_pre_hook(record)
    terms: dict[str, float] = {}
    try:
        outcome = fit_in(folder, config, made_data(), report=lambda progress: terms.update(progress.terms))
    finally:
        hook.remove()
    buffers = {
        f"{role}.{name}": b.clone() for role, net in outcome.state.nets.items() for name, b in net.named_buffers()
    }
    return {
        "gradients": gradients,
        "terms": {name: value for name, value in terms.items() if "/" in name},
        "buffers": buffers,
        "weights": hashlib.sha256(weights_of(outcome.state.nets)).hexdigest(),
    }


def scores(model: str) -> list[dict[str, Any]]:
    """All that an evaluation says of a model with its initial weights."""
    config, data = tiny_config(model), made_data(n=80)
    nets = build_networks(config, data.shape)
    untrained = Model(config, {role: nets[role] for role in config.objective.averaged}, data.shape, data.class_names)
    settings = EvaluationSettings(samples=64, metrics=["default", "mode_score"])
    return [score.as_json() for score in evaluate(untrained, data, settings, shared=True)]


def ends(folder: Path) -> dict[str, Any]:
    """Where runs end that one process cannot end alone: by the clock, on the last one's request, by divergence."""
    config = tiny_config("vae", "training.budget=0.3s")
    timed = fit_in(folder / "timed", config, made_data()).state
    # each process's own clock says another moment
    asked = iter(range(1000))
    endless = tiny_config("vae", "training.budget=100000updates")
    stopped = fit_in(
        folder / "asked",
        endless,
        made_data(),
        stop_requested=lambda: place().rank == place().count - 1 and next(asked) > 30,
    )
    wild = tiny_config("gan", "training.divergence_factor=1.01", "objective.loss=least-squares",
                       "training.optimizer.G.learning_rate=1", "training.checkpoint_steps=1")  # fmt: skip
    try:
        reason = f"{fit_in(folder / 'diverged', wild, made_data()).finished}"
    except TrainingDiverged as error:
        reason = str(error)
    return {
        "timed": (timed.step, timed.seconds, timed.images),
        "asked": (stopped.finished, stopped.state.step),
        "diverged": reason,
    }


def everything(folder: Path) -> dict[str, Any]:
    """All cases, how runs end, and the scores of two models."""
    found: dict[str, Any] = {name_of(case): first_step(case, folder / str(k)) for k, case in enumerate(cases())}
    found["parts"] = first_step(("gan", "mlp", ()), folder / "parts", "training.micro_batch=2")
    return found | {"ends": ends(folder), "scores": {model: scores(model) for model in ("gan", "vae")}}


if __name__ == "__main__":
    with joined():
        results = everything(Path(sys.argv[1]) / "runs")
    torch.save(results, Path(sys.argv[1]) / f"{place().rank}.pt")
