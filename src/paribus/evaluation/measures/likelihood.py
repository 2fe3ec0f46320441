"""The likelihood of test images: its bounds, their terms, and the latent units in use."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from typing_extensions import override

from paribus.base.randomness import keyed_seed
from paribus.base.registry import measures
from paribus.data import ImageData
from paribus.evaluation.context import Context
from paribus.evaluation.encoding import Rows, batches
from paribus.evaluation.measures.base import Measure
from paribus.evaluation.protocols import chosen
from paribus.metrics.estimates import Estimate, mean_estimate
from paribus.metrics.likelihood import active_units, importance_weighted_nats, likelihood_estimates
from paribus.results.metric import Metric
from paribus.results.protocol import Protocol
from paribus.results.score import Fact, Score

COLLAPSED_BELOW_NATS = 0.1
IWAE_IMAGES = 500
"""Test images of `iwae` at most: each costs as much as K samples."""

SAME_LIKELIHOOD = "Comparable only when the likelihood, the images and their resolution agree."


@measures.register("likelihood")
class Likelihoods(Measure):
    """The bound by one latent an image, its two terms, and the active units."""

    metrics = (
        Metric(
            name="elbo",
            label="−ELBO",
            unit="nats per image",
            direction="lower",
            meaning="Bound on the negative log-likelihood of test images: reconstruction plus KL, with the KL weighted "
            "by 1. Not in bits per dimension, since no likelihood here is of discrete or dequantised pixels.",
            comparable=SAME_LIKELIHOOD,
            unseen="What samples look like.",
            section="leaderboard",
            place=10,
        ),
        Metric(
            name="reconstruction_nats",
            label="Reconstruction",
            unit="nats per image",
            meaning="Negative log-likelihood of test images given their latents, summed over pixels.",
            comparable=SAME_LIKELIHOOD,
        ),
        Metric(
            name="kl_nats",
            label="KL",
            unit="nats per image",
            meaning="How many nats about an image its latent carries, on average; near 0 the latent is ignored.",
            comparable="Comparable only when the prior and the images agree.",
        ),
        Metric(
            name="active_units",
            label="Active units",
            unit="latent units",
            meaning="Number of latent units whose posterior mean varies over test images by more than 0.01; 0 is a "
            "collapse.",
            comparable="Comparable only when latent size, prior and images agree.",
        ),
    )
    order = 70
    refused = ("no_likelihood",)

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        model, data, n = context.model, context.data, context.n
        assert model is not None and data is not None
        kept = Rows(n)
        for images, labels, start in batches(data.test, n, "likelihood of test images", context.progress):
            seed = keyed_seed("likelihood", context.seed, start)
            terms = model.likelihood_terms(images, labels, seed=seed)
            kept.add({name: values.cpu() for name, values in terms.items()})
        terms = kept.joined
        found = likelihood_estimates(terms["reconstruction_nats"], terms["kl_nats"])
        protocol = _protocol(context, data, n, draws=1)
        assert model.likelihood is not None
        estimated = None if model.likelihood.is_bound else Fact(code="kl_estimated")
        yield context.score("elbo", found["elbo"], protocol, warning=estimated)
        yield context.score("reconstruction_nats", found["reconstruction_nats"], protocol)
        yield context.score("kl_nats", found["kl_nats"], protocol, warning=_collapse(found["kl_nats"]) or estimated)
        means = terms["posterior_means"]
        active = active_units(means)
        warning = None if active else Fact(code="posterior_collapse", figures={"units": means.shape[1]})
        yield context.score("active_units", float(active), protocol, warning=warning)


@measures.register("importance")
class ImportanceWeighted(Measure):
    """The bound by several latents an image, of at most `IWAE_IMAGES` test images."""

    metrics = (
        Metric(
            name="iwae",
            label="IWAE-K",
            unit="nats per image",
            direction="lower",
            meaning="Bound on the negative log-likelihood of test images from the mean weight of K latents an image (K "
            "is in the protocol): tighter than −ELBO, the more so the larger K.",
            comparable="Comparable only when K, the likelihood, the images and their resolution agree.",
            unseen="What samples look like.",
        ),
    )
    order = 71
    refused = ("no_known_density",)

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        model, data, draws = context.model, context.data, context.settings.iwae_samples
        assert model is not None and data is not None
        n = min(context.n, IWAE_IMAGES)
        parts = []
        for images, labels, start in batches(data.test, n, f"bound by {draws} latents an image", context.progress):
            seed = keyed_seed("importance", context.seed, start)
            parts.append(importance_weighted_nats(model.log_weights(images, labels, count=draws, seed=seed)))
        yield context.score("iwae", mean_estimate(torch.cat(parts)), _protocol(context, data, n, draws), n=n)


def _collapse(kl_nats: Estimate) -> Fact | None:
    if kl_nats.value < COLLAPSED_BELOW_NATS:
        return Fact(code="posterior_collapse", figures={"nats": kl_nats.value})
    return None


def _protocol(context: Context, data: ImageData, n: int, draws: int) -> Protocol:
    assert context.model is not None
    return Protocol(
        images=chosen(n, data.test),
        form=context.protocol.form,
        seed=context.seed,
        likelihood=context.model.likelihood,
        draws=draws,
    )
