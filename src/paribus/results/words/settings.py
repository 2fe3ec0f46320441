"""Settings in words: `training.optimizer.G.learning_rate` is the learning rate of G, 20s are 20 s of training."""

from __future__ import annotations

from typing import Any

from paribus.base.errors import ParibusError
from paribus.base.wording import compact, count, duration
from paribus.config import Budget
from paribus.results.budgets import Spread
from paribus.results.folder import LIVE_BYTES
from paribus.results.replication import StandIn

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
    "objective.conditional": "Class-conditional",
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
    "training.gradient_clip": "Largest norm of a gradient",
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


def value_words(value: Any) -> str:
    """A setting's value as people write it."""
    if isinstance(value, dict):  # one value: a schedule beside a constant is a difference
        return f"{value['start']} to {value['end']} over {value['images']:,.10g} images"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float) and value.is_integer():
        return f"{value:,.0f}"  # 1,400,000 images, not 1400000.0
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not set" if value is None else str(value)


def sampler_words(name: str) -> str:
    """What latents are drawn from."""
    kinds = {"gmm": "a mixture of Gaussians", "two-stage": "a second VAE"}
    if name not in kinds:
        return "the prior" if name == "prior" else name
    return f"{kinds[name]} ({name}) fitted to training latents after training, outside the budget"


def amount_words(unit: str, amount: float) -> str:
    """An amount of training: "200,000 images", "2.4 min of training", "12 TFLOP"."""
    if unit == "seconds":
        return f"{duration(amount)} of training"
    if unit == "flop":
        return compact(amount, "FLOP")
    return f"{count(round(amount))} {unit}"


def spread_words(spread: Spread) -> str:
    """What models took of a unit, from the least to the most: "400 to 800 updates"."""
    low, high = (amount_words(spread.unit, amount) for amount in (spread.least, spread.most))
    tail = {"seconds": " of training", "flop": ""}.get(spread.unit, f" {spread.unit}")
    return f"{low.removesuffix(tail)} to {high}"


def budget_words(text: str) -> str:
    """A budget: "20 s of training", "200,000 training images seen, repeats counted"; empty where unreadable."""
    try:
        budget = Budget.parse(text)
    except ParibusError:
        return ""
    if budget.unit == "seconds":
        return f"{duration(budget.amount)} of training"
    if budget.unit == "flop":
        return f"{compact(budget.amount, 'FLOP')} of training"
    if budget.unit == "images":
        return f"{budget.amount:,.10g} training images seen, repeats counted"
    unit = budget.unit if budget.amount != 1 else budget.unit.removesuffix("s")
    return f"{budget.amount:,.10g} {unit} of training"


def stand_in_words(used: StandIn) -> str:
    """Which images a replication took in place of a paper's, as a clause."""
    shape = f"{used.size}x{used.size}, {'grey' if used.channels == 1 else 'colour'}"
    return f"{used.name}, brought to {shape}, in place of {used.replaced}, which is unavailable here"


def no_room_words(size: int) -> str:
    """Why a decoder of so many bytes is not in a page, as a clause."""
    room = f"all decoders together have room for {LIVE_BYTES / 1e6:.0f} MB"
    return f"its decoder takes {size / 1e6:.1f} MB, and {room}"


def _spelt(name: str) -> str:
    text = " ".join(SPELT.get(word, word) for word in name.replace("_", " ").split())
    return text[:1].upper() + text[1:]
