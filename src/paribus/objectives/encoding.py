"""What objectives with an encoder share: the pixels' likelihood given z, and a Gaussian posterior over z.

Densities are in nats, summed over pixels or latent dimensions: one number an image.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from typing_extensions import override

from paribus.config import ImageShape, Optimizer
from paribus.objectives.base import Batch, Builder, Draw, EncodingObjective, LikelihoodObjective, Nets, whole_mean
from paribus.results.protocol import Likelihood


class ScaledDecoder(nn.Module):
    """A decoder with one deviation for all pixels: learned by gradient, or a buffer that the loss keeps up to date."""

    log_sigma: Tensor

    def __init__(self, net: nn.Module, *, learned: bool = True) -> None:
        super().__init__()
        self.net = net
        if learned:
            self.log_sigma = nn.Parameter(torch.zeros(()))
        else:
            self.register_buffer("log_sigma", torch.zeros(()))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Maps z (N, latent_dim) to (N, C, H, W)."""
        return self.net(z, labels)


class PixelObjective(EncodingObjective):
    """An objective whose G gives the parameters of a distribution of pixels."""

    optimizers: ClassVar[dict[str, Optimizer]] = dict.fromkeys(("E", "G"), Optimizer(learning_rate=1e-3))

    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    """Of the pixels given z."""
    sigma: float | Literal["learned", "optimal"] = 1.0
    """The Gaussian's deviation on pixels in [-1, 1]: a number, `learned` (one for all pixels), or `optimal` (the root
    mean squared error of each batch, in evaluation its moving average; sigma-VAE, arXiv:2006.13202)."""

    @model_validator(mode="after")
    def _sigma_is_used(self) -> PixelObjective:
        if self.likelihood == "bernoulli" and self.sigma != 1.0:
            raise ValueError("sigma belongs to the gaussian likelihood: set objective.likelihood=gaussian")
        if isinstance(self.sigma, float) and not 1e-6 <= self.sigma <= 1e6:
            raise ValueError("sigma must be from 1e-6 to 1e6")
        return self

    @property
    @override
    def couples_batch(self) -> bool:
        """An optimal deviation is one of the whole batch."""
        return self.sigma == "optimal"

    @property
    def pixel_likelihood(self) -> Likelihood:
        """The density of pixels as a record."""
        if self.likelihood == "bernoulli":
            return Likelihood(density="bernoulli", pixels="[0, 1]", given_class=self.conditional)
        deviation = self.sigma if isinstance(self.sigma, float) else "fitted"
        return Likelihood(density="gaussian", pixels="[-1, 1]", deviation=deviation, given_class=self.conditional)

    def decoder(self, backbone: Builder, image: ImageShape) -> nn.Module:
        """The network for role G."""
        net = backbone.up(self.latent_dim, image)
        return net if isinstance(self.sigma, float) else ScaledDecoder(net, learned=self.sigma == "learned")

    @override
    def generate(self, nets: Nets, z: Tensor, labels: Tensor | None) -> Tensor:
        """The pixels' means."""
        return self._means(nets["G"](z, labels))

    def reconstruction_nats(self, nets: Nets, images: Tensor, z: Tensor, labels: Tensor | None) -> Tensor:
        """-log p(x|z) (N,) of images (N, C, H, W) given z (N, latent_dim)."""
        decoder = nets["G"]
        decoded = decoder(z, labels).float()
        if self.likelihood == "bernoulli":
            return bernoulli_nats(images, decoded)
        means = self._means(decoded)
        if not isinstance(decoder, ScaledDecoder):
            assert isinstance(self.sigma, float)
            return gaussian_nats(images, means, math.log(self.sigma))
        if self.sigma == "optimal" and decoder.training:
            with torch.no_grad():
                variance = whole_mean((images - means).square().mean())
                decoder.log_sigma.copy_(0.5 * variance.clamp_min(1e-8).log())
        return gaussian_nats(images, means, decoder.log_sigma.clone())

    def deviation(self, nets: Nets) -> dict[str, Tensor]:
        """The term `sigma` to be logged, where it is not a setting."""
        decoder = nets["G"]
        return {"sigma": decoder.log_sigma.detach().exp()} if isinstance(decoder, ScaledDecoder) else {}

    def _means(self, decoded: Tensor) -> Tensor:
        # both likelihoods have their mean inside (-1, 1): the sigmoid of the logits, taken to that scale, and tanh
        return decoded.sigmoid() * 2 - 1 if self.likelihood == "bernoulli" else decoded.tanh()


class PosteriorObjective(LikelihoodObjective):
    """An objective whose E gives mean and log variance of an independent Gaussian for each latent dimension."""

    @abstractmethod
    def reconstruction_nats(self, nets: Nets, images: Tensor, z: Tensor, labels: Tensor | None) -> Tensor:
        """-log p(x|z) (N,) of images (N, C, H, W) given z (N, latent_dim)."""

    @override
    def encode(self, nets: Nets, images: Tensor, labels: Tensor | None) -> Tensor:
        """Posterior means."""
        return posterior(nets["E"], images, labels)[0]

    def kl_by_dimension(self, nets: Nets, images: Tensor, labels: Tensor | None) -> Tensor:
        """KL in nats (N, latent_dim) of the posterior of each latent dimension from the prior."""
        return gaussian_kl_nats(*posterior(nets["E"], images, labels))

    @override
    def likelihood_terms(self, nets: Nets, images: Tensor, labels: Tensor | None, draw: Draw) -> dict[str, Tensor]:
        means, log_variances = posterior(nets["E"], images, labels)
        z = posterior_samples(means, log_variances, draw)[:, 0]
        return {
            "reconstruction_nats": self.reconstruction_nats(nets, images, z, labels),
            "kl_nats": gaussian_kl_nats(means, log_variances).sum(1),
            "posterior_means": means,
        }


class VariationalObjective(PixelObjective, PosteriorObjective):
    """An objective that trains a decoder of pixels and a Gaussian posterior by a bound of the likelihood."""

    @property
    def measured_likelihood(self) -> Likelihood:
        """See `LikelihoodObjective.measured_likelihood`."""
        return self.pixel_likelihood

    @override
    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        return {"E": backbone.down(image, 2 * self.latent_dim), "G": self.decoder(backbone, image)}

    def log_weights(self, nets: Nets, images: Tensor, labels: Tensor | None, draw: Draw, count: int) -> Tensor:
        """Log p(x|z_k) p(z_k) / q(z_k|x) (N, count), with z_k from q(z|x); images are encoded once.

        One latent an image is decoded at a time, so that memory does not grow with `count`.
        """
        means, log_variances = posterior(nets["E"], images, labels)
        weights = []
        for _ in range(count):
            z = posterior_samples(means, log_variances, draw)[:, 0]
            nats = self.reconstruction_nats(nets, images, z, labels)
            weights.append(-nats - gaussian_log_ratio(z, means, log_variances))
        return torch.stack(weights, dim=1)


class HybridObjective(PosteriorObjective):
    """A VAE joined to a GAN: G ends in tanh, and pixels are only a part of what it is trained by, if at all."""

    judgement: ClassVar[Literal["logit", "score"] | None] = "logit"

    @property
    def measured_likelihood(self) -> Likelihood:
        """See `LikelihoodObjective.measured_likelihood`."""
        return Likelihood(
            density="gaussian", pixels="[-1, 1]", deviation=1.0, trained_for=False, given_class=self.conditional
        )

    @override
    def generate(self, nets: Nets, z: Tensor, labels: Tensor | None) -> Tensor:
        return torch.tanh(nets["G"](z, labels))

    @override
    def reconstruction_nats(self, nets: Nets, images: Tensor, z: Tensor, labels: Tensor | None) -> Tensor:
        return gaussian_nats(images, self.generate(nets, z, labels).float(), 0.0)

    def posterior_draws(self, nets: Nets, batch: Batch, draw: Draw) -> tuple[Tensor, Tensor]:
        """A latent (B, latent_dim) of each image's posterior, and the mean KL in nats."""
        means, log_variances = posterior(nets["E"], batch.images, batch.labels)
        z = posterior_samples(means, log_variances, draw)[:, 0]
        return z, gaussian_kl_nats(means, log_variances).sum(1).mean()

    def reconstructions(self, nets: Nets, batch: Batch, draw: Draw) -> tuple[Tensor, Tensor]:
        """Images decoded from draws of the posterior, and the mean KL in nats."""
        z, kl = self.posterior_draws(nets, batch, draw)
        return self.generate(nets, z, batch.labels), kl


def bernoulli_nats(images: Tensor, logits: Tensor) -> Tensor:
    """-log p(x|z) (N,) of pixels as independent Bernoulli variables: the binary cross-entropy.

    Args:
        images: (N, C, H, W) in [-1, 1], taken to [0, 1]. On grey pixels this is a surrogate, not a likelihood.
        logits: (N, C, H, W).
    """
    targets = (images + 1) / 2
    return binary_cross_entropy_with_logits(logits, targets, reduction="none").flatten(1).sum(1)


def gaussian_nats(images: Tensor, means: Tensor, log_sigma: Tensor | float) -> Tensor:
    """-log p(x|z) (N,) of pixels as independent Gaussians of one deviation sigma, on the scale [-1, 1].

    0.5 * sum((x - mean)^2) / sigma^2 + D * log sigma + D/2 * log(2 pi), with D numbers an image.
    """
    log_sigma = torch.as_tensor(log_sigma, dtype=means.dtype, device=means.device)
    squares = (images - means).square().flatten(1)
    size = squares.shape[1]
    return 0.5 * squares.sum(1) * torch.exp(-2 * log_sigma) + size * (log_sigma + 0.5 * math.log(2 * math.pi))


def gaussian_kl_nats(means: Tensor, log_variances: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of every latent dimension (N, Z): 0.5 * (mean^2 + var - log var - 1)."""
    return 0.5 * (means.square() + log_variances.exp() - log_variances - 1)


def gaussian_log_density(z: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """Log N(z; mean, variance) elementwise: -0.5 * (log 2 pi + log var + (z - mean)^2 / var).

    The arguments may be of any shapes that fit each other.
    """
    return -0.5 * (math.log(2 * math.pi) + log_variances + (z - means).square() * torch.exp(-log_variances))


def gaussian_log_ratio(z: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """Log q(z|x) - log p(z), summed over the last dimension: q an independent Gaussian, p the standard normal."""
    prior = gaussian_log_density(z, torch.zeros_like(z), torch.zeros_like(z))
    return (gaussian_log_density(z, means, log_variances) - prior).sum(-1)


def posterior(encoder: nn.Module, images: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """Means and log variances (N, latent_dim) of q(z|x), in fp32."""
    means, log_variances = encoder(images, labels).float().chunk(2, dim=1)
    return means, log_variances


def posterior_samples(means: Tensor, log_variances: Tensor, draw: Draw, count: int = 1) -> Tensor:
    """Draws (N, count, latent_dim) from q(z|x), differentiable in means and log variances."""
    noise = draw.normal(len(means), count, means.shape[1])
    return means[:, None] + (0.5 * log_variances).exp()[:, None] * noise


def repeated(images: Tensor, count: int) -> Tensor:
    """Each image (or label) `count` times in a row: (N, ...) to (N * count, ...); the same tensor for a count of 1."""
    return images if count == 1 else images.repeat_interleave(count, dim=0)
