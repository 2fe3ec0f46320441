"""One moment of a training, as arrays: what networks make of points, of latents and of every place of the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from paribus.laboratory.points import PointSet, modes_found, near_data
from paribus.objectives.adversarial import AdversarialObjective
from paribus.objectives.base import Batch, Draw, EncodingObjective, Nets, Objective, with_features
from paribus.objectives.encoding import PosteriorObjective, posterior, posterior_samples
from paribus.recipes import RunConfig

SAMPLES = 1000
"""Samples of a frame, from the same latents in every frame; as many points of the data stand beside them."""
MAP_SIDE, FIELD_SIDE, MESH_SIDE = 56, 15, 21
MESH_REACH = 2.5
"""Deviations of the prior that the mesh reaches to."""
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


class _FixedPoints(nn.Module):
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
    loss = objective.generator_terms(nets | {"G": _FixedPoints(repeated)}, batch, draw)["loss"]
    (gradient,) = torch.autograd.grad(loss, repeated)
    return -len(repeated) * gradient.view(PAIRINGS, len(places), 2).mean(0)


@dataclass(frozen=True)
class Frame:
    """What is to be seen after some steps; float32 arrays, None where the objective has no such thing.

    Args:
        step: Steps done.
        samples: G's points (SAMPLES, 2), from the same latents in every frame.
        near: Which of them are of high quality (SAMPLES,).
        modes: Which modes they reach (modes,).
        judged: D's output at `lattice(MAP_SIDE)` (MAP_SIDE, MAP_SIDE): `Objective.judgement` says what it means.
        push: Where G's loss would move samples that stood at `lattice(FIELD_SIDE)` (FIELD_SIDE, FIELD_SIDE, 2).
        mesh: G's points of `lattice(MESH_SIDE, MESH_REACH)` (MESH_SIDE, MESH_SIDE, 2), for a z of length 2.
        latents: The data's latents (SAMPLES, 2), posterior means where there is a posterior, for a z of length 2.
        spreads: Their posteriors' deviations (SAMPLES, 2).
        restored: Share of the data's points that are of high quality when decoded from a draw of their posterior.
        terms: Means of the objective's logged terms since the frame before.
    """

    step: int
    samples: np.ndarray
    near: np.ndarray
    modes: np.ndarray
    judged: np.ndarray | None
    push: np.ndarray | None
    mesh: np.ndarray | None
    latents: np.ndarray | None
    spreads: np.ndarray | None
    restored: float | None
    terms: dict[str, float]

    @property
    def modes_found(self) -> float:
        """Share of the modes that samples reach."""
        return float(self.modes.mean())

    @property
    def quality(self) -> float:
        """Share of the samples that are of high quality."""
        return float(self.near.mean())


class Observer:
    """Looks at a configuration's networks, always from the same latents and beside the same points.

    Attributes:
        data: Points of the data (SAMPLES, 2).
        z: The samples' latents (SAMPLES, Z).
    """

    def __init__(self, config: RunConfig, points: PointSet) -> None:
        self._objective, self._points = config.objective, points
        self._seed = config.seed
        self.data = points.draw(SAMPLES, Draw(config.seed, "seen data"))
        self.z = config.objective.prior(SAMPLES, Draw(config.seed, "sample"))

    def look(self, nets: Nets, step: int, images_seen: int, terms: dict[str, float]) -> Frame:
        """The frame of networks in eval mode, without gradients of their own."""
        objective = self._objective
        with torch.no_grad():
            samples = generated(objective, nets, self.z)
            seen = self._plane(nets) | self._latents(nets)
        if isinstance(objective, AdversarialObjective):
            places = lattice(FIELD_SIDE)
            real = self._points.draw(PAIRINGS * len(places), Draw(self._seed, "push", "data"))
            batch = Batch(as_images(real), None, len(real), images_seen)
            moved = push(objective, nets, places, batch, Draw(self._seed, "push"))
            seen["push"] = _square(moved)
        return Frame(
            step,
            samples.numpy(),
            near_data(samples, self._points).numpy(),
            modes_found(samples, self._points).numpy(),
            **{name: seen.get(name) for name in ("judged", "push", "mesh", "latents", "spreads", "restored")},
            terms=terms,
        )

    def _plane(self, nets: Nets) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        if self._objective.judgement is not None:
            seen["judged"] = _square(judged_at(nets["D"], lattice(MAP_SIDE)))
        if self.z.shape[1] == 2:
            seen["mesh"] = _square(generated(self._objective, nets, lattice(MESH_SIDE, MESH_REACH)))
        return seen

    def _latents(self, nets: Nets) -> dict[str, Any]:
        objective, images = self._objective, as_images(self.data)
        if not isinstance(objective, EncodingObjective):
            return {}
        seen: dict[str, Any] = {}
        means = drawn = objective.encode(nets, images, None)
        if isinstance(objective, PosteriorObjective):
            _, log_variances = posterior(nets["E"], images, None)
            drawn = posterior_samples(means, log_variances, Draw(self._seed, "restored"))[:, 0]
            seen["spreads"] = (0.5 * log_variances).exp().numpy()
        if objective.latent_dim == 2:
            seen["latents"] = means.numpy()
        seen["restored"] = float(near_data(generated(objective, nets, drawn), self._points).float().mean())
        return seen


def _square(values: Tensor) -> np.ndarray:
    """Values (n * n, ...) of a lattice as (n, n, ...), rows upwards."""
    side = round(len(values) ** 0.5)
    return values.unflatten(0, (side, side)).numpy()
