"""Aggregates of a model's per-image likelihood terms."""

from __future__ import annotations

import math

from torch import Tensor

from paribus.metrics.estimates import Estimate, mean_estimate

ACTIVE_ABOVE = 0.01
"""A latent unit is active when its posterior mean varies over the data by more than this (Burda et al.)."""


def likelihood_estimates(reconstruction_nats: Tensor, kl_nats: Tensor) -> dict[str, Estimate]:
    """Mean -ELBO and its two parts, in nats per image, with standard errors over images.

    `elbo` = E_x[-log p(x|z)] + E_x[KL(q(z|x) || p(z))], always with the KL term weighted by 1, whatever the model was
    trained with. Lower is better for `elbo`; its parts trade against each other and have no direction of their own.

    Comparable only when the likelihood (Bernoulli, Gaussian and its variance, discretised), the images and their
    resolution agree: binary cross-entropy on grey pixels is a surrogate and can be compared with itself alone.

    Source: arXiv 1312.6114, equations 3 and 10.

    Args:
        reconstruction_nats: -log p(x|z) per image, summed over pixels: (n,).
        kl_nats: KL(q(z|x) || p(z)) per image, summed over latent units: (n,).
    """
    return {
        "elbo": mean_estimate(reconstruction_nats.double() + kl_nats.double()),
        "reconstruction_nats": mean_estimate(reconstruction_nats),
        "kl_nats": mean_estimate(kl_nats),
    }


def importance_weighted_nats(log_weights: Tensor) -> Tensor:
    """The importance-weighted bound (IWAE-K) on each image's negative log-likelihood, in nats: (n,) float64.

    -log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x), with z_k from q(z|x), by logsumexp. The metric `iwae` is its mean over
    images, with the standard error over images; lower is better. Its expectation falls with K, from -ELBO at K = 1 to
    -log p(x); how fast depends on how far q is from the posterior, so that a value of one K is no value of another.

    Comparable only when K, the likelihood, the images and their resolution agree.

    Source: arXiv 1509.00519, section 3; as an evaluation, arXiv 1611.04273 (too loose a bound where K is small beside
    exp KL(q || posterior)).

    Args:
        log_weights: log p(x|z_k) p(z_k) / q(z_k|x): (n, K).
    """
    return math.log(log_weights.shape[1]) - log_weights.double().logsumexp(1)


def active_units(posterior_means: Tensor) -> int:
    """Number of latent units that carry information: Var_x E_q(u|x)[u] > 0.01.

    No direction: 0 is posterior collapse, more than the data needs is not better.

    Comparable only when the latent size, the prior and the images agree.

    Source: arXiv 1509.00519, section 5.2.

    Args:
        posterior_means: E_q(z|x)[z] per image: (n, latent).
    """
    return int((posterior_means.double().var(0) > ACTIVE_ABOVE).sum())
