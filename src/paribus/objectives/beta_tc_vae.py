"""The beta-TC-VAE (arXiv:1802.04942): a penalty on the latents' dependence on each other alone."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

from paribus.base.registry import objectives
from paribus.objectives.base import Batch, Draw, Nets, Phase, whole_batch
from paribus.objectives.encoding import (
    VariationalObjective,
    gaussian_kl_nats,
    gaussian_log_density,
    posterior,
    posterior_samples,
)


@objectives.register("beta-tc-vae")
class BetaTCVAE(VariationalObjective):
    """A VAE whose KL is taken apart, with beta on the total correlation only.

    KL(q(z|x) || p(z)) = I(x; z) + KL(q(z) || prod_j q(z_j)) + sum_j KL(q(z_j) || p(z_j)) on average over x: mutual
    information, total correlation, dimension-wise KL. Minimises reconstruction + information + beta * correlation +
    dimension-wise. q(z) and q(z_j) are estimated from the batch by minibatch stratified sampling (the paper's
    appendix C.2), so the three terms are estimates whose sum is exactly log q(z|x) - log p(z) of the draw.
    Logged at beta 1 beside them: reconstruction, kl (closed form) and elbo, their sum.
    """

    couples_batch: ClassVar[bool] = True  # each image's term needs the other images' posteriors

    beta: float = Field(6.0, ge=0, le=1e12)
    """Weight of the total correlation."""

    @override
    def phases(self) -> tuple[Phase, ...]:
        return (Phase("VAE", ("E", "G"), self._loss),)

    def _loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        means, log_variances = posterior(nets["E"], batch.images, batch.labels)
        z = posterior_samples(means, log_variances, draw)[:, 0]
        reconstruction = self.reconstruction_nats(nets, batch.images, z, batch.labels).mean()
        latents = (whole_batch(z), whole_batch(means), whole_batch(log_variances))
        information, correlation, dimensions = kl_parts(*latents, batch.dataset_size)
        kl = gaussian_kl_nats(means, log_variances).sum(1).mean()
        terms = {
            "loss": reconstruction + information + self.beta * correlation + dimensions,
            "reconstruction": reconstruction,
            "kl": kl,
            "elbo": reconstruction + kl,
            "mutual_information": information,
            "total_correlation": correlation,
            "dimension_kl": dimensions,
        }
        return terms | self.deviation(nets)


def kl_parts(z: Tensor, means: Tensor, log_variances: Tensor, dataset_size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mutual information, total correlation and dimension-wise KL, in nats, means over the batch.

    Args:
        z: One draw (N, Z) from each posterior.
        means: Posterior means (N, Z).
        log_variances: Posterior log variances (N, Z).
        dataset_size: Number of training images.
    """
    # [i, j, d]: log density of draw i's dimension d under image j's posterior
    pairs = gaussian_log_density(z[:, None], means[None], log_variances[None])
    log_weights = stratified_log_weights(len(z), dataset_size).to(pairs)
    own = torch.diagonal(pairs, dim1=0, dim2=1).sum(0)  # log q(z|x), (N,)
    joint = (log_weights + pairs.sum(2)).logsumexp(1)
    marginals = (log_weights[:, :, None] + pairs).logsumexp(1).sum(1)
    prior = gaussian_log_density(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)
    return (own - joint).mean(), (joint - marginals).mean(), (marginals - prior).mean()


def stratified_log_weights(batch_size: int, dataset_size: int) -> Tensor:
    """Log weights (N, N) of the images' posteriors in the estimate of q(z) at each image's draw.

    With M = batch_size - 1 others: the own posterior 1 / dataset_size (it is in the data for sure), one other
    (dataset_size - M) / (dataset_size * M), the rest 1 / M each; a row sums to 1.
    """
    others = batch_size - 1
    dataset_size = max(dataset_size, batch_size)
    weights = torch.full((batch_size, batch_size), 1 / others)
    index = torch.arange(batch_size)
    weights[index, index] = 1 / dataset_size
    weights[index, (index + 1) % batch_size] = (dataset_size - others) / (dataset_size * others)
    return weights.log()
