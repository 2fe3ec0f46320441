"""InfoGAN (arXiv:1606.03657): codes in the latent that can be read off the generated image."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import log_softmax, one_hot, softplus
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.config import ImageShape
from paribus.objectives.adversarial import AdversarialObjective
from paribus.objectives.base import Batch, Builder, Draw, Nets, cross_entropy_terms, discriminator_outputs

LEAST_VARIANCE = 1e-3
"""Of a continuous code given the image: without a bound the likelihood of a well-read code grows for ever."""


@objectives.register("infogan")
class InfoGAN(AdversarialObjective):
    """A GAN whose z has a categorical and some continuous codes, which D's second half, Q, reads from the image.

    z = [noise (latent_dim), one-hot code (categories), codes uniform in [-1, 1) (continuous)]. Q shares all of D but
    the last layer; its outputs are the categorical code's logits, and each continuous code's mean and log-variance.
    With r = D(x), f = D(G(z)) (logits), all means over the batch,

    - D minimises E[-log sigma(r)] + E[-log(1 - sigma(f))] + I,
    - G minimises E[-log sigma(f)] + I,
    - I = categorical_weight E[-log Q(one-hot code)] + continuous_weight E[-log Q(continuous codes)], a cross-entropy
      and a Gaussian's negative log-likelihood (summed over the codes), in nats.

    In D's phase I reaches D and Q, in G's phase G. Logged beside the loss: both terms of I without their weights, and
    information = log(categories) + continuous log 2 minus their sum, a lower bound on the nats that an image tells of
    its codes. With `conditional` the class joins D's last features: a projection would add to every one of Q's outputs.
    """

    prior_is_normal: ClassVar[bool] = False  # the codes are not

    categories: int = Field(10, ge=2, le=1 << 16)
    """Values of the categorical code."""
    continuous: int = Field(2, ge=0, le=1 << 16)
    """Number of continuous codes."""
    categorical_weight: float = Field(1.0, ge=0, le=1e12)
    """Weight of the categorical code's cross-entropy."""
    continuous_weight: float = Field(0.1, ge=0, le=1e12)
    """Weight of the continuous codes' negative log-likelihood."""

    @override
    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        outputs = 1 + self.categories + 2 * self.continuous
        latents = self.latent_dim + self.categories + self.continuous
        return {"G": backbone.up(latents, image), "D": backbone.down(image, outputs, dropout=self.dropout)}

    @override
    def prior(self, n: int, draw: Draw) -> Tensor:
        """Noise and codes (n, latent_dim + categories + continuous)."""
        noise = super().prior(n, draw)
        # rounding can make the product of a number just below 1 a whole one
        category = (draw.uniform(n) * self.categories).long().clamp(max=self.categories - 1)
        continuous = 2 * draw.uniform(n, self.continuous) - 1
        return torch.cat([noise, one_hot(category, self.categories).to(noise.dtype), continuous], dim=1)

    @override
    def discriminator_terms(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z = self.prior(len(batch), draw)
        of_real, of_fake = discriminator_outputs(nets["D"], self.real_and_fake(nets, z, batch, draw), batch.labels)
        terms = cross_entropy_terms(of_real[:, 0], of_fake[:, 0])
        return terms | self._with_information(terms["loss"], of_fake, z)

    @override
    def generator_terms(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z = self.prior(len(batch), draw)
        outputs = nets["D"](self.fake(nets, z, batch, draw), batch.labels).float()
        return self._with_information(softplus(-outputs[:, 0]).mean(), outputs, z)

    def _with_information(self, adversarial: Tensor, outputs: Tensor, z: Tensor) -> dict[str, Tensor]:
        lengths = [1, self.categories, self.continuous, self.continuous]
        _, logits, means, log_variances = outputs.split(lengths, dim=1)
        _, category, codes = z.split([self.latent_dim, self.categories, self.continuous], dim=1)
        categorical = -(category * log_softmax(logits, dim=1)).sum(1).mean()
        variances = LEAST_VARIANCE + log_variances.exp()
        squares = (codes - means).square() / variances
        continuous = 0.5 * (squares + variances.log() + math.log(2 * math.pi)).sum(1).mean()
        return {
            "loss": adversarial + self.categorical_weight * categorical + self.continuous_weight * continuous,
            "categorical_nats": categorical,
            "continuous_nats": continuous,
            "information": math.log(self.categories) + self.continuous * math.log(2) - categorical - continuous,
        }
