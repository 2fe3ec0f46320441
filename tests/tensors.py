"""How large the tensors are that an operation makes: torch's memory is unknown to tracemalloc."""

from __future__ import annotations

from typing import Any

import torch

from paribus.base.torch_internals import OperationMode


class Largest(OperationMode):
    """Counts the numbers of every tensor that an operation returns.

    Attributes:
        seen: Numbers in the largest one.
    """

    seen = 0

    def operation(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = function(*args, **kwargs)
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, torch.Tensor):
                self.seen = max(self.seen, tensor.numel())
        return result
