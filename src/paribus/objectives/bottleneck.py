"""The variational discriminator bottleneck (arXiv:1810.00821)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paribus.objectives.base import with_features
from paribus.objectives.likelihoods import gaussian_kl_nats

CODE_LENGTH = 128


class Bottleneck(nn.Module):
    """A discriminator that sees an image only through a noisy code, of which the nats are limited.

    With t ~ N(m(x), diag s(x)^2) the code, r = N(0, I) and KL = E[KL(t | r)] over real and generated images, D
    minimises its own loss + b (KL - limit), and b grows by rate (KL - limit) an update, from 0 and never below it.
    """

    weight: Tensor

    def __init__(self, encoder: nn.Module) -> None:
        """Wraps a `down` with 2 CODE_LENGTH outputs: means and log-variances."""
        super().__init__()
        self.encoder = encoder
        self.output = nn.Linear(CODE_LENGTH, 1)
        self.register_buffer("weight", torch.zeros(()))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) to (N, 2): a logit from one code drawn for each, and its KL in nats."""
        means, log_variances = self.encoder(images, labels).float().chunk(2, dim=1)
        nats = gaussian_kl_nats(means, log_variances).sum(1, keepdim=True)
        codes = means + (0.5 * log_variances).exp() * torch.randn_like(means)
        return torch.cat([self.output(codes), nats], dim=1)

    def with_features(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Logits (N, 1) of the codes' means, which is what G is to fool, and the outputs of the encoder's stages."""
        outputs, stages = with_features(self.encoder, images, labels)
        return self.output(outputs[:, :CODE_LENGTH]), stages

    def penalty(self, nats: Tensor, limit: float, rate: float) -> Tensor:
        """The term b (KL - limit) for a batch's mean KL, with the b from before the batch, which then moves."""
        excess = nats - limit
        before = self.weight.clone()
        with torch.no_grad():
            self.weight.add_(rate * excess).clamp_(min=0)
        return before * excess
