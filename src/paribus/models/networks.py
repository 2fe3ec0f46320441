"""The networks of a configuration, with their initial weights or only counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from paribus.base.errors import ParibusError
from paribus.base.randomness import keyed_seed
from paribus.base.torch_internals import skipped_initialisation
from paribus.config import ImageShape
from paribus.data.storage import available_bytes
from paribus.objectives.base import Nets
from paribus.recipes import RunConfig


def network_shape(config: RunConfig, image: ImageShape) -> ImageShape:
    """The shape that networks are built for: with classes only where the objective is conditional.

    Raises:
        ParibusError: The objective is conditional and the data have no labels.
    """
    if not config.objective.conditional:
        return ImageShape(image.channels, image.size)
    if not image.classes:
        raise ParibusError(
            "A conditional model needs labelled data.",
            where="objective.conditional",
            got=f"data '{config.data.name}' without labels",
            fix="put each class into a sub-folder of its own, or set -o objective.conditional=false",
        )
    return image


def build_networks(config: RunConfig, image: ImageShape) -> Nets:
    """Networks by role with the initial weights of `config.seed`, in fp32 on the CPU."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(keyed_seed(config.seed, "initial weights"))
        return config.objective.roles(config.backbone, network_shape(config, image))


class NotOfTheseSizes(Exception):
    """Tensors are not those of a configuration's networks; the text says which."""


MORE_PARAMETERS, MORE_NUMBERS = 20, 100
"""How many times the averaged networks' parameters, and numbers in them, all networks may have: far more than those
of any objective here, whose discriminator is of the size of its generator."""
ROOM = (1000, 1 << 24)
"""The same for networks that are tiny."""


def check_sizes(config: RunConfig, image: ImageShape, written: Mapping[str, Tensor]) -> None:
    """Compares a configuration with tensors on torch's meta device, before memory is taken for its networks.

    Neither time nor memory depends on what the configuration says, only on the tensors.

    Args:
        config: It may come from anybody.
        image: The shape of the images.
        written: By role.module.tensor, those of the averaged networks; their contents are not looked at.

    Raises:
        NotOfTheseSizes: The networks have other tensors, or those that are not written are far larger.
    """
    numbers = sum(tensor.numel() for tensor in written.values())
    for name, value in config.backbone:
        if isinstance(value, int) and value > numbers:
            raise NotOfTheseSizes(f"backbone.{name} is {value:,}, and the file has {numbers:,} numbers")
    with _at_most(MORE_PARAMETERS * len(written) + ROOM[0]), torch.device("meta"), skipped_initialisation():
        try:
            nets = config.objective.roles(config.backbone, network_shape(config, image))
        except RuntimeError as error:  # a size that no number holds
            raise NotOfTheseSizes(str(error).splitlines()[0]) from None
    expected = {
        f"{role}.{name}": tensor
        for role in config.objective.averaged
        for name, tensor in nets[role].state_dict().items()
    }
    others = {name: tensor for name, tensor in written.items() if name.partition(".")[0] in config.objective.averaged}
    if difference := first_difference(expected, others):
        raise NotOfTheseSizes(difference)
    everything = sum(tensor.numel() for net in nets.values() for tensor in net.state_dict().values())
    if everything > MORE_NUMBERS * numbers + ROOM[1]:
        raise NotOfTheseSizes(f"networks of {everything:,} numbers, and the file has {numbers:,}")


def first_difference(expected: Mapping[str, Tensor], written: Mapping[str, Tensor]) -> str | None:
    """The first tensor that is missing, is too many, or has another shape or type; None where there is none."""
    for name in sorted(expected.keys() | written.keys()):
        own, other = ("no tensor" if tensor is None else f"{tensor.dtype} {tuple(tensor.shape)}"
                      for tensor in (expected.get(name), written.get(name)))  # fmt: skip
        if own != other:
            return f"{name} is {other} in the file, and {own} by the configuration"
    return None


@contextmanager
def _at_most(parameters: int) -> Iterator[None]:
    """Ends what builds more parameters than that, which may be without end.

    Raises:
        NotOfTheseSizes: It did.
    """
    left = parameters

    def count(module: nn.Module, name: str, parameter: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise NotOfTheseSizes(f"networks of more than {parameters:,} tensors")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


def parameter_counts(config: RunConfig, image: ImageShape) -> dict[str, int]:
    """Trainable numbers of each role, without computing any of them."""
    with torch.device("meta"), skipped_initialisation():
        nets = config.objective.roles(config.backbone, network_shape(config, image))
    return {role: parameter_count(net) for role, net in nets.items()}


TRAINED_COPIES = 5
"""Numbers that training holds for each weight: itself, its gradient, two moments, its average."""


def check_networks_fit(config: RunConfig, image: ImageShape) -> None:
    """Finds out, without making them, that networks are larger than the memory that they are made in.

    Raises:
        ParibusError: They are.
    """
    counts, available = parameter_counts(config, image), available_bytes()
    needed = 4 * TRAINED_COPIES * sum(counts.values())
    if needed > available:
        raise ParibusError(
            "The networks do not fit into memory.",
            where="backbone",
            got=f"{sum(counts.values()):,} weights ({', '.join(f'{r} {n:,}' for r, n in counts.items())}), "
            f"{needed / 1e9:,.0f} GB with what training them takes",
            expected=f"at most {available / 1e9:,.1f} GB",
            fix="choose a smaller backbone.width, backbone.depth or objective.latent_dim",
        )


class _Found(Exception):
    """Ends a pass with what was looked for."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output


def first_layer_output(net: nn.Module, z: Tensor, labels: Tensor | None = None) -> Tensor:
    """What the first layer that z enters makes of it, before norm and activation: (N, features), affine in z.

    It is found by watching a pass, which ends there: the first linear layer or convolution whose output depends on z.
    Where a network gives parts of z to several layers (BigGAN), it sees the first part alone.

    Args:
        net: A backbone's `up`, without gradients of its own.
        z: (N, latent_dim).
        labels: (N,) for a conditional network.
    """

    def look(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if output.requires_grad:
            raise _Found(output.detach().flatten(1))

    layers = [layer for layer in net.modules() if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d))]
    hooks = [layer.register_forward_hook(look) for layer in layers]
    try:
        with torch.enable_grad():
            net(z.detach().clone().requires_grad_(), labels)
    except _Found as found:
        return found.output
    finally:
        for hook in hooks:
            hook.remove()
    raise ValueError("no layer of the network depends on z")


def parameter_count(net: nn.Module) -> int:
    """Number of parameters of a network."""
    return sum(parameter.numel() for parameter in net.parameters())
