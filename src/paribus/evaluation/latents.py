"""What an encoder makes measurable: the likelihood of test images, and their reconstructions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from paribus.evaluation.distances import against_test, distances_wanted
from paribus.evaluation.encoding import Progress, batches, encoded_by
from paribus.evaluation.sharpness import Sharpness
from paribus.evaluation.subject import Model
from paribus.evaluation.wording import chosen_words
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import mean_estimate
from paribus.metrics.likelihood import active_units, importance_weighted_nats, likelihood_estimates
from paribus.metrics.reconstruction import (
    peak_signal_noise_ratio,
    similarity_window,
    squared_errors,
    structural_similarities,
)
from paribus.metrics.sheet import Sheet
from paribus.randomness import keyed_seed

if TYPE_CHECKING:
    from paribus.data import ImageData

COLLAPSED_BELOW_NATS = 0.1
IWAE_IMAGES = 500
"""Test images of `iwae` at most: each costs as much as K samples."""


def score_likelihood(sheet: Sheet, model: Model, data: ImageData, n: int, seed: int, progress: Progress) -> None:
    """Adds the bound, its two terms and the active units, of n test images."""
    if not {"elbo", "reconstruction_nats", "kl_nats", "active_units"} & set(sheet.wanted):
        return
    parts = []
    for images, labels, start in batches(data.test, n, "likelihood of test images", progress):
        parts.append(model.likelihood_terms(images, labels, seed=keyed_seed("likelihood", seed, start)))
    terms = {name: torch.cat([part[name] for part in parts]).cpu() for name in parts[0]}
    protocol = f"{chosen_words(n, data.test)}, one latent an image (seed {seed}); likelihood: {model.likelihood}"
    for metric, score in likelihood_estimates(terms["reconstruction_nats"], terms["kl_nats"]).items():
        collapse = f"posterior collapse: the latent carries {score.value:.2g} nats, the images are drawn without it"
        warning = collapse if metric == "kl_nats" and score.value < COLLAPSED_BELOW_NATS else None
        sheet.add(metric, score, n=n, protocol=protocol, warning=warning)
    if terms.get("posterior_means") is not None:
        means = terms["posterior_means"]
        active = active_units(means)
        warning = f"posterior collapse: none of {means.shape[1]} latent units is in use" if active == 0 else None
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
    protocol = f"K = {draws}, seed {seed}; {chosen_words(n, data.test)}; likelihood: {model.likelihood}"
    sheet.add("iwae", mean_estimate(torch.cat(parts)), n=n, protocol=protocol)


def score_reconstruction(
    sheet: Sheet,
    encoders: list[Encoder],
    model: Model,
    data: ImageData,
    n: int,
    sharpness: Sharpness,
    progress: Progress,
) -> None:
    """Adds errors, sharpness and distance from the real ones of n reconstructed test images, in one pass."""
    measured = encoders if distances_wanted(sheet, "reconstruction_") else []
    if not measured and not sharpness.is_wanted("reconstruction_") and not {"mse", "psnr", "ssim"} & set(sheet.wanted):
        return
    errors: list[Tensor] = []
    similarities: list[Tensor] = []

    def reconstructions() -> Iterator[Tensor]:
        for images, labels, _ in batches(data.test, n, "reconstructing test images", progress):
            made = model.reconstruct(images, labels)
            errors.append(squared_errors(images, made))
            if "ssim" in sheet.wanted:
                similarities.append(structural_similarities(images, made))
            yield made

    features = encoded_by(measured, sharpness.passing(reconstructions(), "reconstruction_"))
    protocol = f"{chosen_words(n, data.test)}, reconstructed from posterior means, as uint8"
    score = mean_estimate(torch.cat(errors))
    sheet.add("mse", score, n=n, protocol=protocol)
    sheet.add("psnr", peak_signal_noise_ratio(score.value), n=n, protocol=protocol)
    if similarities:
        window = similarity_window(*data.test.images.shape[2:])
        words = f"{protocol}; window of {window}x{window} pixels"
        sheet.add("ssim", mean_estimate(torch.cat(similarities)), n=n, protocol=words)
    sharpness.add_scores(f"{protocol}, over the same images", "reconstruction_", paired=True)
    for encoder, fake in zip(measured, features, strict=True):
        against_test(sheet, encoder, fake, data, f"{protocol}, against the same images", "reconstruction_")
