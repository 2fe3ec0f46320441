"""What networks make of every place of the plane: D's map, the push on G's samples, the image of the latent plane."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paribus.objectives.adversarial import AdversarialObjective
from paribus.objectives.base import Batch, Draw, Nets, Objective, with_features

PAIRINGS = 8
"""Real points that each place is judged beside, for losses that judge in pairs."""


def lattice(side: int, reach: float = 1.0) -> Tensor:
    """Places (side * side, 2): the middles of equal cells of [-reach, reach]^2, x running fastest, y upwards."""
    middles = reach * ((2 * torch.arange(side) + 1) / side - 1)
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    return torch.stack([x, y], -1).view(-1, 2)


def as_images(points: Tensor) -> Tensor:
    """Points (n, 2) as images (n, 2, 1, 1)."""
    return points[:, :, None, None]


def generated(objective: Objective, nets: Nets, z: Tensor) -> Tensor:
    """Points (n, 2) of latents (n, Z)."""
    return objective.generate(nets, z, None).float().flatten(1)


def judged_at(discriminator: nn.Module, places: Tensor) -> Tensor:
    """D's first output (n,) at places (n, 2)."""
    return with_features(discriminator, as_images(places))[0][:, 0]


class _Standing(nn.Module):
    """In G's place: gives the same points whatever the latents, before the tanh that objectives put behind G."""

    def __init__(self, points: Tensor) -> None:
        super().__init__()
        self.points = points

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.atanh(as_images(self.points))


def push(objective: AdversarialObjective, nets: Nets, places: Tensor, batch: Batch, draw: Draw) -> Tensor:
    """Where G's loss would move samples that stood at places (n, 2): minus its gradient with respect to each, (n, 2).

    It is the gradient of a sample's own loss, not divided by the batch. The loss is the objective's own, whatever its
    form: G's network is replaced by one that gives these points.

    Args:
        objective: What G is trained by.
        nets: Its networks, without gradients of their own.
        places: Inside (-1, 1)^2.
        batch: n * PAIRINGS real points; a place's gradient is the mean over the PAIRINGS ones that it is beside.
        draw: The numbers that the loss draws.
    """
    repeated = places.repeat(PAIRINGS, 1).requires_grad_()
    loss = objective.generator_terms(nets | {"G": _Standing(repeated)}, batch, draw)["loss"]
    (gradient,) = torch.autograd.grad(loss, repeated)
    return -len(repeated) * gradient.view(PAIRINGS, len(places), 2).mean(0)
