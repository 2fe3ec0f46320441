"""Wasserstein GAN: a critic kept smooth by clipped weights (arXiv:1701.07875) or a gradient penalty (1704.00028)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.config import Optimizer
from paribus.objectives.adversarial import AdversarialObjective
from paribus.objectives.base import Batch, Draw, Nets, Phase, discriminator_outputs
from paribus.objectives.penalties import gradient_penalty


@objectives.register("wgan")
class WGAN(AdversarialObjective):
    """D, here a critic, scores real images high and generated ones low; G raises its images' scores.

    All means over the batch: D minimises E[D(G(z))] - E[D(x)], G minimises -E[D(G(z))]. The critic's slope is limited

    - by clipping each of its parameters to [-clip, clip] after each of its updates, or
    - by penalty_weight times E[(|gradient of D at x'| - 1)^2] in its loss, x' = share x + (1 - share) G(z) with one
      share for each image, uniform in [0, 1). The class of x' is that of both.

    Logged beside D's loss: wasserstein, E[D(x)] - E[D(G(z))], the estimate of the distance (with clipping up to an
    unknown factor), and the penalty without its weight. The penalty is about single images, so a critic with batch norm
    makes little sense of it: presets have `backbone.norm: none`.
    """

    optimizers: ClassVar[dict[str, Optimizer]] = dict.fromkeys(
        ("G", "D"), Optimizer(learning_rate=1e-4, beta1=0.0, beta2=0.9)
    )
    judgement: ClassVar[Literal["logit", "score"]] = "score"

    discriminator_steps: int = Field(5, ge=1, le=1000)
    """Updates of D in each step, each with a fresh batch and fresh noise."""
    constraint: Literal["clip", "gradient-penalty"] = "gradient-penalty"
    """How the critic's slope is limited."""
    clip: float = Field(0.01, gt=0, le=1e12)
    """Largest absolute value of the critic's parameters, with `clip`."""
    penalty_weight: float = Field(10.0, gt=0, le=1e12)
    """Weight of the penalty, with `gradient-penalty`."""

    @override
    def phases(self) -> tuple[Phase, ...]:
        critic, generator = super().phases()
        return (replace(critic, after=self._clipped) if self.constraint == "clip" else critic), generator

    @override
    def discriminator_terms(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        critic, labels = nets["D"], batch.labels
        real, fake = self.real_and_fake(nets, self.prior(len(batch), draw), batch, draw)
        of_real, of_fake = discriminator_outputs(critic, [real, fake], labels)
        wasserstein = of_real.mean() - of_fake.mean()
        if self.constraint == "clip":
            return {"loss": -wasserstein, "wasserstein": wasserstein}
        share = draw.uniform(len(batch), 1, 1, 1)
        penalty = gradient_penalty(lambda images: critic(images, labels), real, fake, share)
        return {"loss": self.penalty_weight * penalty - wasserstein, "wasserstein": wasserstein, "penalty": penalty}

    @override
    def generator_terms(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        fake = self.fake(nets, self.prior(len(batch), draw), batch, draw)
        return {"loss": -nets["D"](fake, batch.labels).float().mean()}

    def _clipped(self, nets: Nets, batch: Batch) -> None:
        for parameter in nets["D"].parameters():
            parameter.clamp_(-self.clip, self.clip)
