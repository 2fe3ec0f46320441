"""An encoder for images of any kind and number: EfficientNet-Lite0, which learned from a million photographs.

It was not fitted to the images that it judges, so it treats both sides of a comparison alike.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from paribus.metrics.efficientnet_weights import Block, Layer, Weights, read_weights
from paribus.metrics.encoders import check_any_size, exact, weights_id

LEAST_SIZE = 64
"""Pixels that smaller images are brought to; larger ones are seen as they are."""
TAP = 4
"""The stage whose channels are features: its pixels stand for 16x16 of the image's, and it knows parts, not classes."""


class EfficientNetEncoder:
    """Averages over the pixels of the 112 channels of one of EfficientNet-Lite0's middle stages.

    Images smaller than 64x64 are brought to that by the bilinear filter; larger ones are seen at their own size, so
    that damage to their pixels is not smoothed away. Grey ones are repeated in three channels. Chosen among stages,
    sizes and other encoders by `benchmarks/judges.py`: docs/judges.md has the table.

    Comparable only with scores from the same weights, stage and least size (all in the id) and the same resolution.

    Source: the network of arXiv 1905.11946 on the blocks of arXiv 1801.04381, in the "Lite" form of the TensorFlow
    project: no squeeze and excitation, ReLU6 throughout, values (x - 127) / 128, zeros around images as TensorFlow's
    "SAME" has them.

    Attributes:
        id: "efficientnet-" and the first 12 hex digits of the sha256 over the weights used, least size and stage.
        dimensions: The channels of the stage: 112.

    Args:
        weights: As `read_weights` gives them; by default those of the installed package.
        tap: Which stage, from 0; 7 is the last convolution. What lies behind it is not computed.
        least_size: Height and width that smaller images are brought to.
        device: Where it runs; features come back to the CPU.
        batch_size: Images in a forward pass; by default 16 on a CPU, whose caches hold few, else 256.

    Raises:
        ParibusError: The package with the weights is not installed, or its file is not the known one.
    """

    name = "efficientnet"
    fitted_on = None

    def __init__(
        self,
        weights: Weights | None = None,
        *,
        tap: int = TAP,
        least_size: int = LEAST_SIZE,
        device: torch.device | str = "cpu",
        batch_size: int | None = None,
    ) -> None:
        weights = weights or read_weights()
        self.least_size = least_size
        self.device = torch.device(device)
        self.batch_size = batch_size or (16 if self.device.type == "cpu" else 256)
        used = weights.up_to(tap)
        self._stem = self._placed(used.stem)
        self._blocks = [self._placed_block(block) for stage in used.stages for block in stage]
        self._head = None if used.head is None else self._placed(used.head)
        last = used.head or used.stages[-1][-1].project
        self.dimensions = len(last[1])
        self.id = weights_id(self.name, dict(used.tensors()) | {"least size": torch.tensor(least_size)})

    def features(self, images: Tensor) -> Tensor:
        """Features (N, d) float32 of images uint8 (N, 1 or 3, H, W) of any size.

        Raises:
            ParibusError: They are not such images.
        """
        check_any_size(images, "EfficientNetEncoder.features")
        if not len(images):
            return torch.zeros(0, self.dimensions)
        with exact(self.device):
            return torch.cat([self._features(part.to(self.device)).cpu() for part in images.split(self.batch_size)])

    def _features(self, images: Tensor) -> Tensor:
        x = (images.float() - 127) / 128
        if max(x.shape[2:]) < self.least_size:
            x = F.interpolate(x, (self.least_size, self.least_size), mode="bilinear", align_corners=False)
        x = x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        x = _convolved(x, self._stem, stride=2).clamp_(0, 6)
        for block in self._blocks:
            x = _through(x, block)
        if self._head is not None:
            x = _convolved(x, self._head).clamp_(0, 6)
        return x.mean((2, 3))

    def _placed_block(self, block: Block) -> Block:
        expand = None if block.expand is None else self._placed(block.expand)
        return block._replace(expand=expand, filter=self._placed(block.filter), project=self._placed(block.project))

    def _placed(self, layer: Layer) -> Layer:
        weight, bias = layer
        return weight.to(self.device).contiguous(memory_format=torch.channels_last), bias.to(self.device)


def _through(x: Tensor, block: Block) -> Tensor:
    y = x if block.expand is None else _convolved(x, block.expand).clamp_(0, 6)
    y = _convolved(y, block.filter, block.stride, groups=y.shape[1]).clamp_(0, 6)
    y = _convolved(y, block.project)
    return y.add_(x) if block.stride == 1 and y.shape == x.shape else y


def _convolved(x: Tensor, layer: Layer, stride: int = 1, groups: int = 1) -> Tensor:
    """A convolution that gives ceil(side / stride) pixels a side; of an odd number of zeros one more at the end."""
    weight, bias = layer
    pads = []
    for side, kernel in zip(reversed(x.shape[2:]), reversed(weight.shape[2:]), strict=True):
        zeros = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads += [zeros // 2, zeros - zeros // 2]
    if pads[::2] == pads[1::2]:
        return F.conv2d(x, weight, bias, stride, (pads[2], pads[0]), groups=groups)
    return F.conv2d(F.pad(x, pads), weight, bias, stride, groups=groups)
