"""What one process and a pair of them must agree on; `python -m tests.training.pair FOLDER` is one of the pair."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from paribus.base.errors import ParibusError, TrainingDiverged
from paribus.base.processes import place
from paribus.base.registry import backbones, objectives
from paribus.config import EvaluationSettings
from paribus.evaluation import evaluate
from paribus.models import Model, build_networks
from paribus.models.files import weights_of
from paribus.objectives.base import Batch, Draw, Nets, Phase
from paribus.objectives.vae import VAE
from paribus.training.distributed import join_processes
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


DRAWS: dict[str, Callable[[torch.Tensor], object]] = {
    "randn": lambda x: torch.randn(x.shape),
    "rand": lambda x: torch.rand(len(x), 1),
    "randint": lambda x: torch.randint(3, (len(x),)),
    "randint_like": lambda x: torch.randint_like(x, 3),
    "randperm": lambda x: torch.randperm(len(x)),
    "normal": lambda x: torch.normal(x, 1.0),
    "bernoulli": lambda x: torch.bernoulli(torch.full_like(x, 0.5)),
    "poisson": lambda x: torch.poisson(x.abs()),
    "multinomial": lambda x: torch.multinomial(x.abs() + 1, 1),
    "normal_": lambda x: torch.empty_like(x).normal_(),
    "uniform_": lambda x: torch.empty_like(x).uniform_(),
    "bernoulli_": lambda x: torch.empty_like(x).bernoulli_(0.5),
    "exponential_": lambda x: torch.empty_like(x).exponential_(),
    "gumbel_softmax": torch.nn.functional.gumbel_softmax,
    "a distribution": lambda x: torch.distributions.Gamma(x.abs() + 1, 1.0).sample(),
    "a layer": lambda x: torch.nn.Dropout2d()(x[:, :, None, None]),
    "between layers": lambda x: [torch.randn_like(x), torch.randn(x.shape), torch.randn_like(x)],
}
"""Draws that are not a loss's own, on numbers (n, features) of its images."""


def refusal(draw: Callable[[torch.Tensor], object], folder: Path) -> str:
    """What is said of a loss that draws so; nothing where it trains."""

    class Drawing(VAE):
        def phases(self) -> tuple[Phase, ...]:
            [phase] = super().phases()

            def loss(nets: Nets, batch: Batch, own: Draw) -> dict[str, torch.Tensor]:
                draw(batch.images.flatten(1))
                return phase.loss(nets, batch, own)

            return (replace(phase, loss=loss),)

    config = tiny_config("vae", "training.budget=1updates")
    config = config.model_copy(update={"objective": Drawing(**config.objective.model_dump())})
    try:
        fit_in(folder, config, made_data())
    except ParibusError as error:
        return str(error)
    return ""


def everything(folder: Path) -> dict[str, Any]:
    """All cases, what is said of losses with draws of their own, how runs end, and the scores of two models."""
    found: dict[str, Any] = {name_of(case): first_step(case, folder / str(k)) for k, case in enumerate(cases())}
    found["parts"] = first_step(("gan", "mlp", ()), folder / "parts", "training.micro_batch=2")
    found["refusals"] = {name: refusal(draw, folder / f"draw-{name}") for name, draw in DRAWS.items()}
    return found | {"ends": ends(folder), "scores": {model: scores(model) for model in ("gan", "vae")}}


if __name__ == "__main__":
    with join_processes():
        results = everything(Path(sys.argv[1]) / "runs")
    torch.save(results, Path(sys.argv[1]) / f"{place().rank}.pt")
