"""Models as after training, without training."""

from __future__ import annotations

import torch

from paribus.config import RunConfig
from paribus.models import Model, build_networks
from paribus.settings import ImageShape


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
                tensor.add_(0.05 * torch.randn(tensor.shape, generator=generator))
    return Model(config, averaged, image, tuple("abcdefghij"[: image.classes]) or None)
