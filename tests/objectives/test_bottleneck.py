"""The variational discriminator bottleneck against torch's own distributions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import softplus

from paribus.backbones.mlp import MLP
from paribus.config import ImageShape
from paribus.objectives.base import Batch, Draw, Nets
from paribus.objectives.gan import CODE_LENGTH, GAN, Bottleneck

SHAPE = ImageShape(1, 8)


def made(**settings: object) -> tuple[GAN, Nets, Batch]:
    objective = GAN(latent_dim=4, bottleneck="variational", **settings)
    torch.manual_seed(0)
    return objective, objective.roles(MLP(width=16), SHAPE), Batch(torch.rand(16, 1, 8, 8) * 2 - 1, None, 16, 0)


def bottleneck(nets: Nets) -> Bottleneck:
    assert isinstance(nets["D"], Bottleneck)
    return nets["D"]


def test_nats_are_the_codes_divergence_from_the_prior() -> None:
    _, nets, batch = made()
    means, log_variances = bottleneck(nets).encoder(batch.images).chunk(2, dim=1)
    expected = kl_divergence(Normal(means, (log_variances / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(bottleneck(nets)(batch.images)[:, 1], expected)


def test_logits_are_of_codes_drawn_and_for_the_generator_of_their_means() -> None:
    _, nets, batch = made()
    discriminator, images = bottleneck(nets), batch.images[:1].expand(20000, -1, -1, -1)
    means, log_variances = discriminator.encoder(batch.images[:1]).chunk(2, dim=1)
    logits = discriminator(images)[:, 0]
    weight = discriminator.output.weight[0]
    deviation = (weight.square() * log_variances[0].exp()).sum().sqrt()
    of_mean = discriminator.output(means)[0, 0]
    assert logits.std().item() == pytest.approx(deviation.item(), rel=0.03)
    assert abs(logits.mean() - of_mean) < 4 * deviation / 20000**0.5
    torch.testing.assert_close(discriminator.with_features(batch.images[:1])[0][0, 0], of_mean)


def test_the_weight_follows_what_is_beyond_the_limit() -> None:
    discriminator = Bottleneck(MLP(width=16).down(SHAPE, 2 * CODE_LENGTH))
    assert discriminator.penalty(torch.tensor(5.0), 1.0, 0.5).item() == 0.0  # the weight starts at 0
    assert discriminator.weight.item() == pytest.approx(2.0)
    assert discriminator.penalty(torch.tensor(2.0), 1.0, 0.5).item() == pytest.approx(2.0)
    assert discriminator.weight.item() == pytest.approx(2.5)
    discriminator.penalty(torch.tensor(0.0), 100.0, 0.5)
    assert discriminator.weight.item() == 0.0


def test_the_discriminators_loss_is_the_gans_and_the_penalty() -> None:
    objective, nets, batch = made(bottleneck_nats=0.25, bottleneck_rate=0.5)
    bottleneck(nets).weight.fill_(3.0)
    judge, _ = objective.phases()
    torch.manual_seed(1)
    terms = judge.loss(nets, batch, Draw(0))
    torch.manual_seed(1)
    fake = objective.generate(nets, objective.prior(16, Draw(0)), None)
    real_logits, fake_logits = bottleneck(nets)(torch.cat([batch.images, fake]))[:, 0].chunk(2)
    adversarial = softplus(-real_logits).mean() + softplus(fake_logits).mean()
    torch.testing.assert_close(terms["loss"], adversarial + 3.0 * (terms["bottleneck"] - 0.25))


def test_training_brings_the_nats_to_their_limit() -> None:
    objective, nets, batch = made(bottleneck_nats=0.5, bottleneck_rate=0.05)
    optimizer = torch.optim.Adam(nets["D"].parameters(), 3e-3)
    judge, _ = objective.phases()
    nats = []
    for step in range(600):
        torch.manual_seed(step)
        terms = judge.loss(nets, batch, Draw(step))
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        nats.append(terms["bottleneck"].item())
    assert max(nats) > 2.0  # without the limit D would tell itself far more
    assert sum(nats[-100:]) / 100 == pytest.approx(0.5, abs=0.25)
