"""Importance weights against models whose marginal likelihood is known, and the bounds that they give."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, distributions, nn

from paribus.base.registry import objectives
from paribus.metrics.likelihood import importance_weighted_nats
from paribus.objectives.base import Draw, LikelihoodObjective
from paribus.objectives.encoding import VariationalObjective
from paribus.objectives.vae import VAE
from tests.objectives import linear


def test_with_the_true_posterior_every_weight_is_the_likelihood() -> None:
    settings = VAE(latent_dim=1, likelihood="gaussian", sigma=linear.SIGMA)
    nets = {"E": linear.ExactEncoder(), "G": linear.LinearDecoder()}
    found = settings.log_weights(nets, linear.images(20), None, Draw(0), 6)
    exact = linear.marginal_nats().repeat_interleave(20)
    torch.testing.assert_close(-found, exact[:, None].expand(-1, 6), atol=2e-3, rtol=0)
    torch.testing.assert_close(importance_weighted_nats(found).float(), exact, atol=2e-3, rtol=0)


class Correlated:
    """x = W z + noise of four pixels and two latents; the posterior is correlated, so that no E can be exact."""

    SIGMA = 0.3
    W = torch.tensor([[0.2, 0.1], [0.0, 0.2], [-0.1, 0.1], [0.15, 0.15]])

    def __init__(self) -> None:
        self.precision = torch.eye(2) + self.W.T @ self.W / self.SIGMA**2
        self.nets: dict[str, nn.Module] = {"E": self.Function(self.encoded), "G": self.Function(self.decoded)}
        cover = self.W @ self.W.T + self.SIGMA**2 * torch.eye(4)
        self.marginal = distributions.MultivariateNormal(torch.zeros(4), cover)

    class Function(nn.Module):
        def __init__(self, function) -> None:
            super().__init__()
            self.function = function

        def forward(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:
            return self.function(rows)

    def encoded(self, images: Tensor) -> Tensor:
        """The true posterior's mean, shifted, and the variances that it would have without the correlation."""
        means = images.flatten(1) @ self.W / self.SIGMA**2 @ self.precision.inverse()
        return torch.cat([means + 0.5, -self.precision.diagonal().log().expand_as(means)], 1)

    def decoded(self, z: Tensor) -> Tensor:
        """W z, before the tanh that the objective applies."""
        return torch.atanh((z @ self.W.T).clamp(-0.999999, 0.999999)).view(-1, 1, 2, 2)

    def gap(self) -> float:
        """KL from what E gives to the true posterior, the same for all images."""
        given = distributions.MultivariateNormal(torch.full((2,), 0.5), self.precision.diagonal().reciprocal().diag())
        true = distributions.MultivariateNormal(torch.zeros(2), precision_matrix=self.precision)
        return float(distributions.kl_divergence(given, true))


def test_one_latent_gives_the_elbo_on_average_and_many_the_likelihood() -> None:
    model, settings = Correlated(), VAE(latent_dim=2, likelihood="gaussian", sigma=Correlated.SIGMA)
    torch.manual_seed(0)
    images = model.marginal.sample((8000,)).view(-1, 1, 2, 2)
    exact = -model.marginal.log_prob(images.flatten(1)).mean().item()
    weights = settings.log_weights(model.nets, images, None, Draw(1), 256)
    bounds = {count: importance_weighted_nats(weights[:, :count]).mean().item() for count in (1, 8, 64, 256)}
    terms = settings.likelihood_terms(model.nets, images, None, Draw(2))
    elbo = (terms["reconstruction_nats"] + terms["kl_nats"]).mean().item()
    print(f"seeds 0, 1, 2: exact {exact:.4f}, gap {model.gap():.4f}, -ELBO {elbo:.4f}, bounds {bounds}")
    assert bounds[1] == pytest.approx(exact + model.gap(), abs=0.05)
    assert elbo == pytest.approx(exact + model.gap(), abs=0.05)
    assert elbo > bounds[8] > bounds[64] > bounds[256] > exact - 1e-3
    assert bounds[256] == pytest.approx(exact, abs=5e-3)


def test_the_bound_is_a_mean_of_weights_that_cannot_overflow() -> None:
    logs = torch.tensor([[math.log(1.0), math.log(3.0)], [-2000.0, -2000.0 + math.log(7.0)]])
    expected = [-math.log(2.0), 2000.0 - math.log(4.0)]
    assert importance_weighted_nats(logs).tolist() == pytest.approx(expected, rel=1e-6)


def test_those_who_have_log_weights_are_the_vaes() -> None:
    having = {name for name in objectives.names() if issubclass(objectives[name], VariationalObjective)}
    lacking = {name for name in objectives.names() if issubclass(objectives[name], LikelihoodObjective)} - having
    assert having == {"vae", "iwae", "beta-tc-vae"}
    assert lacking == {"avb", "vae-gan", "cvae-gan"}
