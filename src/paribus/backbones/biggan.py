"""BigGAN's networks (arXiv:1809.11096) for small images, in three published plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from torch import nn
from typing_extensions import override

from paribus.backbones.base import Activation, Backbone, Trunk, activation_layer, stage_sizes
from paribus.backbones.blocks import Attention, ConditionalBatchNorm, DownBlock, Parts, UpBlock, initialise
from paribus.backbones.residual import ResidualUp, Routes, residual_trunk
from paribus.backbones.spectral_norm import spectral_norm
from paribus.base.registry import backbones
from paribus.config import ImageShape

EMBEDDED = 128
"""Length of the class's embedding that all of `up` shares."""
SHRINKING = (16, 16, 8, 4, 2, 1)
"""Channels of `up` from the smallest maps outwards, as multiples of the width: arXiv:1809.11096's table for 128x128."""


@dataclass(frozen=True)
class Plan:
    """What one published configuration decides.

    Args:
        width: Its channel multiplier.
        attention: Whether it has self-attention.
        z: Where z goes (see `Routes`). With "first" each batch norm has its own embedding of the class, else all of
            `up` shares one.
        class_in_first: Whether the first layer gets the class too.
        up: Channels of `up` as multiples of the width, from the smallest maps outwards; the last counts on.
        down: Channels of `down` as a multiple of the width.
        to_one_pixel: Whether `down` halves floor(log2 size) times; else it halves once less than `up` doubles.
        initialisation: Of all weights.
        spectral_norm_eps: The least length that a vector of the power iteration is divided by.
        batch_norm_eps: Added to the variance.
    """

    width: int
    attention: bool
    z: Literal["first", "chunks", "everywhere"]
    class_in_first: bool
    up: tuple[int, ...]
    down: int
    to_one_pixel: bool
    initialisation: Literal["normal", "orthogonal"] = "orthogonal"
    spectral_norm_eps: float = 1e-6
    batch_norm_eps: float = 1e-4


class BigGANFamily(Backbone):
    """What BigGAN and BigGAN-deep share: all but the blocks, and how `down` is made of them."""

    plans: ClassVar[dict[str, Plan]]
    block: ClassVar[Callable[..., nn.Module]]
    """The block of `up`."""
    keeping: ClassVar[int] = 0
    """Blocks of each of its stages that keep the side."""

    plan: str
    width: int
    attention: bool
    activation: Activation = "relu"
    """In `up` and `down`; the leak is 0.2."""
    spectral_norm: bool = True
    """Divide the weights of both networks by their largest singular values (not those of an encoder's head)."""
    residual_blocks: int = Field(0, ge=0, le=100)
    """Additional blocks that keep the side: in `up` before all others, in `down` after what reads the image."""

    @model_validator(mode="before")
    @classmethod
    def _own_values(cls, values: Any) -> Any:
        """Completes the settings by the plan's own width and attention, where they are left out."""
        if not isinstance(values, dict):
            return values
        plan = cls.plans.get(str(values.get("plan", cls.model_fields["plan"].default)))
        return values if plan is None else {"width": plan.width, "attention": plan.attention} | values

    @override
    def up(self, latent_dim: int, image: ImageShape) -> nn.Module:
        plan, parts = self.plans[self.plan], self.parts()
        sizes = stage_sizes(image.size)[::-1]
        embed = plan.z != "first" and image.classes
        routes = Routes(
            latent_dim,
            image.classes,
            len(sizes) - 1,
            z=plan.z,
            class_in_first=plan.class_in_first,
            embedding=parts.initialise(nn.Linear(image.classes, EMBEDDED, bias=False)) if embed else None,
            embedded=EMBEDDED,
        )
        return ResidualUp(
            self.block,
            routes,
            sizes,
            [self.width * plan.up[min(k, len(plan.up) - 1)] for k in range(len(sizes))],
            image.channels,
            parts,
            keeping=self.keeping,
            residual_blocks=self.residual_blocks,
            attention=self.attention,
        )

    def halvings(self, size: int) -> int:
        """How often `down` halves the side of an image."""
        return size.bit_length() - 1 if self.plans[self.plan].to_one_pixel else len(stage_sizes(size)) - 2

    def parts(self) -> Parts:
        """How layers are made."""
        plan = self.plans[self.plan]
        initialised = partial(initialise, how=plan.initialisation)

        def finish(layer: nn.Module) -> nn.Module:
            layer = initialised(layer)
            return spectral_norm(layer, plan.spectral_norm_eps) if self.spectral_norm else layer

        # a layer on the shared embedding is normed, an embedding of its own is not
        embedding = initialised if plan.z == "first" else finish
        norm = partial(ConditionalBatchNorm, finish=embedding, eps=plan.batch_norm_eps)
        return Parts(initialised, finish, activation_layer(self.activation), norm)


@backbones.register("biggan")
class BigGAN(BigGANFamily):
    """Residual networks: conditional batch norm in `up`, a sum over pixels in `down`, spectral norm in both.

    The number of blocks follows the image size (`stage_sizes`, n of them in `up`); the figures are those at 32x32.

    - a, the CIFAR-10 script of BigGAN-PyTorch: `up` 4·width channels throughout, z to the first layer alone, each batch
      norm with its own embedding of the class; `down` 4·width channels.
    - b, StudioGAN's configuration for CIFAR-10: `up` 4·width, z in n + 1 chunks (the first layer's and one for each
      block), one embedding of the class for all; `down` 2·width; self-attention where the maps have half of the image's
      side.
    - hinrichsen, as hinrichsen-2023 cuts the network for 128x128: `up` 16, 16, 8, 4 times the width, z and class as in
      b, and the class in the first layer too; `down` floor(log2 size) halvings at 16·width throughout.

    Without classes conditional batch norm sees its chunk of z alone; in plan a, where it sees no z, it is plain batch
    norm. As an encoder `down` is the same network with more outputs, a mean over pixels and a head without norm (see
    `residual_trunk`).
    """

    plans: ClassVar[dict[str, Plan]] = {
        "a": Plan(64, False, "first", False, (4,), 4, False, "normal", 1e-8, 1e-5),
        "b": Plan(96, True, "chunks", False, (4,), 2, False),
        # the paper names neither initialisation nor eps: those of plan b, with which it shares the way of z and class
        "hinrichsen": Plan(96, False, "chunks", True, SHRINKING, 16, True),
    }
    block: ClassVar[Callable[..., nn.Module]] = UpBlock

    plan: Literal["a", "b", "hinrichsen"] = "a"
    """Which published configuration."""
    width: int = Field(plans["a"].width, ge=1, le=1 << 16)
    """Channel multiplier; left out it is the plan's own: 64 (a) or 96 (b, hinrichsen)."""
    attention: bool = plans["a"].attention
    """Self-attention at half of the image's side; left out it is the plan's own: only b has it."""

    @override
    def trunk(self, image: ImageShape, *, critic: bool) -> Trunk:
        plan, parts = self.plans[self.plan], self.parts()
        channels = plan.down * self.width
        first, *others = [True] * self.halvings(image.size) + [False] * (1 if plan.to_one_pixel else 2)
        stages: list[nn.Module] = [DownBlock(image.channels, channels, parts, down=first, first=True)]
        if self.attention:
            stages[0] = nn.Sequential(stages[0], Attention(channels, parts.finish))
        for down in [False] * self.residual_blocks + others:
            stages.append(DownBlock(channels, channels, parts, down=down))
        return residual_trunk(stages, channels, parts, critic=critic)
