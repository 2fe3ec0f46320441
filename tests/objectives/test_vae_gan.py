"""VAE-GAN: who sees which gradient, and with which sign."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from paribus.backbones.dcgan import DCGAN
from paribus.backbones.mlp import MLP
from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.objectives.base import Batch, Draw, Nets, with_features
from paribus.objectives.vae_gan import VAEGAN

SHAPE = ImageShape(1, 8)


def made(settings: VAEGAN, seed: int = 0) -> tuple[Nets, Batch]:
    torch.manual_seed(seed)
    return settings.roles(MLP(width=16), SHAPE), Batch(torch.rand(32, 1, 8, 8) * 2 - 1, None, 32, 0)


def gradient(loss: Tensor, net: nn.Module) -> Tensor:
    found = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True, retain_graph=True)
    parts = [torch.zeros_like(p) if g is None else g for p, g in zip(net.parameters(), found, strict=True)]
    return torch.cat([part.flatten() for part in parts])


@pytest.mark.parametrize("feature_weight", [0.0, 1e-3, 0.5, 1.0, 30.0])
@pytest.mark.parametrize("generator_loss", ["non-saturating", "minimax"])
def test_the_decoder_works_against_the_discriminator(feature_weight: float, generator_loss: str) -> None:
    """The decoder's adversarial gradient points against that of D's loss, for every weight of the features."""
    settings = VAEGAN(latent_dim=4, feature_weight=feature_weight, generator_loss=generator_loss)
    nets, batch = made(settings)
    draw = Draw(0)
    _, _, generator_phase = settings.phases()
    terms = generator_phase.loss(nets, batch, draw)
    features = settings._feature_nats(nets, batch, settings.reconstructions(nets, batch, Draw(0))[0])[0]
    adversarial = gradient(terms["loss"] - feature_weight * features, nets["G"])
    of_discriminator = gradient(settings.phases()[0].loss(nets, batch, Draw(0))["loss"], nets["G"])
    assert torch.dot(adversarial, of_discriminator) < 0
    cosine = torch.cosine_similarity(adversarial, of_discriminator, dim=0)
    assert cosine < -0.9


@pytest.mark.parametrize("kl_weight", [0.0, 1.0, 7.0])
def test_the_encoder_does_not_see_the_adversarial_loss(kl_weight: float) -> None:
    settings = VAEGAN(latent_dim=4, kl_weight=kl_weight)
    nets, batch = made(settings)
    terms = settings.phases()[1].loss(nets, batch, Draw(0))
    torch.testing.assert_close(terms["loss"], kl_weight * terms["kl"] + terms["reconstruction"])
    before = gradient(terms["loss"], nets["E"])
    with torch.no_grad():  # another output layer changes what D says, not its features
        for parameter in nets["D"].head.parameters():
            parameter.mul_(-5.0)
    after = gradient(settings.phases()[1].loss(nets, batch, Draw(0))["loss"], nets["E"])
    torch.testing.assert_close(before, after)


def test_features_are_a_gaussian_of_deviation_one() -> None:
    settings = VAEGAN(latent_dim=4)
    nets, batch = made(settings)
    reconstructions, _ = settings.reconstructions(nets, batch, Draw(0))
    wanted = with_features(nets["D"], batch.images)[1][-1]
    found = with_features(nets["D"], reconstructions)[1][-1]
    expected = -torch.distributions.Normal(found, 1.0).log_prob(wanted).sum(1).mean()
    torch.testing.assert_close(settings._feature_nats(nets, batch, reconstructions)[0], expected)


def test_layer_zero_is_the_image() -> None:
    settings = VAEGAN(latent_dim=4, feature_layer=0)
    nets, batch = made(settings)
    reconstructions, _ = settings.reconstructions(nets, batch, Draw(0))
    expected = -torch.distributions.Normal(reconstructions, 1.0).log_prob(batch.images).flatten(1).sum(1).mean()
    torch.testing.assert_close(settings._feature_nats(nets, batch, reconstructions)[0], expected)


def test_one_batch_is_the_same_loss_where_nothing_joins_the_images() -> None:
    apart, joint = VAEGAN(latent_dim=4), VAEGAN(latent_dim=4, joint_batch=True)
    nets, batch = made(apart)
    for one, other in zip(apart.phases(), joint.phases(), strict=True):
        torch.testing.assert_close(one.loss(nets, batch, Draw(0)), other.loss(nets, batch, Draw(0)))


def test_one_batch_gives_batch_norm_the_moments_of_reconstructions_and_samples() -> None:
    settings = VAEGAN(latent_dim=4, joint_batch=True)
    torch.manual_seed(0)
    nets = settings.roles(DCGAN(width=4), ImageShape(1, 16))
    batch = Batch(torch.rand(32, 1, 16, 16) * 2 - 1, None, 32, 0)
    first = next(module for module in nets["G"].modules() if isinstance(module, nn.BatchNorm2d))
    first.momentum = 1.0
    seen: list[Tensor] = []
    first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    with torch.no_grad():
        nets["E"].head[-1].bias[:4] += 5.0  # far from the prior
    for phase in settings.phases():
        seen.clear()
        phase.loss(nets, batch, Draw(0))
        (maps,) = seen
        assert len(maps) == 64
        reconstructed, sampled = (half.mean((0, 2, 3)) for half in maps.chunk(2))
        assert (reconstructed - sampled).abs().max() > 0.01
        torch.testing.assert_close(first.running_mean, (reconstructed + sampled) / 2)


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(ParibusError, match="no such layer") as error:
        VAEGAN(feature_layer=5).roles(MLP(), SHAPE)
    assert "-2 to 1" in str(error.value)
