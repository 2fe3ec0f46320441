"""What evaluation needs of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor

from paribus.results.protocol import Likelihood


class EvaluatedModel(Protocol):
    """What evaluation needs of a model; `paribus.models.Model` is one."""

    @property
    def can_encode(self) -> bool:
        """Whether `reconstruct` is to be had."""

    @property
    def likelihood(self) -> Likelihood | None:
        """What the nats of `likelihood_terms` mean; None without a likelihood."""

    @property
    def has_log_weights(self) -> bool:
        """Whether `log_weights` is to be had."""

    @property
    def prior_is_normal(self) -> bool:
        """Whether the prior is a standard normal distribution."""

    @property
    def sampler_words(self) -> str | None:
        """What was fitted after training to draw latents from, in words; None for the prior."""

    @property
    def parameters(self) -> dict[str, int]:
        """Number of parameters by role."""

    def with_prior(self) -> EvaluatedModel:
        """The same model, drawing its latents from the prior."""

    def latents(self, n: int, seed: int = 0) -> Tensor:
        """Latents (n, latent) that samples are made from."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images uint8 (n, C, H, W) of latents; `labels` are those of a conditional model."""

    def generate(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The images of `decode` as floats in [-1, 1], differentiable in z."""

    def sample(self, n: int, *, seed: int = 0) -> Tensor:
        """Samples uint8 (n, C, H, W); a conditional model's cycle evenly through the classes."""

    def sample_batches(self, n: int, *, seed: int = 0, rows: tuple[int, int] | None = None) -> Iterator[Tensor]:
        """The images of `sample`, a batch at a time; `rows`: where to begin and to end among them."""

    def sample_labels(self, n: int) -> Tensor | None:
        """Classes (n,) of the images of `sample`; None for an unconditional model."""

    def reconstruct(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Reconstructions uint8 of images uint8."""

    def likelihood_terms(self, images: Tensor, labels: Tensor | None = None, *, seed: int = 0) -> dict[str, Tensor]:
        """Per image: reconstruction_nats (n,), kl_nats (n,) with weight 1, posterior_means (n, latent)."""

    def log_weights(self, images: Tensor, labels: Tensor | None = None, *, count: int = 64, seed: int = 0) -> Tensor:
        """Per image: log p(x, z_k) / q(z_k|x) (n, count) of draws z_k from q(z|x)."""
