"""What joins the images of a batch, where they are shared among processes.

A loss is a mean over images, so the mean of the processes' losses is the batch's loss. Where it is more than that
(`whole_batch`, `whole_mean`, batch norm), a process's loss depends on the others' images too. The functions here pass
gradients back to where the images are, to any order, so that the sum over processes is still the derivative of that
mean. (DDP averages what one backward pass leaves in the parameters and knows nothing of the rest.)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from paribus.base.processes import place
from paribus.objectives.base import whole_batch, whole_mean
from paribus.training.distributed import all_reduce


def part_of_batch(rows: tuple[int, int, int]) -> contextlib.AbstractContextManager[Any]:
    """Within it, functions that join or draw for the images of a batch do so for those of all processes.

    Args:
        rows: (start, stop, total) of the images at hand in the whole batch.
    """
    return contextlib.nullcontext() if place().count == 1 else _PartOfBatch(rows)


class _PartOfBatch(TorchFunctionMode):
    """See `part_of_batch`.

    Layers that draw do it for the whole batch, from the same seed in every process, and use their rows: dropout, and
    noise like given features. Those may be of several sets of images, one set after the other (`judged`).
    """

    def __init__(self, rows: tuple[int, int, int]) -> None:
        super().__init__()
        self._rows = rows
        self._instead: dict[Any, Callable[..., Tensor]] = {
            whole_batch: _whole_batch,
            whole_mean: lambda mean: _summed(mean) / place().count,
            nn.functional.batch_norm: _batch_norm,
            nn.functional.dropout: self._dropout,
            torch.randn_like: lambda features: self._rows_of(torch.randn_like, features),
        }

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._instead.get(function, function)(*args, **(kwargs or {}))

    def _dropout(self, features: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training:
            return features
        return features * self._rows_of(lambda ones: nn.functional.dropout(ones, p), features)

    def _rows_of(self, drawn: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
        start, stop, total = self._rows
        sets = len(features) // (stop - start)
        whole = drawn(features.new_ones(sets * total, *features.shape[1:]))
        return whole.unflatten(0, (sets, total))[:, start:stop].flatten(0, 1)


def _whole_batch(rows: Tensor) -> Tensor:
    here, nothing = place(), torch.zeros_like(rows)
    return _summed(torch.cat([nothing] * here.rank + [rows] + [nothing] * (here.count - here.rank - 1)))


def _batch_norm(
    maps: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Batch norm of maps (n, C, ...) by the moments of all processes' images; torch's SyncBatchNorm has no CPU form."""
    if not training:
        return nn.functional.batch_norm(maps, running_mean, running_var, weight, bias, training, momentum, eps)
    own = _Moments.apply(maps)
    means, variances = _whole_batch(torch.stack(own)[None]).unbind(1)  # (processes, C) each
    mean = means.mean(0)
    variance = (variances + (means - mean).square()).mean(0)
    if running_mean is not None and running_var is not None:
        count = place().count * maps.numel() / maps.shape[1]
        with torch.no_grad():
            running_mean.lerp_(mean, momentum)
            running_var.lerp_(variance * (count / (count - 1)), momentum)
    gain = (variance + eps).rsqrt() if weight is None else (variance + eps).rsqrt() * weight
    shift = -mean * gain if bias is None else bias - mean * gain
    return _scaled(maps, gain, shift)


def _scaled(maps: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    # maps (n, C, ...), the others (C,)
    form = (1, -1) + (1,) * (maps.dim() - 2)
    return torch.addcmul(shift.view(form), maps, gain.view(form)).to(maps.dtype)


class _Moments(torch.autograd.Function):
    """Mean and variance (C,) of maps (n, C, ...), over all but the channels, in fp32.

    torch.var_mean is slow where channels lie last, and its gradient takes more passes over the maps than this one's.
    """

    @staticmethod
    def forward(context: Any, maps: Tensor) -> tuple[Tensor, Tensor]:
        dimensions, form = [0, *range(2, maps.dim())], (1, -1) + (1,) * (maps.dim() - 2)
        mean = maps.float().mean(dimensions)
        variance = (maps - mean.view(form)).square_().mean(dimensions)
        context.save_for_backward(maps, mean)
        return mean, variance

    @staticmethod
    def backward(context: Any, of_mean: Tensor, of_variance: Tensor) -> Tensor:
        maps, mean = context.saved_tensors
        count = maps.numel() / maps.shape[1]
        slope = 2 / count * of_variance
        return _scaled(maps, slope, of_mean / count - slope * mean)


class _Sum(torch.autograd.Function):
    """Sum over the processes; its gradient is the sum of theirs, which makes it differentiable to any order."""

    @staticmethod
    def forward(context: Any, tensor: Tensor) -> Tensor:
        return all_reduce(tensor.clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _summed(tensor: Tensor) -> Tensor:
    return _Sum.apply(tensor)
