"""What the VAE offers beyond the bound itself."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from paribus.models import load_model, save_model
from paribus.objectives.base import Batch, Draw
from paribus.objectives.encoding import ScaledDecoder, gaussian_nats
from paribus.objectives.vae import VAE
from tests.conftest import fit_in, made_data, tiny_config
from tests.objectives import linear


def nets() -> dict[str, torch.nn.Module]:
    return {"E": linear.ExactEncoder(), "G": ScaledDecoder(linear.LinearDecoder(), learned=False)}


def test_the_optimal_deviation_is_the_maximum_likelihood_estimate() -> None:
    settings, batch = VAE(latent_dim=1, likelihood="gaussian", sigma="optimal"), Batch(linear.images(50), None, 350, 0)
    networks = nets()
    terms = settings.phases()[0].loss(networks, batch, Draw(0))
    best = terms["sigma"].log().item()
    assert best == pytest.approx(networks["G"].log_sigma.item())
    networks["G"].eval()  # in eval mode the deviation stays as it was set

    def nats(log_sigma: float) -> float:
        networks["G"].log_sigma.fill_(log_sigma)
        return settings.phases()[0].loss(networks, batch, Draw(0))["reconstruction"].item()

    assert nats(best) == pytest.approx(terms["reconstruction"].item(), abs=1e-5)
    assert nats(best) < min(nats(best - 0.05), nats(best + 0.05))


def test_the_optimal_deviation_travels_with_the_model(tmp_path: Path) -> None:
    config = tiny_config("vae", "objective.likelihood=gaussian", "objective.sigma=optimal", "training.budget=30updates")
    model = fit_in(tmp_path / "run", config, made_data()).model
    deviation = model.nets["G"].log_sigma.exp().item()
    assert 0.05 < deviation < 0.95, "it neither stayed at its start nor vanished"
    save_model(tmp_path, model)
    assert load_model(tmp_path).nets["G"].log_sigma.item() == model.nets["G"].log_sigma.item()


def test_the_product_is_the_product() -> None:
    batch, networks = Batch(linear.images(), None, 7, 0), nets()
    networks["G"] = linear.LinearDecoder()
    settings = VAE(latent_dim=1, likelihood="gaussian", combination="product")
    terms = settings.phases()[0].loss(networks, batch, Draw(0))
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] * terms["kl"])
    torch.testing.assert_close(terms["elbo"], terms["reconstruction"] + terms["kl"])


def test_more_draws_an_image_are_an_average() -> None:
    """One image, many draws: the same expectation, with less noise."""
    networks, settings = nets(), VAE(latent_dim=1, likelihood="gaussian", sigma=0.3, posterior_samples=4000)
    networks["G"] = linear.LinearDecoder()
    x = linear.images()[:2]
    terms = settings.phases()[0].loss(networks, Batch(x, None, 7, 0), Draw(0))
    mean = x.flatten() * linear.W / linear.SIGMA**2 / linear.PRECISION
    spread = linear.W**2 / linear.PRECISION  # E(x - w z)^2 = (x - w mean)^2 + w^2 var
    expected = gaussian_nats(x, (linear.W * mean).reshape(-1, 1, 1, 1), math.log(0.3)) + 0.5 * spread / 0.3**2
    torch.testing.assert_close(terms["reconstruction"], expected.mean(), rtol=0, atol=0.01)


def test_beta_is_also_given_on_the_scale_of_the_data() -> None:
    networks, batch = nets(), Batch(linear.images(), None, 7, 0)
    networks["G"] = linear.LinearDecoder()
    terms = VAE(latent_dim=1, likelihood="gaussian", beta=4.0).phases()[0].loss(networks, batch, Draw(0))
    assert terms["beta_normalised"].item() == 4.0  # one latent, one pixel


def test_a_deviation_without_a_gaussian_is_refused() -> None:
    with pytest.raises(ValidationError, match="gaussian likelihood"):
        VAE(sigma="optimal")
