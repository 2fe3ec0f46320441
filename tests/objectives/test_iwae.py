"""The importance-weighted bound against a model whose likelihood is known, and against the VAE at K = 1."""

from __future__ import annotations

import pytest
import torch

from paribus.objectives.base import Batch, Draw
from paribus.objectives.encoding import gaussian_log_ratio, posterior_samples
from paribus.objectives.iwae import IWAE
from tests.objectives import linear


def loss(samples: int, off: float, n: int = 3000) -> float:
    settings = IWAE(latent_dim=1, likelihood="gaussian", sigma=linear.SIGMA, samples=samples)
    nets = {"E": linear.ExactEncoder(off), "G": linear.LinearDecoder()}
    batch = Batch(linear.images(n), None, 7, 0)
    return settings.phases()[0].loss(nets, batch, Draw(0))["loss"].item()


@pytest.mark.parametrize("samples", [1, 5])
def test_with_the_true_posterior_every_k_gives_the_likelihood(samples: int) -> None:
    assert loss(samples, 0.0) == pytest.approx(linear.marginal_nats().mean().item(), abs=2e-3)


def test_with_a_wrong_posterior_more_samples_tighten_the_bound() -> None:
    exact = linear.marginal_nats().mean().item()
    bounds = [loss(k, 0.8) for k in (1, 5, 50)]
    assert bounds[0] > bounds[1] > bounds[2] > exact
    assert bounds[0] == pytest.approx(exact + 0.5 * 0.8**2 * linear.PRECISION, abs=0.03)  # KL of two Gaussians
    assert bounds[2] - exact < 0.03


def test_log_ratio_against_torch_distributions() -> None:
    torch.manual_seed(0)
    means, log_variances = torch.randn(4, 3), torch.randn(4, 3)
    z = posterior_samples(means, log_variances, Draw(0), 2)
    q = torch.distributions.Normal(means[:, None], (0.5 * log_variances[:, None]).exp())
    p = torch.distributions.Normal(0.0, 1.0)
    expected = (q.log_prob(z) - p.log_prob(z)).sum(-1)
    torch.testing.assert_close(gaussian_log_ratio(z, means[:, None], log_variances[:, None]), expected)
