"""Parts of the residual families: conditional batch norm, self-attention, resampling to exact sizes, their blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate, max_pool2d, pad


@dataclass(frozen=True)
class Parts:
    """How a family makes its layers.

    Args:
        initialise: Initialises a new layer.
        finish: The same, and a norm of the weights where the family has one.
        activation: Without weights; one for all layers.
        norm: From (channels, length of the condition) to a module that maps (maps, condition) to maps.
    """

    initialise: Callable[[nn.Module], nn.Module]
    finish: Callable[[nn.Module], nn.Module]
    activation: nn.Module
    norm: Callable[[int, int], nn.Module]


def upsampled(maps: Tensor, size: int) -> Tensor:
    """Nearest upsampling of (N, C, H, W) to an exact side length, as in 12 -> 23."""
    return interpolate(maps, size=(size, size), mode="nearest")


def pooled(maps: Tensor) -> Tensor:
    """Means of 2x2 pixels, to ceil(side / 2): at an odd side the last windows hold only the pixels that are there."""
    return avg_pool2d(maps, 2, ceil_mode=True, count_include_pad=False)


class UpConvolution(nn.Conv2d):
    """Nearest upsampling to `size`, then a 3x3 convolution with a border of zeros.

    Where the side doubles both are one transposed 4x4 convolution, whose kernel is the sum of the four shifts of the
    3x3 kernel: the same function with 4/9 of the multiplications.
    """

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)
        self.size = size

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, inputs, H, W) to (N, outputs, size, size)."""
        if self.size != 2 * maps.shape[-1]:
            return super().forward(upsampled(maps, self.size))
        kernel = _four_shifts(self.weight).flip(2, 3).transpose(0, 1)
        return conv_transpose2d(maps, kernel, self.bias, stride=2, padding=1)


class DownConvolution(nn.Conv2d):
    """A 3x3 convolution with a border of zeros, then `pooled`.

    At even sides both are one 4x4 convolution with stride 2: the same function with 4/9 of the multiplications.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, inputs, H, W) to (N, outputs, ceil(H / 2), ceil(W / 2))."""
        if maps.shape[-1] % 2:
            return pooled(super().forward(maps))
        return conv2d(maps, _four_shifts(self.weight) / 4, self.bias, stride=2, padding=1)


def _four_shifts(kernel: Tensor) -> Tensor:
    # (O, I, 3, 3) to (O, I, 4, 4): what a 3x3 kernel does to the sum of 2x2 neighbours
    wide = pad(kernel, (1, 1, 1, 1))
    rows = wide[:, :, 1:] + wide[:, :, :-1]
    return rows[..., 1:] + rows[..., :-1]


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose gain and bias depend on a condition: norm(x) * (1 + gain(y)) + bias(y) (arXiv:1610.07629).

    gain and bias are linear in y without a constant; with a one-hot y that is an embedding. Without a condition this is
    plain batch norm with its own gain and bias.
    """

    def __init__(
        self, channels: int, condition: int, finish: Callable[[nn.Module], nn.Module], eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=eps, affine=not condition)
        self.gain = finish(nn.Linear(condition, channels, bias=False)) if condition else None
        self.bias = finish(nn.Linear(condition, channels, bias=False)) if condition else None

    def forward(self, maps: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalises (N, channels, H, W) by a condition (N, length)."""
        normed = self.norm(maps)
        if self.gain is None or self.bias is None:
            return normed
        gain = 1 + self.gain(condition).to(normed.dtype)
        bias = self.bias(condition).to(normed.dtype)
        return torch.addcmul(bias[:, :, None, None], normed, gain[:, :, None, None])


class Unnormed(nn.Module):
    """In the place of a norm: nothing."""

    def forward(self, maps: Tensor, condition: Tensor | None = None) -> Tensor:
        """The maps as they are."""
        return maps


class Attention(nn.Module):
    """Self-attention over pixels (arXiv:1805.08318): x + gamma * W softmax(theta(x)' phi(x)) g(x), gamma from 0.

    theta and phi have channels / 8, g has channels / 2; phi and g are halved by 2x2 max-pooling. The products are not
    scaled. Written out, since critics under a gradient penalty differentiate it twice.
    """

    def __init__(self, channels: int, finish: Callable[[nn.Module], nn.Module]) -> None:
        super().__init__()
        keys, values = max(channels // 8, 1), max(channels // 2, 1)
        self.theta = finish(nn.Conv2d(channels, keys, 1, bias=False))
        self.phi = finish(nn.Conv2d(channels, keys, 1, bias=False))
        self.g = finish(nn.Conv2d(channels, values, 1, bias=False))
        self.output = finish(nn.Conv2d(values, channels, 1, bias=False))
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, channels, H, W) to the same shape."""
        queries = _pixels_first(self.theta(maps))  # (N, HW, keys)
        keys = _pixels_first(max_pool2d(self.phi(maps), 2, ceil_mode=True))  # (N, HW/4, keys)
        values = _pixels_first(max_pool2d(self.g(maps), 2, ceil_mode=True))  # (N, HW/4, values)
        weights = torch.softmax(queries @ keys.transpose(1, 2), dim=2)
        attended = (weights.to(values.dtype) @ values).unflatten(1, maps.shape[2:]).permute(0, 3, 1, 2)
        return maps + self.gamma * self.output(attended)


def _pixels_first(maps: Tensor) -> Tensor:
    # (N, C, H, W) to (N, HW, C): a view where the memory is channels_last
    return maps.permute(0, 2, 3, 1).flatten(1, 2)


class UpBlock(nn.Module):
    """norm - act - up - 3x3 - norm - act - 3x3, beside 1x1 - up (or nothing where size and channels stay).

    Upsampling copies pixels, so the 1x1 convolution comes before it: the same function with a quarter of the work.
    """

    def __init__(self, inputs: int, outputs: int, condition: int, parts: Parts, *, size: int | None = None) -> None:
        """Builds the block; `size` is the side length to upsample to, None to stay."""
        super().__init__()
        self.size = size
        self.activation = parts.activation
        self.norms = nn.ModuleList([parts.norm(inputs, condition), parts.norm(outputs, condition)])
        first = nn.Conv2d(inputs, outputs, 3, padding=1) if size is None else UpConvolution(inputs, outputs, size)
        second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.convolutions = nn.ModuleList([parts.finish(first), parts.finish(second)])
        changes = size is not None or inputs != outputs
        self.skip = parts.finish(nn.Conv2d(inputs, outputs, 1)) if changes else None

    def forward(self, maps: Tensor, condition: Tensor | None = None) -> Tensor:
        """Maps (N, inputs, H, W) to (N, outputs, size, size)."""
        skip = maps if self.skip is None else self.skip(maps)
        if self.size is not None:
            skip = upsampled(skip, self.size)
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            maps = convolution(self.activation(norm(maps, condition)))
        return maps + skip


class DownBlock(nn.Module):
    """[act] - 3x3 - act - 3x3 [- pool], beside [pool -] 1x1 (or nothing where size and channels stay).

    The block that reads the image has no first activation. Means commute with a 1x1 convolution, so the skip is pooled
    first in every block: the same function as convolution - pool with a quarter of the work.
    """

    def __init__(self, inputs: int, outputs: int, parts: Parts, *, down: bool, first: bool = False) -> None:
        super().__init__()
        self.down, self.first = down, first
        self.activation = parts.activation
        last = DownConvolution(outputs, outputs) if down else nn.Conv2d(outputs, outputs, 3, padding=1)
        self.convolutions = nn.ModuleList([parts.finish(nn.Conv2d(inputs, outputs, 3, padding=1)), parts.finish(last)])
        self.skip = parts.finish(nn.Conv2d(inputs, outputs, 1)) if down or inputs != outputs else None

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, inputs, H, W) to (N, outputs, H, W), or half of the side."""
        skip = pooled(maps) if self.down else maps
        if self.skip is not None:
            skip = self.skip(skip)
        inner = maps if self.first else self.activation(maps)
        inner = self.activation(self.convolutions[0](inner))
        return self.convolutions[1](inner) + skip


class Pool(nn.Module):
    """The last stage of a `down`: activation, then the sum or the mean over pixels."""

    def __init__(self, activation: nn.Module, how: Literal["sum", "mean"]) -> None:
        super().__init__()
        self.activation, self.how = activation, how

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (N, C, H, W) to (N, C)."""
        maps = self.activation(maps)
        return maps.sum((2, 3)) if self.how == "sum" else maps.mean((2, 3))


def initialise(layer: nn.Module, how: Literal["normal", "orthogonal", "glorot", "zero"]) -> nn.Module:
    """Initialises a layer's weights, and a bias with 0.

    normal: N(0, 0.02). orthogonal: arXiv:1312.6120. glorot: uniform, with gain sqrt 2 where the kernel is 3x3 (an
    activation follows) and 1 elsewhere, as SNGAN has it. zero: all 0.
    """
    weight, bias = layer.weight, getattr(layer, "bias", None)
    assert isinstance(weight, Tensor)
    match how:
        case "normal":
            nn.init.normal_(weight, 0.0, 0.02)
        case "orthogonal":
            nn.init.orthogonal_(weight)
        case "glorot":
            nn.init.xavier_uniform_(weight, gain=2**0.5 if weight.shape[2:].numel() > 1 else 1.0)
        case "zero":
            nn.init.zeros_(weight)
    if bias is not None:
        nn.init.zeros_(bias)
    return layer
