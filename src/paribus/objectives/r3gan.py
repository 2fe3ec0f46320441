"""Relativistic pairing with zero-centred gradient penalties on both sides (arXiv:2501.05441)."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor
from torch.nn.functional import softplus
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.config import NotNegative, Optimizer, Schedule, value_at
from paribus.objectives.adversarial import AdversarialObjective
from paribus.objectives.base import Batch, Draw, Nets, discriminator_outputs
from paribus.objectives.penalties import differentiable, full_precision, squared_gradient_norms

SCHEDULE_IMAGES = 1_000_000
"""Over which the optimisers' settings move: about 20 epochs of small data; a longer run should name its own."""


_OPTIMIZER = Optimizer(
    learning_rate=Schedule(start=2e-4, end=5e-5, images=SCHEDULE_IMAGES),
    beta1=0.0,
    beta2=Schedule(start=0.9, end=0.99, images=SCHEDULE_IMAGES),
)


@objectives.register("r3gan")
class R3GAN(AdversarialObjective):
    """D judges each real image against a generated one of its class, and its slope is held down at both.

    With r = D(x), f = D(G(z)) in pairs and s(t) = log(1 + exp(t)), all means over the batch:

    - D minimises E[s(-(r - f))] + gamma / 2 * E[|gradient of D at x|^2 + |gradient of D at G(z)|^2], squares summed
      over channels and pixels (R1, arXiv:1801.04406, and R2). The gradients are those at what D sees, which matters
      with `diff_augment`. D runs in fp32 here.
    - G minimises E[s(-(f - r))].

    At the equilibrium both pairing terms are ln 2 = 0.693. Logged beside D's loss: pairing, r1 and r2 (mean squared
    lengths, without gamma), and accuracy (share of pairs with r > f).
    """

    optimizers: ClassVar[dict[str, Optimizer]] = {"G": _OPTIMIZER, "D": _OPTIMIZER}
    judgement: ClassVar[Literal["logit", "score"]] = "score"  # only a difference is a logit

    gamma: NotNegative = 0.05
    """Weight of the penalties: a number, or {start, end, images}."""

    @override
    def discriminator_terms(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z = self.prior(len(batch), draw)
        real, fake = map(differentiable, self.real_and_fake(nets, z, batch, draw))
        with full_precision(real):
            scores = discriminator_outputs(nets["D"], [real, fake], batch.labels)
            at_real, at_fake = squared_gradient_norms(scores, [real, fake])
            of_real, of_fake = scores
            pairing = softplus(of_fake - of_real).mean()
            r1, r2 = at_real.mean(), at_fake.mean()
            return {
                "loss": pairing + value_at(self.gamma, batch.images_seen) / 2 * (r1 + r2),
                "pairing": pairing,
                "r1": r1,
                "r2": r2,
                "accuracy": (of_real > of_fake).float().mean(),
            }

    @property
    @override
    def generator_sees_images(self) -> bool:
        return True

    @override
    def generator_terms(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        z = self.prior(len(batch), draw)
        real, fake = discriminator_outputs(nets["D"], self.real_and_fake(nets, z, batch, draw), batch.labels)
        return {"loss": softplus(real - fake).mean()}
