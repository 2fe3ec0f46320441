"""A decoder as a flat list of operations with 16-bit weights, for the interpreter in a report's page.

The decoder is run once, and every operation that depends on its inputs is written down. All else (normed weights, the
kernels of fused layers) is a constant and is stored as it came out. Three operations are written as simpler ones: batch
norm, `addmm` and `addcmul`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from paribus.base.torch_internals import OperationMode

ALIASES = {"alias", "clone", "contiguous", "detach", "squeeze", "unsqueeze", "view", "_unsafe_view", "reshape"}
"""Operations after which the same numbers stand in the same order."""
UNARY = {"relu", "tanh", "sigmoid", "exp"}
BINARY = {"add", "sub", "mul", "div"}


class UnknownOperation(Exception):
    """The decoder does something that the page cannot do; the message names it."""


@dataclass(frozen=True)
class Program:
    """A decoder for one latent.

    Args:
        inputs: Lengths of the latent and, for a conditional model, of the class's one-hot code.
        steps: Operations in order: `op`, `x` and perhaps `y` (operands), `shape` of the result, and what `op` needs.
            Operand n >= 0 is input n or, from there on, the result of a step; operand n < 0 is constant -n - 1.
        constants: What does not depend on the inputs.
        output: The operand that is the image (1, C, H, W) in [0, 1].
        example: The image of the inputs that it was written down with, from constants of 16 bits.
    """

    inputs: tuple[int, ...]
    steps: tuple[dict[str, Any], ...]
    constants: tuple[Tensor, ...]
    output: int
    example: Tensor

    def as_json(self) -> dict[str, Any]:
        """Plain values; the constants as base64 of all numbers in 16 bits, one after the other."""
        numbers = torch.cat([constant.flatten() for constant in self.constants]).half()
        return {
            "inputs": list(self.inputs),
            "steps": list(self.steps),
            "shapes": [list(constant.shape) for constant in self.constants],
            "weights": base64.b64encode(numbers.numpy().tobytes()).decode(),
            "output": self.output,
        }


def program_of(decoder: nn.Module, inputs: Sequence[Tensor]) -> Program:
    """Writes down what a module computes of some inputs.

    Args:
        decoder: In evaluation mode, without random numbers.
        inputs: One example of each input, (1, length).

    Raises:
        UnknownOperation: The page has no such operation.
    """
    recorder = _Recorder(inputs)
    with torch.no_grad(), recorder:
        output = decoder(*inputs)
    lengths = tuple(tensor.shape[1] for tensor in inputs)
    return Program(lengths, tuple(recorder.steps), tuple(recorder.constants), recorder.operand(output), output)


class _Recorder(OperationMode):
    """Sees every operation that torch runs, and rounds the constants that inputs meet to 16 bits."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.steps: list[dict[str, Any]] = []
        self.constants: list[Tensor] = []
        self._numbers: dict[int, int] = {}
        self._rounded: dict[int, Tensor] = {}
        self._kept: list[Tensor] = []  # a freed tensor's id would be given to another one
        self._count = 0
        for tensor in inputs:
            self._number(tensor)

    @override
    def operation(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = function.overloadpacket.__name__
        if not any(self._depends(value) for value in (*args, *kwargs.values())):
            return function(*args, **kwargs)
        if name in SIMPLER:
            with self:
                return SIMPLER[name](*args, **kwargs)
        args = tuple(map(self._as_stored, args))
        kwargs = {key: self._as_stored(value) for key, value in kwargs.items()}
        result = function(*args, **kwargs)
        self._record(name, result, args, kwargs)
        return result

    def operand(self, tensor: Tensor | float) -> int:
        """The number of a tensor: of an input or a result, or of a new constant."""
        number = self._numbers.get(id(tensor))
        if number is not None:
            return number
        constant = torch.as_tensor(tensor, dtype=torch.float32)
        if isinstance(tensor, Tensor):  # rounded already
            self._numbers[id(tensor)] = -len(self.constants) - 1
        elif not torch.isclose(constant.half().float(), constant, rtol=1e-3, atol=0):
            raise UnknownOperation(f"a step with the number {tensor:g}")
        self.constants.append(constant)
        return -len(self.constants)

    def _depends(self, value: Any) -> bool:
        if isinstance(value, (list, tuple)):
            return any(self._depends(part) for part in value)
        return isinstance(value, Tensor) and self._numbers.get(id(value), -1) >= 0

    def _as_stored(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self._as_stored(part) for part in value]
        if not isinstance(value, Tensor) or self._depends(value):
            return value
        if id(value) not in self._rounded:
            self._kept.append(value)
            self._rounded[id(value)] = value.half().float()
        return self._rounded[id(value)]

    def _number(self, tensor: Tensor) -> None:
        self._kept.append(tensor)
        self._numbers[id(tensor)] = self._count
        self._count += 1

    def _record(self, name: str, result: Any, args: Any, kwargs: Any) -> None:
        translate = KNOWN.get(name)
        if translate is None:
            raise UnknownOperation(name)
        results = list(result) if isinstance(result, (list, tuple)) else [result]
        steps = translate(name, results, *args, **kwargs)
        for tensor, step in zip(results, steps, strict=False):  # a pooling's places are a second result: not wanted
            operands = {key: self._operands(step[key]) for key in ("x", "y", "bias") if key in step}
            self.steps.append(step | operands | {"shape": list(tensor.shape)})
            self._number(tensor)

    def _operands(self, value: Any) -> int | list[int]:
        return [self.operand(part) for part in value] if isinstance(value, list) else self.operand(value)


Steps = list[dict[str, Any]]
"""As in `Program`, with tensors and numbers in the place of operands."""


def _same(name: str, results: list[Tensor], x: Tensor, *_: Any, **__: Any) -> Steps:
    return [{"op": "reshape", "x": x}]


def _expand(name: str, results: list[Tensor], x: Tensor, *_: Any, **__: Any) -> Steps:
    if results[0].numel() != x.numel():
        raise UnknownOperation("expand")
    return _same(name, results, x)


def _binary(name: str, results: list[Tensor], x: Any, y: Any, *, alpha: float = 1) -> Steps:
    if alpha != 1:
        raise UnknownOperation(f"{name} with alpha")
    return [{"op": name, "x": x, "y": y}]


def _permute(name: str, results: list[Tensor], x: Tensor, *dims: Any) -> Steps:
    order = list(range(x.ndim))
    if name == "permute":
        order = [d % x.ndim for d in dims[0]]
    else:
        a, b = dims or (0, 1)  # t has none
        order[a], order[b] = order[b], order[a]
    return [{"op": "permute", "x": x, "order": order}]


def _slice(
    name: str, results: list[Tensor], x: Tensor, dim: int = 0, start: int | None = None, end: Any = None, step: int = 1
) -> Steps:
    if step != 1:
        raise UnknownOperation("slice with a step")
    return [{"op": "slice", "x": x, "dim": dim % x.ndim, "start": start or 0}]


def _split(name: str, results: list[Tensor], x: Tensor, sizes: Any, dim: int = 0) -> Steps:
    starts = [sum(part.shape[dim] for part in results[:k]) for k in range(len(results))]
    return [{"op": "slice", "x": x, "dim": dim % x.ndim, "start": start} for start in starts]


def _convolution(
    name: str, results: list[Tensor], x: Tensor, weight: Tensor, bias: Tensor | None, stride: list[int],
    padding: list[int], dilation: list[int], transposed: bool, output_padding: list[int], groups: int,
) -> Steps:  # fmt: skip
    even = all(len(set(values)) == 1 for values in (stride, padding, dilation))
    if not even or dilation[0] != 1 or (groups != 1 if transposed else stride[0] != 1):
        raise UnknownOperation("a convolution of an unusual kind")
    step = {"op": "conv_transpose" if transposed else "conv", "x": x, "y": weight, "padding": padding[0]}
    step |= {"stride": stride[0]} if transposed else {"groups": groups}
    return [step | ({} if bias is None else {"bias": bias})]


def _max_pool(
    name: str, results: list[Tensor], x: Tensor, kernel: list[int], stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0), dilation: Sequence[int] = (1, 1), ceil_mode: bool = False,
) -> Steps:  # fmt: skip
    if list(kernel) != [2, 2] or list(stride or kernel) != [2, 2] or any(padding) or set(dilation) != {1}:
        raise UnknownOperation("a pooling of an unusual kind")
    return [{"op": "max_pool", "x": x}]


def _softmax(name: str, results: list[Tensor], x: Tensor, dim: int, half: bool) -> Steps:
    if dim % x.ndim != x.ndim - 1:
        raise UnknownOperation("a softmax over another dimension than the last")
    return [{"op": "softmax", "x": x}]


def _batch_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, variance: Tensor, *settings: Any
) -> tuple[Tensor, Tensor, Tensor]:
    *training, _, eps = settings
    if any(training):
        raise UnknownOperation("batch norm in training")
    scale = (variance + eps).rsqrt() * (1 if weight is None else weight)
    shift = (0 if bias is None else bias) - mean * scale
    each = (-1, *[1] * (x.ndim - 2))  # one number for each channel
    return x * scale.view(each) + shift.view(each), mean[:0], mean[:0]


SIMPLER: dict[str, Callable[..., Any]] = {
    "addmm": lambda bias, x, y: torch.mm(x, y) + bias,
    "addcmul": lambda bias, x, y, value=1: x * y + bias,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
}
"""Operations that are written as others."""

KNOWN: dict[str, Callable[..., Steps]] = {
    **dict.fromkeys(ALIASES, _same),
    **dict.fromkeys(UNARY, lambda name, _, x: [{"op": name, "x": x}]),
    **dict.fromkeys(BINARY, _binary),
    **dict.fromkeys(("mm", "bmm"), lambda _, __, x, y: [{"op": "matmul", "x": x, "y": y}]),
    **dict.fromkeys(("permute", "transpose", "t"), _permute),
    "expand": _expand,
    "leaky_relu": lambda name, _, x, slope=0.01: [{"op": name, "x": x, "slope": slope}],
    "slice": _slice,
    "split_with_sizes": _split,
    "split": _split,
    "cat": lambda name, results, parts, dim=0: [{"op": name, "x": parts, "dim": dim % results[0].ndim}],
    "convolution": _convolution,
    "upsample_nearest2d": lambda name, _, x, *sizes: [{"op": "nearest", "x": x}],
    "max_pool2d_with_indices": _max_pool,
    "_softmax": _softmax,
}
"""What the interpreter in the page can do (report/templates/decoder.js), by torch's name."""
