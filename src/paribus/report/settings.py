"""Paths of a configuration in words: `training.optimizer.G.learning_rate` is the learning rate of G."""

from __future__ import annotations

import re
from dataclasses import dataclass

PATH = re.compile(r"^([a-z_]+(?:\.\w+)+|seed): (.*)$", re.DOTALL)

WORDS = {
    "seed": "Seeds",
    "data.name": "Data",
    "data.size": "Image size",
    "data.validation": "Share held out for validation",
    "data.on_bad": "Unreadable files",
    "data.background": "Background of transparent pixels",
    "data.augment.flip": "Augmentation: mirroring",
    "data.augment.shift": "Augmentation: largest shift",
    "data.augment.rotation": "Augmentation: largest rotation",
    "data.augment.color": "Augmentation: strength of colour changes",
    "backbone.name": "Backbone",
    "backbone.width": "Width of the backbone",
    "backbone.activation": "Activation of the backbone",
    "backbone.depth": "Hidden layers of the backbone",
    "objective.name": "Objective",
    "objective.latent_dim": "Latent dimensions",
    "objective.conditional": "Told the class",
    "objective.beta": "Weight of the KL (beta)",
    "objective.sigma": "Deviation of the likelihood (sigma)",
    "objective.samples": "Draws for each image",
    "objective.posterior_samples": "Latents drawn for each image",
    "objective.noise": "Distribution of the noise",
    "objective.discriminator_steps": "Updates of the discriminator in each step",
    "objective.generator_steps": "Updates of the generator in each step",
    "objective.bottleneck": "What the discriminator may learn of an image",
    "objective.bottleneck_nats": "Nats that the discriminator's code may tell of an image",
    "objective.diff_augment": "Differentiable augmentation",
    "objective.clip": "Bound of the clipped weights",
    "objective.penalty_weight": "Weight of the gradient penalty",
    "objective.constraint": "What keeps the critic smooth",
    "training.budget": "Budget",
    "training.batch_size": "Images in a batch",
    "training.micro_batch": "Images in one forward pass",
    "training.rarity": "Constant by which images with rare latents are drawn more often",
    "training.ema_half_life_images": "Half-life of the averaged weights, in images",
    "training.ema_rampup_ratio": "Longest half-life of the averaged weights, as a share of the images so far",
    "training.precision": "Precision",
    "training.threads": "CPU threads",
    "training.divergence_factor": "Loss that counts as diverged",
    "training.track": "Trackers",
    "sampler.name": "Where latents come from",
    "sampler.components": "Gaussians of the fitted sampler",
    "sampler.updates": "Updates of the sampler's second VAE",
    "sampler.learning_rate": "Learning rate of the sampler's second VAE",
    "sampler.warmup": "KL warm-up of the sampler's second VAE",
    "evaluation.split": "Images scored against",
    "evaluation.samples": "Samples scored",
    "evaluation.encoder": "Encoders",
    "evaluation.inception_weights": "File of Inception's weights",
    "evaluation.inception_precision": "Precision of Inception",
    "evaluation.metrics": "Metrics",
    "evaluation.seed": "Seed of the scored samples",
    "evaluation.iwae_samples": "Latents an image of IWAE-K",
    "evaluation.inversion_images": "Images inverted",
    "evaluation.inversion_starts": "Starts of an inversion",
    "evaluation.inversion_steps": "Steps of an inversion from each start",
    "tuning.trials": "Settings tried before these were chosen",
}
ROLES = {
    "G": "the generator or decoder", "D": "the discriminator", "E": "the encoder", "C": "the classifier",
    "T": "the posterior's critic",
}  # fmt: skip
OPTIMIZER = {"kind": "Optimiser", "learning_rate": "Learning rate", "beta1": "Adam's beta1", "beta2": "Adam's beta2"}
SPELT = {"kl": "KL", "dim": "dimensions", "ema": "EMA", "eps": "epsilon"}


@dataclass(frozen=True)
class Sentence:
    """A sentence about a setting: its name in words, what is said of it, and its path; or a plain text."""

    text: str
    words: str = ""
    path: str = ""


def read_sentence(sentence: str) -> Sentence:
    """Tells "training.batch_size: 64 for every model." from a sentence that names no path."""
    found = PATH.match(sentence)
    return Sentence(found[2], words_of(found[1]), found[1] if "." in found[1] else "") if found else Sentence(sentence)


def words_of(path: str) -> str:
    """A setting in words; one that has none here is spelt out from its path, so that a new objective needs no entry."""
    if path in WORDS:
        return WORDS[path]
    group, *parts = path.split(".")
    if not parts:
        return _spelt(group)
    if group == "training" and parts[0] == "optimizer" and len(parts) == 3:
        role, field = parts[1:]
        return f"{OPTIMIZER.get(field) or _spelt(field)} of {ROLES.get(role, role)}"
    return f"{_spelt(' '.join(parts))} ({group})"


def _spelt(name: str) -> str:
    text = " ".join(SPELT.get(word, word) for word in name.replace("_", " ").split())
    return text[:1].upper() + text[1:]
