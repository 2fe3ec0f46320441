"""Optimisers: one per role, its settings moved along their schedules."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from paribus.backbones.mlp import PixelLayer
from paribus.base.errors import ParibusError
from paribus.base.torch_internals import SGD, Adam, RMSprop
from paribus.config import Optimizer, Schedule
from paribus.objectives.base import Nets
from paribus.recipes import RunConfig

LARGEST_RATE = "largest_rate"
"""In a group of parameters: its largest learning rate, whatever the role's is."""


def build_optimizers(config: RunConfig, nets: Nets) -> dict[str, torch.optim.Optimizer]:
    """One optimiser per role.

    Raises:
        ParibusError: `training.optimizer` names a role that the objective does not have, or lacks one it has;
            `training.gradient_clip` names one that it does not have.
    """
    settings = config.training.optimizer
    if set(settings) != set(nets):
        raise ParibusError(
            "The optimisers do not fit the objective's networks.",
            where="training.optimizer",
            got=", ".join(sorted(settings)) or "none",
            expected=f"one for each of {', '.join(sorted(nets))}",
            fix="for example -o training.optimizer.G.learning_rate=2e-4",
        )
    if unknown := set(gradient_clips(config)) - set(nets):
        raise ParibusError(
            "A gradient's bound names a network that the objective does not have.",
            where="training.gradient_clip",
            got=", ".join(sorted(unknown)),
            expected=f"some of {', '.join(sorted(nets))}, or one number for all",
            fix=f"for example -o training.gradient_clip.{min(nets)}=100",
        )
    return {role: _build(settings[role], net) for role, net in nets.items()}


def gradient_clips(config: RunConfig) -> dict[str, float]:
    """The largest norm of each role's gradient that has one."""
    clips = config.training.gradient_clip
    if clips is None or isinstance(clips, dict):
        return clips or {}
    return dict.fromkeys(config.training.optimizer, clips)


def clip_gradients(optimizer: torch.optim.Optimizer, largest_norm: float) -> None:
    """Shortens the gradient of all parameters together to a norm (arXiv:1211.5063); a shorter one keeps every bit."""
    nn.utils.clip_grad_norm_([weight for group in optimizer.param_groups for weight in group["params"]], largest_norm)


def _build(settings: Optimizer, net: nn.Module) -> torch.optim.Optimizer:
    parameters, values = _groups(settings, net), _scheduled(settings, 0)
    fused = next(net.parameters()).device.type in ("cpu", "cuda")
    match settings.kind:
        case "adam":
            return Adam(parameters, **values, eps=settings.eps, fused=fused)
        case "sgd":
            return SGD(parameters, **values, fused=fused)
        case "rmsprop":
            return RMSprop(parameters, **values, eps=settings.eps, foreach=True)


def _scheduled(settings: Optimizer, images_seen: int) -> dict[str, Any]:
    """The values of the schedules after `images_seen` images, by torch's names."""
    values = settings.at(images_seen)
    rate, beta1, beta2 = values["learning_rate"], values["beta1"], values["beta2"]
    match settings.kind:
        case "adam":
            return {"lr": rate, "betas": (beta1, beta2)}
        case "sgd":
            return {"lr": rate, "momentum": beta1}
        case "rmsprop":
            return {"lr": rate, "alpha": beta2, "momentum": beta1}


def _groups(settings: Optimizer, net: nn.Module) -> list[dict[str, Any]]:
    """The parameters of a network in one group, but for those whose learning rate is cut."""
    layers = [module for module in net.modules() if isinstance(module, PixelLayer)]
    rate = settings.learning_rate
    fastest = max(rate.start, rate.end) if isinstance(rate, Schedule) else rate
    cut = [layer for layer in layers if settings.kind != "sgd" and layer.largest_rate < fastest]  # sgd sees the size
    slow = {id(layer.weight) for layer in cut}
    groups: list[dict[str, Any]] = [{"params": [weight for weight in net.parameters() if id(weight) not in slow]}]
    return groups + [{"params": [layer.weight], LARGEST_RATE: layer.largest_rate} for layer in cut]


def set_scheduled(optimizer: torch.optim.Optimizer, settings: Optimizer, images_seen: int) -> None:
    """Moves the optimiser's settings to where their schedules are after `images_seen` images."""
    scheduled = _scheduled(settings, images_seen)
    group: dict[str, Any]
    for group in optimizer.param_groups:
        group.update(scheduled, lr=min(scheduled["lr"], group.get(LARGEST_RATE, math.inf)))


def check_layouts(optimizers: dict[str, torch.optim.Optimizer]) -> None:
    """Checks that weights, gradients and moments lie in memory in the same order.

    Fused Adam on the CPU walks over the raw memory of all of them: where the orders differ it is silently wrong.

    Raises:
        RuntimeError: Two of them differ: a fault of this program.
    """
    for role, optimizer in optimizers.items():
        for parameter in (weight for group in optimizer.param_groups for weight in group["params"]):
            moments = [v for v in optimizer.state.get(parameter, {}).values() if v is not None]
            for other in (parameter.grad, *moments):
                if isinstance(other, Tensor) and other.dim() == parameter.dim() and not _same_order(parameter, other):
                    raise RuntimeError(f"role {role}: strides {other.stride()} beside weights {parameter.stride()}")


def _same_order(a: Tensor, b: Tensor) -> bool:
    # the stride of a length of 1 is never used
    pairs = zip(a.shape, a.stride(), b.stride(), strict=True)
    return all(length == 1 or x == y for length, x, y in pairs)
