"""Generative adversarial networks (arXiv:1406.2661) with four losses."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.config import ImageShape
from paribus.objectives.adversarial import AdversarialObjective
from paribus.objectives.base import Batch, Builder, Draw, Nets, discriminator_outputs, whole_mean, with_features
from paribus.objectives.encoding import gaussian_kl_nats

CODE_LENGTH = 128


class Bottleneck(nn.Module):
    """A discriminator that sees an image only through a noisy code, of which the nats are limited (arXiv:1810.00821).

    With t ~ N(m(x), diag s(x)^2) the code, r = N(0, I) and KL = E[KL(t | r)] over real and generated images, D
    minimises its own loss + b (KL - limit), and b grows by rate (KL - limit) an update, from 0 and never below it.
    """

    weight: Tensor

    def __init__(self, encoder: nn.Module) -> None:
        """Wraps a `down` with 2 CODE_LENGTH outputs: means and log-variances."""
        super().__init__()
        self.encoder = encoder
        self.output = nn.Linear(CODE_LENGTH, 1)
        self.register_buffer("weight", torch.zeros(()))

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) to (N, 2): a logit from one code drawn for each, and its KL in nats."""
        means, log_variances = self.encoder(images, labels).float().chunk(2, dim=1)
        nats = gaussian_kl_nats(means, log_variances).sum(1, keepdim=True)
        codes = means + (0.5 * log_variances).exp() * torch.randn_like(means)
        return torch.cat([self.output(codes), nats], dim=1)

    def with_features(self, images: Tensor, labels: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Logits (N, 1) of the codes' means, which is what G is to fool, and the outputs of the encoder's stages."""
        outputs, stages = with_features(self.encoder, images, labels)
        return self.output(outputs[:, :CODE_LENGTH]), stages

    def penalty(self, nats: Tensor, limit: float, rate: float) -> Tensor:
        """The term b (KL - limit) for a batch's mean KL, with the b from before the batch, which then moves."""
        excess = nats - limit
        before = self.weight.clone()
        with torch.no_grad():
            self.weight.add_(rate * excess).clamp_(min=0)
        return before * excess


@objectives.register("gan")
class GAN(AdversarialObjective):
    """G turns noise into images, D tells them from real ones; one update of D, then one of G.

    With r = D(x), f = D(G(z)) (logits) and sigma the logistic function, all means over the batch:

    | loss           | D minimises                               | G minimises            |
    | -------------- | ----------------------------------------- | ---------------------- |
    | non-saturating | E[-log sigma(r)] + E[-log(1 - sigma(f))]  | E[-log sigma(f)]       |
    | minimax        | the same                                  | E[log(1 - sigma(f))]   |
    | hinge          | E[relu(1 - r)] + E[relu(1 + f)]           | E[-f]                  |
    | least-squares  | E[(r - 1)^2] / 2 + E[f^2] / 2             | E[(f - 1)^2] / 2       |

    D's loss is the sum of its two terms: at the equilibrium of the first two it is 2 ln 2 = 1.386, and the
    non-saturating loss of G is ln 2 = 0.693. With `feature_matching` w, G's loss also has w |E[h(x)] - E[h(G(z))]|^2,
    with h the flattened output of D's last stage and the square summed over its features. With a `bottleneck` D judges
    a noisy code of the image and also keeps the code's nats near their limit (`Bottleneck`); G fools the code's mean.
    Sources: non-saturating and minimax arXiv:1406.2661, hinge arXiv:1705.02894, least-squares arXiv:1611.04076,
    one-sided label smoothing and feature matching arXiv:1606.03498.
    """

    loss: Literal["non-saturating", "minimax", "hinge", "least-squares"] = "non-saturating"
    """What D and G minimise."""
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    """D's target for real images is 1 minus this (not with hinge)."""
    feature_matching: float = Field(0.0, ge=0, le=1e12)
    """Weight in G's loss of the squared distance between the mean features of real and of generated images."""
    bottleneck: Literal["none", "variational"] = "none"
    """Whether D judges images directly or by a code that may tell only so much of them."""
    bottleneck_nats: float = Field(0.1, ge=0, le=1e12)
    """How much, with `variational`: nats an image."""
    bottleneck_rate: float = Field(1e-5, gt=0, le=1e12)
    """How fast the weight of that limit moves, with `variational`: per nat beyond it and update."""

    @model_validator(mode="after")
    def _smoothing_has_a_target(self) -> GAN:
        if self.loss == "hinge" and self.label_smoothing:
            raise ValueError("label_smoothing needs a loss with a target: the hinge loss has none")
        return self

    @property
    @override
    def couples_batch(self) -> bool:
        """Matched features, and the bottleneck's nats, are means over the batch."""
        return self.feature_matching > 0 or self.bottleneck != "none"

    @property
    @override
    def judgement(self) -> Literal["logit", "score"]:
        """With the first two losses a logit."""
        return "score" if self.loss in ("hinge", "least-squares") else "logit"

    @override
    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        if self.bottleneck == "none":
            return super().roles(backbone, image)
        encoder = backbone.down(image, 2 * CODE_LENGTH, dropout=self.dropout)
        return {"G": backbone.up(self.latent_dim, image), "D": Bottleneck(encoder)}

    @override
    def discriminator_terms(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Accuracies are shares of the images on the right side."""
        z = self.prior(len(batch), draw)
        of_real, of_fake = discriminator_outputs(nets["D"], self.real_and_fake(nets, z, batch, draw), batch.labels)
        real, fake = of_real[:, :1], of_fake[:, :1]
        boundary = 0.5 if self.loss == "least-squares" else 0.0
        terms = {
            "loss": self._real_loss(real) + self._fake_loss(fake),
            "accuracy_real": (real > boundary).float().mean(),
            "accuracy_fake": (fake <= boundary).float().mean(),
        }
        if self.bottleneck == "none":
            return terms
        discriminator = nets["D"]
        assert isinstance(discriminator, Bottleneck)
        nats = whole_mean(torch.cat([of_real[:, 1], of_fake[:, 1]]).mean())
        penalty = discriminator.penalty(nats, self.bottleneck_nats, self.bottleneck_rate)
        return terms | {"loss": terms["loss"] + penalty, "bottleneck": nats}

    def _real_loss(self, real: Tensor) -> Tensor:
        target = 1 - self.label_smoothing
        match self.loss:
            case "hinge":
                return relu(1 - real).mean()
            case "least-squares":
                return (real - target).square().mean() / 2
            case _:
                return binary_cross_entropy_with_logits(real, torch.full_like(real, target))

    def _fake_loss(self, fake: Tensor) -> Tensor:
        match self.loss:
            case "hinge":
                return relu(1 + fake).mean()
            case "least-squares":
                return fake.square().mean() / 2
            case _:
                return softplus(fake).mean()

    @property
    @override
    def generator_sees_images(self) -> bool:
        return bool(self.feature_matching)

    @override
    def generator_terms(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z = self.prior(len(batch), draw)
        if not self.feature_matching:
            output, _ = with_features(nets["D"], self.fake(nets, z, batch, draw), batch.labels)
            return {"loss": self._fooling_loss(output)}
        real, fake = self.real_and_fake(nets, z, batch, draw)
        expected = _mean_features(with_features(nets["D"], real, batch.labels)[1]).detach()
        output, stages = with_features(nets["D"], fake, batch.labels)
        distance = (expected - _mean_features(stages)).square().sum()
        return {
            "loss": self._fooling_loss(output) + self.feature_matching * distance,
            "feature_distance": distance,
        }

    def _fooling_loss(self, fake: Tensor) -> Tensor:
        match self.loss:
            case "non-saturating":
                return softplus(-fake).mean()
            case "minimax":
                return -softplus(fake).mean()
            case "hinge":
                return -fake.mean()
            case "least-squares":
                return (fake - 1).square().mean() / 2


def _mean_features(stages: list[Tensor]) -> Tensor:
    # of the last stage, over the batch, in fp32: (features,)
    return whole_mean(stages[-1].float().flatten(1).mean(0))
