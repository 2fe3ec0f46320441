"""A model's two directions as modules of tensors alone, for what runs without Paribus."""

from __future__ import annotations

import copy

from torch import Tensor, nn
from torch.nn.utils import parametrize

from paribus.models import Model
from paribus.objectives.base import EncodingObjective, Nets


class DecoderModule(nn.Module):
    """Latents, and the classes of a conditional model, to images in [0, 1]."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.nets = _with_plain_weights(model.nets)
        self.objective = model.objective
        self.eval()

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps z (N, latents) and labels (N,), or mixtures of classes (N, classes), to images (N, C, H, W)."""
        return (self.objective.generate(dict(self.nets.items()), z, labels) + 1) / 2


class EncoderModule(nn.Module):
    """Images in [0, 1], and the classes of a conditional model, to latents."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        assert isinstance(model.objective, EncodingObjective)
        self.nets = _with_plain_weights(model.nets)
        self.objective = model.objective
        self.eval()

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps images (N, C, H, W) and labels (N,) to latents (N, latents)."""
        return self.objective.encode(dict(self.nets.items()), images * 2 - 1, labels)


def _with_plain_weights(nets: Nets) -> nn.ModuleDict:
    """A copy on the CPU, in which weights that are computed from others (spectral norm) are plain ones."""
    copied = nn.ModuleDict(copy.deepcopy(nets)).cpu()
    for module in [module for module in copied.modules() if parametrize.is_parametrized(module)]:
        # not `remove_parametrizations`, which changes the class that the original shares
        plain = parametrize.type_before_parametrizations(module)
        assert isinstance(module.parametrizations, nn.ModuleDict)
        values = {name: getattr(module, name).detach() for name in module.parametrizations}
        del module.parametrizations
        module.__class__ = plain
        for name, value in values.items():
            module.register_parameter(name, nn.Parameter(value, requires_grad=False))
    return copied
