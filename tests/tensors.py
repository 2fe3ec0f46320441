"""How large the tensors are that an operation makes: torch's memory is unknown to tracemalloc."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Largest(TorchDispatchMode):
    """Counts the numbers of every tensor that an operation returns.

    Attributes:
        seen: Numbers in the largest one.
    """

    seen = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, torch.Tensor):
                self.seen = max(self.seen, tensor.numel())
        return result
