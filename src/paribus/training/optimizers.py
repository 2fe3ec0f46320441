"""Optimisers: one per role, its settings moved along their schedules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from paribus.base.errors import ParibusError
from paribus.base.torch_internals import SGD, Adam, RMSprop
from paribus.config import Optimizer
from paribus.objectives.base import Nets
from paribus.recipes import RunConfig


def build_optimizers(config: RunConfig, nets: Nets) -> dict[str, torch.optim.Optimizer]:
    """One optimiser per role.

    Raises:
        ParibusError: `training.optimizer` names a role that the objective does not have, or lacks one it has.
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
    return {role: _build(settings[role], net) for role, net in nets.items()}


def _build(settings: Optimizer, net: nn.Module) -> torch.optim.Optimizer:
    parameters, values = list(net.parameters()), _scheduled(settings, 0)
    fused = parameters[0].device.type in ("cpu", "cuda")
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


def set_scheduled(optimizer: torch.optim.Optimizer, settings: Optimizer, images_seen: int) -> None:
    """Moves the optimiser's settings to where their schedules are after `images_seen` images."""
    optimizer.param_groups[0].update(_scheduled(settings, images_seen))


def check_layouts(optimizers: dict[str, torch.optim.Optimizer]) -> None:
    """Checks that weights, gradients and moments lie in memory in the same order.

    Fused Adam on the CPU walks over the raw memory of all of them: where the orders differ it is silently wrong.

    Raises:
        RuntimeError: Two of them differ: a fault of this program.
    """
    for role, optimizer in optimizers.items():
        for parameter in optimizer.param_groups[0]["params"]:
            moments = [v for v in optimizer.state.get(parameter, {}).values() if v is not None]
            for other in (parameter.grad, *moments):
                if isinstance(other, Tensor) and other.dim() == parameter.dim() and not _same_order(parameter, other):
                    raise RuntimeError(f"role {role}: strides {other.stride()} beside weights {parameter.stride()}")


def _same_order(a: Tensor, b: Tensor) -> bool:
    # the stride of a length of 1 is never used
    pairs = zip(a.shape, a.stride(), b.stride(), strict=True)
    return all(length == 1 or x == y for length, x, y in pairs)
