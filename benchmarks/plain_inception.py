"""Inception as a plain eager pass: NCHW, fp32, batch norm apart, every layer by itself, resizing by gathering.

What an ordinary FID script runs; also the oracle of our tests, so it shares no code with the package.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F


class PlainInception:
    """Runs a state dict with torch-fidelity's names; without one, its first pass makes random weights.

    Attributes:
        state: The state dict.
    """

    def __init__(self, state: Mapping[str, Tensor] | None = None, seed: int = 0) -> None:
        self.state = dict(state or {})
        self._draw = torch.Generator().manual_seed(seed) if state is None else None

    @torch.no_grad()
    def __call__(self, images: Tensor, last: int = 1008) -> dict[int, Tensor]:
        """Features by their number, up to `last`, of images uint8 (N, 3, H, W); under 1008 the logits with bias."""
        x = (resized(images.float(), 299) - 128) / 128
        x = self._layer(x, "Conv2d_1a_3x3", 32, 3, stride=2)
        x = self._layer(x, "Conv2d_2a_3x3", 32, 3)
        x = self._layer(x, "Conv2d_2b_3x3", 64, 3, padding=1)
        x = F.max_pool2d(x, 3, 2)
        found = {64: x.mean((2, 3))}
        if last == 64:
            return found
        x = self._layer(x, "Conv2d_3b_1x1", 80)
        x = self._layer(x, "Conv2d_4a_3x3", 192, 3)
        x = F.max_pool2d(x, 3, 2)
        found[192] = x.mean((2, 3))
        if last == 192:
            return found
        for block, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
            x = self._a(x, block, pooled)
        x = self._b(x, "Mixed_6a")
        for block, inner in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
            x = self._c(x, block, inner)
        found[768] = x.mean((2, 3))
        if last == 768:
            return found
        x = self._d(x, "Mixed_7a")
        x = self._e(x, "Mixed_7b", F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))
        x = self._e(x, "Mixed_7c", F.max_pool2d(x, 3, 1, 1))
        found[2048] = x.mean((2, 3))
        if self._draw is not None and "fc.weight" not in self.state:
            self.state["fc.weight"] = torch.randn(1008, 2048, generator=self._draw) / 45
            self.state["fc.bias"] = torch.randn(1008, generator=self._draw)
        return found | {1008: found[2048] @ self.state["fc.weight"].T + self.state["fc.bias"]}

    def _layer(
        self,
        x: Tensor,
        name: str,
        outputs: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> Tensor:
        if self._draw is not None and f"{name}.conv.weight" not in self.state:
            self._make(name, x.shape[1], outputs, (kernel, kernel) if isinstance(kernel, int) else kernel)
        mean, variance, scale, shift = (
            self.state[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        x = F.conv2d(x, self.state[f"{name}.conv.weight"], stride=stride, padding=padding)
        return F.relu(F.batch_norm(x, mean, variance, scale, shift, training=False, eps=1e-3))

    def _make(self, name: str, inputs: int, outputs: int, kernel: tuple[int, int]) -> None:
        fan_in = inputs * kernel[0] * kernel[1]
        weight = torch.randn(outputs, inputs, *kernel, generator=self._draw) * (2 / fan_in) ** 0.5
        made = {"running_mean": torch.randn(outputs, generator=self._draw) / 10}
        made["bias"] = torch.randn(outputs, generator=self._draw) / 10
        made["running_var"], made["weight"] = 0.5 + torch.rand(2, outputs, generator=self._draw)
        self.state |= {f"{name}.conv.weight": weight} | {f"{name}.bn.{part}": value for part, value in made.items()}

    def _a(self, x: Tensor, block: str, pooled: int) -> Tensor:
        one = self._layer(x, f"{block}.branch1x1", 64)
        five = self._layer(x, f"{block}.branch5x5_1", 48)
        five = self._layer(five, f"{block}.branch5x5_2", 64, 5, padding=2)
        three = self._layer(x, f"{block}.branch3x3dbl_1", 64)
        three = self._layer(three, f"{block}.branch3x3dbl_2", 96, 3, padding=1)
        three = self._layer(three, f"{block}.branch3x3dbl_3", 96, 3, padding=1)
        pool = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return torch.cat([one, five, three, self._layer(pool, f"{block}.branch_pool", pooled)], 1)

    def _b(self, x: Tensor, block: str) -> Tensor:
        single = self._layer(x, f"{block}.branch3x3", 384, 3, stride=2)
        double = self._layer(x, f"{block}.branch3x3dbl_1", 64)
        double = self._layer(double, f"{block}.branch3x3dbl_2", 96, 3, padding=1)
        double = self._layer(double, f"{block}.branch3x3dbl_3", 96, 3, stride=2)
        return torch.cat([single, double, F.max_pool2d(x, 3, 2)], 1)

    def _c(self, x: Tensor, block: str, inner: int) -> Tensor:
        one = self._layer(x, f"{block}.branch1x1", 192)
        single = self._layer(x, f"{block}.branch7x7_1", inner)
        single = self._layer(single, f"{block}.branch7x7_2", inner, (1, 7), padding=(0, 3))
        single = self._layer(single, f"{block}.branch7x7_3", 192, (7, 1), padding=(3, 0))
        double = self._layer(x, f"{block}.branch7x7dbl_1", inner)
        double = self._layer(double, f"{block}.branch7x7dbl_2", inner, (7, 1), padding=(3, 0))
        double = self._layer(double, f"{block}.branch7x7dbl_3", inner, (1, 7), padding=(0, 3))
        double = self._layer(double, f"{block}.branch7x7dbl_4", inner, (7, 1), padding=(3, 0))
        double = self._layer(double, f"{block}.branch7x7dbl_5", 192, (1, 7), padding=(0, 3))
        pool = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return torch.cat([one, single, double, self._layer(pool, f"{block}.branch_pool", 192)], 1)

    def _d(self, x: Tensor, block: str) -> Tensor:
        single = self._layer(x, f"{block}.branch3x3_1", 192)
        single = self._layer(single, f"{block}.branch3x3_2", 320, 3, stride=2)
        wide = self._layer(x, f"{block}.branch7x7x3_1", 192)
        wide = self._layer(wide, f"{block}.branch7x7x3_2", 192, (1, 7), padding=(0, 3))
        wide = self._layer(wide, f"{block}.branch7x7x3_3", 192, (7, 1), padding=(3, 0))
        wide = self._layer(wide, f"{block}.branch7x7x3_4", 192, 3, stride=2)
        return torch.cat([single, wide, F.max_pool2d(x, 3, 2)], 1)

    def _e(self, x: Tensor, block: str, pool: Tensor) -> Tensor:
        one = self._layer(x, f"{block}.branch1x1", 320)
        single = self._layer(x, f"{block}.branch3x3_1", 384)
        double = self._layer(x, f"{block}.branch3x3dbl_1", 448)
        double = self._layer(double, f"{block}.branch3x3dbl_2", 384, 3, padding=1)
        ends = []
        for y, stem in ((single, "branch3x3_2"), (double, "branch3x3dbl_3")):
            ends.append(self._layer(y, f"{block}.{stem}a", 384, (1, 3), padding=(0, 1)))
            ends.append(self._layer(y, f"{block}.{stem}b", 384, (3, 1), padding=(1, 0)))
        return torch.cat([one, *ends, self._layer(pool, f"{block}.branch_pool", 192)], 1)


def resized(images: Tensor, size: int) -> Tensor:
    """TensorFlow 1's bilinear resizing, by gathering the four neighbours of each pixel."""

    def neighbours(extent: int) -> tuple[Tensor, Tensor, Tensor]:
        position = torch.arange(size) * torch.tensor(extent / size)
        low = position.floor().long()
        return low, (low + 1).clamp(max=extent - 1), position - low

    top, bottom, down = neighbours(images.shape[2])
    left, right, across = neighbours(images.shape[3])
    above, below = images[:, :, top], images[:, :, bottom]
    above = above[..., left] + (above[..., right] - above[..., left]) * across
    below = below[..., left] + (below[..., right] - below[..., left]) * across
    return above + (below - above) * down[:, None]
