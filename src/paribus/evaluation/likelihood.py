"""The likelihood of test images: its bounds, their terms, and the latent units in use."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import torch

from paribus.base.randomness import keyed_seed
from paribus.evaluation.encoding import Progress, batches
from paribus.evaluation.protocols import chosen, form_of
from paribus.evaluation.rows import Rows
from paribus.evaluation.subject import Model
from paribus.metrics.estimates import mean_estimate
from paribus.metrics.likelihood import active_units, importance_weighted_nats, likelihood_estimates
from paribus.metrics.sheet import Sheet
from paribus.results.protocol import Protocol
from paribus.results.score import Fact

if TYPE_CHECKING:
    from paribus.data import ImageData

COLLAPSED_BELOW_NATS = 0.1
IWAE_IMAGES = 500
"""Test images of `iwae` at most: each costs as much as K samples."""


def score_likelihood(sheet: Sheet, model: Model, data: ImageData, n: int, seed: int, progress: Progress) -> None:
    """Adds the bound, its two terms and the active units, of n test images."""
    if not {"elbo", "reconstruction_nats", "kl_nats", "active_units"} & set(sheet.wanted):
        return
    kept: defaultdict[str, Rows] = defaultdict(lambda: Rows(n))
    for images, labels, start in batches(data.test, n, "likelihood of test images", progress):
        for name, values in model.likelihood_terms(images, labels, seed=keyed_seed("likelihood", seed, start)).items():
            kept[name].add(values.cpu())
    terms = {name: rows.joined for name, rows in kept.items()}
    protocol = _protocol(model, data, n, 1, seed)
    for metric, score in likelihood_estimates(terms["reconstruction_nats"], terms["kl_nats"]).items():
        collapse = Fact(code="posterior_collapse", figures={"nats": score.value})
        warning = collapse if metric == "kl_nats" and score.value < COLLAPSED_BELOW_NATS else None
        sheet.add(metric, score, n=n, protocol=protocol, warning=warning)
    if terms.get("posterior_means") is not None:
        means = terms["posterior_means"]
        active = active_units(means)
        warning = Fact(code="posterior_collapse", figures={"units": means.shape[1]}) if active == 0 else None
        sheet.add("active_units", float(active), n=n, protocol=protocol, warning=warning)


def score_importance(
    sheet: Sheet, model: Model, data: ImageData, n: int, draws: int, seed: int, progress: Progress
) -> None:
    """Adds the bound by `draws` latents an image, of at most `IWAE_IMAGES` of the n test images."""
    if "iwae" not in sheet.wanted:
        return
    n = min(n, IWAE_IMAGES)
    parts = []
    for images, labels, start in batches(data.test, n, f"bound by {draws} latents an image", progress):
        weights = model.log_weights(images, labels, count=draws, seed=keyed_seed("importance", seed, start))
        parts.append(importance_weighted_nats(weights))
    protocol = _protocol(model, data, n, draws, seed)
    sheet.add("iwae", mean_estimate(torch.cat(parts)), n=n, protocol=protocol)


def _protocol(model: Model, data: ImageData, n: int, draws: int, seed: int) -> Protocol:
    return Protocol(
        images=chosen(n, data.test),
        form=form_of(data.test.images),
        seed=seed,
        likelihood=model.likelihood,
        draws=draws,
    )
