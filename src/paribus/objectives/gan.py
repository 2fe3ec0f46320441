"""Generative adversarial networks (arXiv:1406.2661) with four losses."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus

from paribus.config import Optimizer
from paribus.objectives.base import Batch, Builder, Draw, Nets, Objective, Phase, couples_images
from paribus.registry import objectives
from paribus.settings import ImageShape


@objectives.register("gan")
class GAN(Objective):
    """G turns noise into images, D tells them from real ones; one update of D, then one of G.

    With r = D(x), f = D(G(z)) (logits) and sigma the logistic function, all means over the batch:

    | loss           | D minimises                               | G minimises            |
    | -------------- | ----------------------------------------- | ---------------------- |
    | non-saturating | E[-log sigma(r)] + E[-log(1 - sigma(f))]  | E[-log sigma(f)]       |
    | minimax        | the same                                  | E[log(1 - sigma(f))]   |
    | hinge          | E[relu(1 - r)] + E[relu(1 + f)]           | E[-f]                  |
    | least-squares  | E[(r - 1)^2] / 2 + E[f^2] / 2             | E[(f - 1)^2] / 2       |

    D's loss is the sum of its two terms: at the equilibrium of the first two it is 2 ln 2 = 1.386, and the
    non-saturating loss of G is ln 2 = 0.693.
    Sources: non-saturating and minimax arXiv:1406.2661, hinge arXiv:1705.02894, least-squares arXiv:1611.04076,
    one-sided label smoothing arXiv:1606.03498.
    """

    name: ClassVar[str] = "gan"
    averaged: ClassVar[tuple[str, ...]] = ("G",)
    optimizers: ClassVar[dict[str, Optimizer]] = {
        "G": Optimizer(learning_rate=2e-4, beta1=0.5),
        "D": Optimizer(learning_rate=2e-4, beta1=0.5),
    }

    loss: Literal["non-saturating", "minimax", "hinge", "least-squares"] = "non-saturating"
    """What D and G minimise."""
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    """D's target for real images is 1 minus this (not with hinge)."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout before D's output."""

    @model_validator(mode="after")
    def _smoothing_has_a_target(self) -> GAN:
        if self.loss == "hinge" and self.label_smoothing:
            raise ValueError("label_smoothing needs a loss with a target: the hinge loss has none")
        return self

    def roles(self, backbone: Builder, image: ImageShape) -> Nets:
        """See `Objective.roles`."""
        discriminator = backbone.down(image, 1, dropout=self.dropout, projection=True)
        return {"G": backbone.up(self.latent_dim, image), "D": discriminator}

    def phases(self) -> tuple[Phase, ...]:
        """See `Objective.phases`."""
        return (Phase("D", ("D",), self._discriminator_loss), Phase("G", ("G",), self._generator_loss))

    def generate(self, nets: Nets, z: Tensor, labels: Tensor | None) -> Tensor:
        """See `Objective.generate`."""
        return torch.tanh(nets["G"](z, labels))

    def _discriminator_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        fakes = self.generate(nets, self.prior(len(batch), draw), batch.labels)
        discriminator = nets["D"]
        if couples_images(discriminator):
            real = discriminator(batch.images, batch.labels).float()
            fake = discriminator(fakes, batch.labels).float()
        else:  # nothing joins the images of a batch: one pass over both is the same, and faster
            both = torch.cat([batch.images, fakes.to(batch.images.dtype)])
            labels = None if batch.labels is None else batch.labels.repeat(2)
            real, fake = discriminator(both, labels).float().chunk(2)
        boundary = 0.5 if self.loss == "least-squares" else 0.0
        return {
            "loss": self._real_loss(real) + self._fake_loss(fake),
            "accuracy_real": (real > boundary).float().mean(),
            "accuracy_fake": (fake <= boundary).float().mean(),
        }

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

    def _generator_loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        fakes = self.generate(nets, self.prior(len(batch), draw), batch.labels)
        fake = nets["D"](fakes, batch.labels).float()
        match self.loss:
            case "non-saturating":
                loss = softplus(-fake).mean()
            case "minimax":
                loss = -softplus(fake).mean()
            case "hinge":
                loss = -fake.mean()
            case "least-squares":
                loss = (fake - 1).square().mean() / 2
        return {"loss": loss}
