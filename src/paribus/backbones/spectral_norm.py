"""Spectral norm (arXiv:1802.05957) as a parametrization of a layer's weight."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

Layer = TypeVar("Layer", bound=nn.Module)


class SpectralNorm(nn.Module):
    """A weight divided by its largest singular value, which one power iteration an update keeps up with.

    With W the weight as a matrix (outputs, rest): v = W'u / |W'u|, u = Wv / |Wv|, sigma = u'Wv. The training loop
    computes normed weights once an update and shares them among that update's forward passes
    (`torch.nn.utils.parametrize.cached`). In eval mode u stays as it is, brought to length 1: averaging shortens it.
    """

    u: Tensor

    def __init__(self, weight: Tensor, eps: float = 1e-8, first_iterations: int = 15) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("u", torch.randn(len(weight)))
        if weight.is_meta:
            return
        self.u = normalize(self.u, dim=0)
        matrix = weight.detach().flatten(1)
        for _ in range(first_iterations):
            self.u = self._iterated(matrix, self.u)[0]

    def forward(self, weight: Tensor) -> Tensor:
        """The weight with a largest singular value of about 1."""
        if weight.is_meta:  # nothing to compute
            return weight
        matrix = weight.flatten(1)
        with torch.no_grad():
            u, v = self._iterated(matrix, self.u)
            if self.training:
                self.u.copy_(u)
        return weight / torch.dot(u, torch.mv(matrix, v))

    def _iterated(self, matrix: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        v = normalize(torch.mv(matrix.T, u), dim=0, eps=self.eps)
        return normalize(torch.mv(matrix, v), dim=0, eps=self.eps), v


def spectral_norm(layer: Layer, eps: float = 1e-8) -> Layer:
    """Gives a layer's `weight` a spectral norm; to be called after the weight has its initial value."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    parametrize.register_parametrization(layer, "weight", SpectralNorm(weight, eps))
    return layer
