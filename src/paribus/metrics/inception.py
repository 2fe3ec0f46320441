"""The encoders of the FID: Inception's layers up to some taps, and the averages over the channels there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from paribus.base.errors import ParibusError
from paribus.metrics.encoders import check_any_size, exact, weights_id
from paribus.metrics.estimates import full_precision
from paribus.metrics.inception_layers import STAGES, Convolution, Mixed, convolutions_to, layers_to

SIZE = 299
"""Pixels of the images that the network was made for; others are resized."""


class InceptionNetwork:
    """Inception's layers up to the deepest of some taps: one pass gives the features at all of them.

    Attributes:
        encoders: An encoder a tap, in the order of the taps.

    Args:
        weights: NAME.weight and NAME.bias of each convolution, float32, with batch norm folded in, and perhaps
            fc.weight and fc.bias, as `read_weights` gives them.
        taps: Some of 64, 192, 768 and 2048. What lies behind the deepest is neither needed nor computed.
        device: Where it runs; features come back to the CPU.
        precision: bf16 is faster where the hardware has it natively, and gives other numbers: hence the names.
        batch_size: Images in a forward pass; by default 8 on a CPU, whose caches hold few, else 128.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        taps: Sequence[int] = (2048,),
        *,
        device: torch.device | str = "cpu",
        precision: Literal["fp32", "bf16"] = "fp32",
        batch_size: int | None = None,
    ) -> None:
        self.precision = precision
        self.device = torch.device(device)
        self.batch_size = batch_size or (8 if self.device.type == "cpu" else 128)
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        deepest = max(taps)
        self._stages = {tap: layers for tap, layers in STAGES.items() if tap <= deepest}
        self._weights = {layer.name: self._laid_out(weights, [layer]) for layer in convolutions_to(deepest)}
        for layer in layers_to(deepest):
            if isinstance(layer, Mixed):
                self._weights[layer.name] = self._laid_out(weights, _heads(layer))
        self.encoders = tuple(InceptionEncoder(self, weights, tap) for tap in taps)

    def features(self, images: Tensor) -> dict[int, Tensor]:
        """Features (N, tap) float32 at each tap, none below 0, of images uint8 (N, 1 or 3, H, W) of any size.

        Raises:
            ParibusError: They are not such images.
        """
        check_any_size(images, "InceptionNetwork.features")
        taps = [encoder.dimensions for encoder in self.encoders]
        if not len(images):
            return {tap: torch.zeros(0, tap) for tap in taps}
        with exact(self.device):
            parts = [self._features(part.to(self.device)) for part in images.split(self.batch_size)]
        return {tap: torch.cat([part[tap].cpu() for part in parts]) for tap in taps}

    def _features(self, images: Tensor) -> dict[int, Tensor]:
        # resizing keeps a constant, so subtracting first is the same, on fewer and exact numbers
        x = bilinear_tf1((images.float() - 128) / 128, SIZE).to(self._dtype)
        x = x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        found = {}
        for tap, layers in self._stages.items():
            for layer in layers:
                if isinstance(layer, Mixed):
                    x = self._joined(x, layer)
                else:
                    x = self._convolved(x, layer) if isinstance(layer, Convolution) else F.max_pool2d(x, 3, 2)
            found[tap] = x.mean((2, 3), dtype=torch.float32)
        return found

    def _convolved(self, x: Tensor, layer: Convolution) -> Tensor:
        return F.conv2d(x, *self._weights[layer.name], layer.stride, layer.padding).relu_()

    def _joined(self, x: Tensor, block: Mixed) -> Tensor:
        heads = _heads(block)
        products = F.conv2d(x, *self._weights[block.name]).split([layer.outputs for layer in heads], 1)
        known = dict(zip((layer.name for layer in heads), products, strict=True))
        outputs = []
        for branch in block.branches:
            y = x
            for layer in branch.chain:
                y = known[layer.name].relu() if layer.name in known else self._convolved(y, layer)
            outputs += [self._convolved(y, end) for end in branch.ends] or [y]
        if block.pool == "average":
            # it may change places with a 1x1 convolution, after which there are fewer channels
            (layer,) = block.after_pool
            pooled = F.avg_pool2d(known[layer.name], 3, 1, 1, count_include_pad=False).relu_()
        elif block.pool == "maximum":
            (layer,) = block.after_pool
            pooled = self._convolved(F.max_pool2d(x, 3, 1, 1), layer)
        else:
            pooled = F.max_pool2d(x, 3, 2)
        return torch.cat([*outputs, pooled], 1)

    def _laid_out(self, weights: Mapping[str, Tensor], layers: list[Convolution]) -> tuple[Tensor, Tensor]:
        """Weight and bias of convolutions that read the same input, as those of one."""
        weight = torch.cat([weights[f"{layer.name}.weight"] for layer in layers])
        bias = torch.cat([weights[f"{layer.name}.bias"] for layer in layers])
        placed = weight.to(self.device, self._dtype).contiguous(memory_format=torch.channels_last)
        return placed, bias.to(self.device, self._dtype)


class InceptionEncoder:
    """Averages over the pixels of one of Inception's layers; on the last layer's 2,048 channels, features of the FID.

    Comparable only with scores from the same layer, weights and precision. Of images unlike photographs (digits) it
    says little.

    Attributes:
        name: For example "inception-768"; "inception-768-bf16" where that was asked for.
        id: The name and the first 12 hex digits of the sha256 over the weights up to the layer, with batch norm folded
            in: all that decides the features. A file whose numbers were rounded on the way has another id.
        dimensions: 64, 192, 768 or 2048: which layer.
        network: What computes the features of this layer, and of others in the same pass.
    """

    fitted_on = None

    def __init__(self, network: InceptionNetwork, weights: Mapping[str, Tensor], dimensions: int) -> None:
        used = [f"{layer.name}.{part}" for layer in convolutions_to(dimensions) for part in ("weight", "bias")]
        self.network, self.dimensions = network, dimensions
        self.name = f"inception-{dimensions}" + ("-bf16" if network.precision == "bf16" else "")
        self.id = weights_id(self.name, {key: weights[key] for key in used})
        self._classes = (weights["fc.weight"], weights["fc.bias"]) if "fc.weight" in weights else None

    @property
    def has_classes(self) -> bool:
        """Whether `logits_of` is available: of the last layer's features, where the weights go on to the classes."""
        return self._classes is not None and self.dimensions == max(STAGES)

    def features(self, images: Tensor) -> Tensor:
        """Features (N, d) float32, none below 0, of images uint8 (N, 1 or 3, H, W) of any size.

        Raises:
            ParibusError: They are not such images.
        """
        return self.network.features(images)[self.dimensions]

    def logits_of(self, features: Tensor, *, biased: bool = False) -> Tensor:
        """Logits (N, 1008) float32 of classes, from features (N, 2048).

        Without the bias by default: the Inception Score's first code multiplied by the matrix alone, and published
        scores have been computed so since. Eight of the 1,008 outputs name no class.

        Raises:
            ParibusError: The features are another layer's, or the weights came without the classes.
        """
        if self._classes is None or not self.has_classes:
            raise ParibusError(
                "Inception's classes need all of its layers.",
                where=self.id,
                got="weights without fc.weight" if self.dimensions == 2048 else f"{self.dimensions} features",
                expected="the encoder inception-2048, with the full weights",
            )
        matrix, bias = self._classes
        with torch.no_grad(), full_precision():
            return F.linear(features, matrix, bias if biased else None)


def _heads(block: Mixed) -> list[Convolution]:
    """The 1x1 convolutions that read a block's input: computed as one, they read it once."""
    heads = [branch.chain[0] for branch in block.branches if branch.chain[0].kernel == (1, 1)]
    return [*heads, *block.after_pool] if block.pool == "average" else heads


def bilinear_tf1(images: Tensor, size: int) -> Tensor:
    """Images (N, C, H, W), float32, at (N, C, size, size), by the bilinear filter of TensorFlow 1.

    Pixel i of the result lies at i × H / size of the source: there is no offset of half a pixel, and what lies beyond
    the last pixel repeats it. Nothing is smoothed before reducing. Each axis is a product with a matrix whose rows hold
    two weights that sum to 1, which is many times as fast as gathering four neighbours for each pixel.

    Source: tensorflow/core/kernels/resize_bilinear_op.cc, align_corners false, half_pixel_centers false.
    """
    rows, columns = (_resizing_weights(extent, size).to(images) for extent in images.shape[2:])
    return rows @ images @ columns.T


def _resizing_weights(source: int, size: int) -> Tensor:
    """The matrix (size, source) of one axis; positions in float32, as TensorFlow has them."""
    index = torch.arange(size)
    position = index * torch.tensor(source / size, dtype=torch.float32)
    low = position.long()
    share = position - low
    matrix = torch.zeros(size, source)
    matrix[index, low] += 1 - share
    matrix[index, (low + 1).clamp_max(source - 1)] += share
    return matrix
