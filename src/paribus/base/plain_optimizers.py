"""Torch's optimisers without the guards for its compiler, which import it: over a second for nothing here."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

import torch

T = TypeVar("T", bound=torch.optim.Optimizer)


def _plain(kind: type[T]) -> type[T]:
    """The same optimiser, whose methods are those beneath the guards."""
    guarded = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(kind, name)) for name in guarded}
    return type(kind.__name__, (kind,), methods | {"step": torch.no_grad()(inspect.unwrap(kind.step))})


Adam, SGD, RMSprop = _plain(torch.optim.Adam), _plain(torch.optim.SGD), _plain(torch.optim.RMSprop)
