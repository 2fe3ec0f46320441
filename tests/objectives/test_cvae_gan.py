"""CVAE-GAN: each term by hand, the asymmetry, and the forms it was published in."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from paribus.backbones.mlp import MLP
from paribus.config import ImageShape
from paribus.objectives.base import Batch, Draw, Nets, with_features
from paribus.objectives.cvae_gan import CENTRE_DECAY, CVAEGAN, _moved

SHAPE = ImageShape(1, 8, classes=3)


def made(settings: CVAEGAN) -> tuple[Nets, Batch]:
    torch.manual_seed(0)
    labels = torch.arange(30) % 3
    return settings.roles(MLP(width=16), SHAPE), Batch(torch.rand(30, 1, 8, 8) * 2 - 1, labels, 30, 0)


def last(net: nn.Module, images: Tensor) -> Tensor:
    return with_features(net, images)[1][-1]


def test_the_reconstruction_is_measured_in_pixels_and_in_both_networks() -> None:
    settings = CVAEGAN(latent_dim=4)
    nets, batch = made(settings)
    terms = settings.phases()[2].loss(nets, batch, Draw(0))
    again, kl = settings.reconstructions(nets, batch, Draw(0))
    total = torch.zeros(())
    for net in (nn.Flatten(), nets["D"], nets["C"].net):
        real, found = (
            (net(batch.images), net(again))
            if isinstance(net, nn.Flatten)
            else (last(net, batch.images), last(net, again))
        )
        total = total + 0.5 * (real - found).square().sum(1).mean()
    torch.testing.assert_close(terms["reconstruction"], total)
    weighted = 3 * kl + total + 1e-3 * (terms["discriminator_matching"] + terms["classifier_matching"])
    torch.testing.assert_close(terms["loss"], weighted)


def test_means_are_matched() -> None:
    settings = CVAEGAN(latent_dim=4)
    nets, batch = made(settings)
    terms = settings.phases()[2].loss(nets, batch, Draw(0))
    draw = Draw(0)
    settings.reconstructions(nets, batch, draw)  # the samples come second from the same draw
    samples = settings.generate(nets, settings.prior(30, draw), batch.labels)
    difference = last(nets["D"], batch.images).mean(0) - last(nets["D"], samples).mean(0)
    torch.testing.assert_close(terms["discriminator_matching"], 0.5 * difference.square().sum())
    by_class = [
        (
            last(nets["C"].net, batch.images)[batch.labels == c].mean(0),
            last(nets["C"].net, samples)[batch.labels == c].mean(0),
        )
        for c in range(3)
    ]
    expected = sum(0.5 * (real - fake).square().sum() for real, fake in by_class) * (1 - CENTRE_DECAY) ** 2  # from zero
    torch.testing.assert_close(terms["classifier_matching"], expected, rtol=1e-3, atol=1e-7)


def test_moving_means_have_the_gradient_of_the_batch() -> None:
    labels = torch.tensor([0, 0, 2])
    features = torch.tensor([[1.0], [3.0], [5.0]], requires_grad=True)
    centres = torch.tensor([[10.0], [20.0], [30.0]])
    moved = _moved(centres, features, labels)
    expected = torch.tensor([[9.9 + 0.02], [20.0], [29.7 + 0.05]])  # class 1 is absent and stays
    torch.testing.assert_close(moved.detach(), expected)
    torch.testing.assert_close(centres, expected)
    moved.sum().backward()
    torch.testing.assert_close(features.grad, torch.tensor([[0.5], [0.5], [1.0]]))


@pytest.mark.parametrize(("variant", "seen"), [("intended", False), ("described", True)])
def test_only_as_described_does_the_generator_see_cross_entropies(variant: str, seen: bool) -> None:
    settings = CVAEGAN(latent_dim=4, variant=variant)
    nets, batch = made(settings)
    before = settings.phases()[2].loss(nets, batch, Draw(0))["loss"].item()
    for buffer in nets["C"].buffers():
        buffer.zero_()
    with torch.no_grad():  # another output layer changes judgements, not features
        for role in ("D", "C"):
            for parameter in (nets["C"].net if role == "C" else nets["D"]).head.parameters():
                parameter.mul_(-5.0)
    after = settings.phases()[2].loss(nets, batch, Draw(0))["loss"].item()
    assert (abs(after - before) > 1e-3) == seen


def test_the_published_loss_by_hand() -> None:
    settings = CVAEGAN(latent_dim=4, variant="published")
    nets, batch = made(settings)
    terms = settings.phases()[2].loss(nets, batch, Draw(0))
    again, kl = settings.reconstructions(nets, batch, Draw(0))
    wanted = F.one_hot(batch.labels, 3).float()
    expected = F.mse_loss((again + 1) / 2, (batch.images + 1) / 2) + 30 * kl
    expected = expected + F.binary_cross_entropy_with_logits(nets["D"](again), torch.ones(30, 1))
    expected = expected + F.binary_cross_entropy_with_logits(nets["C"](again), wanted)
    torch.testing.assert_close(terms["loss"], expected)
    torch.testing.assert_close(
        settings.phases()[0].loss(nets, batch, Draw(0))["loss"],
        F.binary_cross_entropy_with_logits(nets["C"](batch.images), wanted),
    )


def test_the_published_encoder_does_not_see_the_class() -> None:
    for variant, sees in (("published", False), ("intended", True)):
        settings = CVAEGAN(latent_dim=4, variant=variant)
        nets, batch = made(settings)
        one, other = (settings.encode(nets, batch.images, (batch.labels + k) % 3) for k in (0, 1))
        assert torch.equal(one, other) != sees
