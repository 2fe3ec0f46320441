"""The layers of Inception v3 as TensorFlow published it on 5 December 2015, as a table: the network behind the FID.

It differs from the Inception v3 of other model zoos in its weights, in average pools that leave the padding out, in one
maximum pool, and in 1,008 classes: a distance in the features of any other Inception is not the FID.

Source: arXiv 1512.00567 (the network) and 1706.08500 (its use); names as in torch-fidelity's file of the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

EPSILON = 1e-3
"""Added to the variance in each batch norm."""


@dataclass(frozen=True)
class Convolution:
    """A convolution with batch norm and ReLU; where `padded`, zeros around keep the size at stride 1."""

    name: str
    inputs: int
    outputs: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padded: bool = True

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros on each side, for rows and columns."""
        return (self.kernel[0] // 2, self.kernel[1] // 2) if self.padded else (0, 0)


class Branch(NamedTuple):
    """A chain of convolutions, and perhaps two more side by side on what it gives, in its place."""

    chain: tuple[Convolution, ...]
    ends: tuple[Convolution, ...] = ()


@dataclass(frozen=True)
class Mixed:
    """Branches side by side on one input; what they and the pool give is joined in this order.

    Args:
        name: The first part of its convolutions' names.
        branches: At least two.
        pool: "average" or "maximum" of 3x3 at stride 1, then `after_pool`; "reduce": maximum of 3x3 at stride 2.
        after_pool: A 1x1 convolution, or none after "reduce".
    """

    name: str
    branches: tuple[Branch, ...]
    pool: Literal["average", "maximum", "reduce"]
    after_pool: tuple[Convolution, ...] = ()


Layer = Convolution | Mixed | Literal["pool"]
"""`pool` is the maximum of 3x3 at stride 2."""


class _Step(NamedTuple):
    name: str
    outputs: int
    kernel: int | tuple[int, int] = 1
    stride: int = 1


def _convolution(block: str, inputs: int, step: _Step) -> Convolution:
    size = (step.kernel, step.kernel) if isinstance(step.kernel, int) else step.kernel
    return Convolution(f"{block}.{step.name}", inputs, step.outputs, size, step.stride, padded=step.stride == 1)


def _chain(block: str, inputs: int, *steps: _Step) -> tuple[Convolution, ...]:
    widths = [inputs, *(step.outputs for step in steps)]
    return tuple(_convolution(block, width, step) for width, step in zip(widths, steps, strict=False))


def _block_a(name: str, inputs: int, pooled: int) -> Mixed:
    single = (_Step("branch5x5_1", 48), _Step("branch5x5_2", 64, 5))
    double = (_Step("branch3x3dbl_1", 64), _Step("branch3x3dbl_2", 96, 3), _Step("branch3x3dbl_3", 96, 3))
    branches = [Branch(_chain(name, inputs, *steps)) for steps in ((_Step("branch1x1", 64),), single, double)]
    return Mixed(name, tuple(branches), "average", _chain(name, inputs, _Step("branch_pool", pooled)))


def _block_b(name: str, inputs: int) -> Mixed:
    single = (_Step("branch3x3", 384, 3, stride=2),)
    double = (_Step("branch3x3dbl_1", 64), _Step("branch3x3dbl_2", 96, 3), _Step("branch3x3dbl_3", 96, 3, stride=2))
    return Mixed(name, tuple(Branch(_chain(name, inputs, *steps)) for steps in (single, double)), "reduce")


def _block_c(name: str, inputs: int, inner: int) -> Mixed:
    row, column = (1, 7), (7, 1)
    single = (_Step("branch7x7_1", inner), _Step("branch7x7_2", inner, row), _Step("branch7x7_3", 192, column))
    double = (
        _Step("branch7x7dbl_1", inner),
        _Step("branch7x7dbl_2", inner, column),
        _Step("branch7x7dbl_3", inner, row),
        _Step("branch7x7dbl_4", inner, column),
        _Step("branch7x7dbl_5", 192, row),
    )
    branches = [Branch(_chain(name, inputs, *steps)) for steps in ((_Step("branch1x1", 192),), single, double)]
    return Mixed(name, tuple(branches), "average", _chain(name, inputs, _Step("branch_pool", 192)))


def _block_d(name: str, inputs: int) -> Mixed:
    single = (_Step("branch3x3_1", 192), _Step("branch3x3_2", 320, 3, stride=2))
    wide = (
        _Step("branch7x7x3_1", 192),
        _Step("branch7x7x3_2", 192, (1, 7)),
        _Step("branch7x7x3_3", 192, (7, 1)),
        _Step("branch7x7x3_4", 192, 3, stride=2),
    )
    return Mixed(name, tuple(Branch(_chain(name, inputs, *steps)) for steps in (single, wide)), "reduce")


def _block_e(name: str, inputs: int, pool: Literal["average", "maximum"]) -> Mixed:
    def forked(chain: tuple[Convolution, ...], name_of_ends: str) -> Branch:
        across, down = _Step(name_of_ends + "a", 384, (1, 3)), _Step(name_of_ends + "b", 384, (3, 1))
        return Branch(chain, tuple(_convolution(name, chain[-1].outputs, step) for step in (across, down)))

    branches = (
        Branch(_chain(name, inputs, _Step("branch1x1", 320))),
        forked(_chain(name, inputs, _Step("branch3x3_1", 384)), "branch3x3_2"),
        forked(_chain(name, inputs, _Step("branch3x3dbl_1", 448), _Step("branch3x3dbl_2", 384, 3)), "branch3x3dbl_3"),
    )
    return Mixed(name, branches, pool, _chain(name, inputs, _Step("branch_pool", 192)))


STAGES: dict[int, tuple[Layer, ...]] = {
    64: (
        Convolution("Conv2d_1a_3x3", 3, 32, (3, 3), stride=2, padded=False),
        Convolution("Conv2d_2a_3x3", 32, 32, (3, 3), padded=False),
        Convolution("Conv2d_2b_3x3", 32, 64, (3, 3)),
        "pool",
    ),
    192: (
        Convolution("Conv2d_3b_1x1", 64, 80),
        Convolution("Conv2d_4a_3x3", 80, 192, (3, 3), padded=False),
        "pool",
    ),
    768: (
        _block_a("Mixed_5b", 192, pooled=32),
        _block_a("Mixed_5c", 256, pooled=64),
        _block_a("Mixed_5d", 288, pooled=64),
        _block_b("Mixed_6a", 288),
        _block_c("Mixed_6b", 768, inner=128),
        _block_c("Mixed_6c", 768, inner=160),
        _block_c("Mixed_6d", 768, inner=160),
        _block_c("Mixed_6e", 768, inner=192),
    ),
    2048: (
        _block_d("Mixed_7a", 768),
        _block_e("Mixed_7b", 1280, "average"),
        _block_e("Mixed_7c", 2048, "maximum"),
    ),
}
"""The layers that lead to each tap, by its number of channels; it is 73, 35, 17 and 8 pixels high and wide."""


def layers_to(dimensions: int) -> Iterator[Layer]:
    """The layers up to a tap, in order."""
    return (layer for tap, layers in STAGES.items() if tap <= dimensions for layer in layers)


def convolutions_to(dimensions: int) -> Iterator[Convolution]:
    """The convolutions up to a tap."""
    for layer in layers_to(dimensions):
        if isinstance(layer, Convolution):
            yield layer
        elif isinstance(layer, Mixed):
            for branch in layer.branches:
                yield from (*branch.chain, *branch.ends)
            yield from layer.after_pool
