"""What a trained model's latents are drawn from, where that is more than its prior.

A VAE is sampled from N(0, I), but its decoder saw the latents of images, and where the two differ (the "prior hole")
samples are worse than reconstructions. A sampler is fitted after training to the latents of the training images alone;
the networks stay as they are.

Both samplers are fitted to posterior means, in shuffled order: that is what reconstructions are decoded from, so a
perfect sampler scores what reconstructions score, and means exist for encoders that give no posterior
(arXiv:1903.12436, section 4, fits its densities to the encoder's output). arXiv:1903.05789 fits its second stage to
draws from the posterior. Means are less spread than draws: samples come nearer to real images and may vary less, so
read recall beside the distances.

A conditional model has one sampler for all classes, p(z|y): the mixture shares its Gaussians and has its weights by
class, the second VAE gets the class beside its input. A mixture a class would leave each Gaussian too few images.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from paribus.base.errors import ParibusError
from paribus.base.randomness import generator, keyed_seed
from paribus.base.torch_internals import Adam
from paribus.config import ImageShape
from paribus.data import Split
from paribus.objectives.base import Draw
from paribus.objectives.encoding import gaussian_kl_nats
from paribus.recipes import RunConfig

BATCH_SIZE = 128
LEAST_LOG_DEVIATION = -7.0


class Mixture(nn.Module):
    """A mixture of Gaussians with full covariances, in float64, with weights by class where there are classes.

    Attributes:
        weights: (max(classes, 1), K), rows sum to 1.
        means: (K, Z).
        factors: (K, Z, Z), lower triangular; covariance = factor factorᵀ.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, latent_dim: int, components: int, classes: int) -> None:
        super().__init__()
        square = (components, latent_dim, latent_dim)
        self.register_buffer("weights", torch.zeros(max(classes, 1), components, dtype=torch.float64))
        self.register_buffer("means", torch.zeros(square[:2], dtype=torch.float64))
        self.register_buffer("factors", torch.zeros(square, dtype=torch.float64))

    @property
    def words(self) -> str:
        """What it is, in words."""
        return f"a mixture of {len(self.means)} Gaussians fitted to training latents"

    def fit(self, z: Tensor, labels: Tensor | None, seed: int) -> None:
        """Expectation-maximisation (scikit-learn's) on latents (N, Z) in float64; labels (N,) set the weights.

        Raises:
            ParibusError: A Gaussian has no covariance.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        shift, scale = _standard(z)
        # scikit-learn adds 1e-6 to each variance: on latents of one size for every model, and in float64, where
        # covariances of nearly dependent latents keep their digits
        rows = ((z - shift) / scale).numpy()
        model = GaussianMixture(len(self.means), max_iter=300, random_state=keyed_seed(seed, "gmm") % 2**32)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # what 300 rounds reach is a sampler as well
                shares = torch.from_numpy(model.fit(rows).predict_proba(rows))
        except ValueError as error:
            raise ParibusError(
                "The mixture of Gaussians could not be fitted.",
                where="sampler.name",
                got=str(error).split(". ")[0],
                fix="use fewer Gaussians (-o sampler.components=...), or another sampler",
            ) from error
        self.weights[:] = torch.from_numpy(model.weights_)
        for label in labels.unique().tolist() if labels is not None else []:
            self.weights[label] = shares[labels == label].mean(0)
        self.means[:] = torch.from_numpy(model.means_) * scale + shift
        self.factors[:] = torch.linalg.cholesky(torch.from_numpy(model.covariances_)) * scale

    def sample(self, n: int, labels: Tensor | None, draw: Draw) -> Tensor:
        """Latents (n, Z) float32, of the classes `labels` (n,) of a conditional model."""
        bounds = self.weights.cumsum(1)
        bounds = bounds[labels] if labels is not None else bounds
        chosen = (draw.uniform(n, 1) > bounds).sum(1).clamp_(max=len(self.means) - 1)
        noise = draw.normal(n, self.means.shape[1]).double()
        z = torch.empty_like(noise)
        for k, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            rows = chosen == k
            z[rows] = mean + noise[rows] @ factor.T
        return z.float()


class TwoStage(nn.Module):
    """A second VAE on latents, p(z) = ∫ N(z; decoder(u), deviation²) N(u; 0, I) du with one learned deviation.

    The networks are the backbone's `vector`, as for every model on latents, and u is as long as z.

    Source: arXiv:1903.05789, section 4. We differ in fitting to posterior means (see the module), in warming the KL
    term up, since a second stage that starts with it may never use u, and in network size and number of updates.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, config: RunConfig, classes: int) -> None:
        super().__init__()
        self.settings, length = config.sampler, config.objective.latent_dim
        self.encoder = config.backbone.vector(length, 2 * length, classes=classes)
        self.decoder = config.backbone.vector(length, length, classes=classes)
        self.log_deviation = nn.Parameter(torch.zeros(()))
        self.register_buffer("shift", torch.zeros(length, dtype=torch.float64))
        self.register_buffer("scale", torch.ones((), dtype=torch.float64))

    @property
    def words(self) -> str:
        """What it is, in words."""
        return "a second VAE fitted to training latents"

    def fit(self, z: Tensor, labels: Tensor | None, seed: int) -> None:
        """Adam on batches of 128 of latents (N, Z), each epoch in a new order."""
        settings = self.settings
        self.shift, self.scale = _standard(z)
        rows = ((z - self.shift) / self.scale).float()
        networks: dict[str, Any] = {"params": [*self.encoder.parameters(), *self.decoder.parameters()]}
        # Adam moves a number by at most its rate an update: at the networks' rate the deviation would set the pace
        deviation = {"params": [self.log_deviation], "lr": 10 * settings.learning_rate}
        optimizer = Adam([networks, deviation], lr=settings.learning_rate, fused=True)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.updates)
        warm = settings.warmup * settings.updates
        waiting: list[Tensor] = []
        epoch = 0
        for update in range(settings.updates):
            if not waiting:
                order = torch.randperm(len(rows), generator=generator(seed, "two-stage", "order", epoch))
                waiting, epoch = list(order.split(BATCH_SIZE)), epoch + 1
            chosen = waiting.pop()
            weight = min(1.0, update / warm) if warm else 1.0
            optimizer.zero_grad(set_to_none=True)
            y = None if labels is None else labels[chosen]
            self.loss(rows[chosen], y, weight, Draw(seed, "two-stage", update)).backward()
            optimizer.step()
            falling.step()

    def loss(self, z: Tensor, labels: Tensor | None, kl_weight: float, draw: Draw) -> Tensor:
        """-log p(z|u) + kl_weight * KL, summed over dimensions, the mean over latents (N, Z) of scale 1."""
        means, log_variances = self.encoder(z, labels).chunk(2, dim=1)
        u = means + (0.5 * log_variances).exp() * draw.normal(*means.shape)
        log_deviation = self._log_deviation()
        squares = (z - self.decoder(u, labels)).square().sum(1) * torch.exp(-2 * log_deviation)
        nats = 0.5 * squares + z.shape[1] * (log_deviation + 0.5 * math.log(2 * math.pi))
        return (nats + kl_weight * gaussian_kl_nats(means, log_variances).sum(1)).mean()

    def sample(self, n: int, labels: Tensor | None, draw: Draw) -> Tensor:
        """Latents (n, Z) float32, of the classes `labels` (n,) of a conditional model."""
        with torch.inference_mode():
            decoded = self.decoder(draw.normal(n, len(self.shift)), labels)
            z = decoded + self._log_deviation().exp() * draw.normal(*decoded.shape)
            return (z * self.scale + self.shift).float()

    def _log_deviation(self) -> Tensor:
        # latents on a surface would drive it to minus infinity
        return self.log_deviation.clamp(min=LEAST_LOG_DEVIATION)


Sampler = Mixture | TwoStage


class Encoding(Protocol):
    """What a fit needs of a trained model."""

    config: RunConfig
    image: ImageShape

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Posterior means (N, latent_dim) of images (N, C, H, W)."""


def new_sampler(config: RunConfig, classes: int) -> Sampler | None:
    """The sampler that `config.sampler` names, not fitted yet; None for the prior.

    Args:
        config: A run's configuration.
        classes: Classes that the model is conditioned on, 0 for none.
    """
    if config.sampler.name == "prior":
        return None
    if config.sampler.name == "gmm":
        return Mixture(config.objective.latent_dim, config.sampler.components, classes)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(keyed_seed(config.seed, "sampler weights"))
        return TwoStage(config, classes)


def fitted_sampler(model: Encoding, train: Split) -> Sampler | None:
    """The sampler that `model.config.sampler` names, fitted to the training images' latents; None for the prior.

    The same model, images and seed give the same sampler.

    Raises:
        ParibusError: There are too few images, or the latents or the fit are not finite.
    """
    config = model.config
    sampler = new_sampler(config, model.image.classes)
    if sampler is None:
        return None
    check_sampler(config, len(train))
    order = torch.randperm(len(train), generator=generator(config.seed, "sampler", "order"))
    labels = None if not model.image.classes or train.labels is None else train.labels[order].long()
    parts = order.split(500)
    z = torch.cat([model.encode(train.images[p], None if train.labels is None else train.labels[p]) for p in parts])
    z = z.double()
    _check_finite([z], "the training images' latents")
    with torch.enable_grad():
        sampler.fit(z, labels, config.seed)
    _check_finite(list(sampler.state_dict().values()), "the fitted sampler")
    return sampler.requires_grad_(False)


def check_sampler(config: RunConfig, images: int) -> None:
    """Finds what is wrong with a sampler before training begins.

    Raises:
        ParibusError: There are fewer training images than Gaussians, or too few for any fit.
    """
    least = {"prior": 0, "gmm": max(2, config.sampler.components), "two-stage": 2}[config.sampler.name]
    if images < least:
        raise ParibusError(
            f"There are too few training images for the sampler '{config.sampler.name}'.",
            where="sampler.components" if config.sampler.name == "gmm" else "sampler.name",
            got=f"{images} training images",
            expected=f"at least {least}",
            fix="use fewer Gaussians (-o sampler.components=...), or -o sampler.name=prior",
        )


def _standard(z: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (Z,) and one deviation () for all dimensions: those that carry little stay small beside the others."""
    shift = z.mean(0)
    scale = (z - shift).square().mean().sqrt()
    return shift, scale if scale > 0 else torch.ones_like(scale)


def _check_finite(tensors: list[Tensor], what: str) -> None:
    if not all(bool(tensor.isfinite().all()) for tensor in tensors):
        raise ParibusError(
            f"No sampler could be fitted: there are infinite or undefined numbers in {what}.",
            where="sampler.name",
            fix="use -o sampler.name=prior, or for two-stage a smaller sampler.learning_rate",
        )
