"""All that leans on more of torch than it promises to keep, each part with its reason.

Tried with torch 2.13.0. tests/base/test_torch_internals.py holds what each part takes for granted, and fails where a
torch does otherwise.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from typing_extensions import override

T = TypeVar("T", bound=torch.optim.Optimizer)


def _without_compiler_guards(kind: type[T]) -> type[T]:
    """The same optimiser, whose methods are those beneath the guards for torch's compiler.

    Reason: the guards import the compiler when they are first called: over a second, and nothing here is compiled.
    Takes for granted: the guards are decorators that `inspect.unwrap` takes off, and of those `step` needs `no_grad`.
    """
    guarded = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(kind, name)) for name in guarded}
    return type(kind.__name__, (kind,), methods | {"step": torch.no_grad()(inspect.unwrap(kind.step))})


Adam = _without_compiler_guards(torch.optim.Adam)
SGD = _without_compiler_guards(torch.optim.SGD)
RMSprop = _without_compiler_guards(torch.optim.RMSprop)


class OperationMode(TorchDispatchMode):
    """Within it every operation that torch runs, forward and backward, goes through `operation`.

    Reason: torch documents such modes, but their module is private.
    Takes for granted: that module, and the flag without which each mode imports torch's compiler.
    """

    @classmethod
    @override
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, so there is nothing to skip

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.operation(func, args, kwargs or {})

    def operation(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of an operation; `function.overloadpacket` is what all its variants share."""
        return function(*args, **kwargs)


class FlopCounter(OperationMode):
    """Adds up the floating-point operations of what is computed within it, by torch's own formulas.

    Reason: `torch.utils.flop_counter.FlopCounterMode` finds the same and imports torch's compiler for it.
    Takes for granted: the table of formulas that it uses.

    Attributes:
        total: Operations so far; a multiply-add counts two.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @override
    def operation(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = function(*args, **kwargs)
        formula = flop_registry.get(function.overloadpacket)
        if formula is not None:
            self.total += formula(*args, **kwargs, out_val=result)
        return result


class ReplacedFunctions(TorchFunctionMode):
    """Within it some functions are others, for whoever calls them, layers of torch included.

    Reason: layers look up `torch.nn.functional.batch_norm` and its like by themselves.
    Takes for granted: that they do so for the functions at hand, and that those announce themselves to such a mode.

    Args:
        instead: What is called in a function's place; within that call all functions are themselves.
    """

    def __init__(self, instead: Mapping[Callable[..., Any], Callable[..., Any]]) -> None:
        super().__init__()
        self._instead = instead

    @override
    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._instead.get(function, function)(*args, **(kwargs or {}))


def skipped_initialisation() -> ReplacedFunctions:
    """Within it the functions of `torch.nn.init` that draw numbers for layers leave tensors as they are.

    Reason: on the device "meta" they compute nothing, but take most of the time and import torch's compiler.
    Takes for granted: torch's layers and ours initialise themselves by these functions, tensor first or by its name.
    """

    def untouched(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        return tensor

    drawing = (nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_, nn.init.constant_)
    return ReplacedFunctions(dict.fromkeys(drawing, untouched))


def processor_has_bf16() -> bool:
    """Whether this processor computes in bf16 itself.

    Reason: torch's public `mkldnn.is_bf16_supported` is also true where bf16 is emulated, which is slower than fp32.
    Takes for granted: two functions of `torch.cpu`.
    """
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
