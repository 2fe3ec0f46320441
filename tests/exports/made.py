"""Models as after training, without training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from paribus.config import ImageShape
from paribus.models import Model, build_networks
from paribus.recipes import RunConfig


def made_model(config: RunConfig, image: ImageShape) -> Model:
    """A model as after training: its batch norms have seen images, and no weight is 0."""
    generator = torch.Generator().manual_seed(1)
    nets = build_networks(config, image)
    averaged = {role: nets[role] for role in config.objective.averaged}
    for net in averaged.values():
        for name, tensor in net.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif tensor.is_floating_point() and not name.endswith(".u"):
                size = tensor[0].numel() if tensor.ndim > 1 else 16
                tensor.add_(torch.randn(tensor.shape, generator=generator) * 0.5 / size**0.5)
    return Model(config, averaged, image, tuple("abcdefghij"[: image.classes]) or None)


def inputs_of(model: Model, seed: int = 0) -> list[Tensor]:
    """A latent, and of a conditional model the code of a class, each with one row."""
    classes = model.image.classes
    z = model.latents(1, seed)
    return [z, one_hot(torch.tensor([seed % classes]), classes).float()] if classes else [z]
