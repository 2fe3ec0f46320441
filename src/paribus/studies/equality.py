"""What a study held equal and what it varied, read off the configurations and not claimed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paribus.config import SamplerSettings
from paribus.config.overrides import leaves
from paribus.data import ImageData
from paribus.evaluation.encoders import encoder_names
from paribus.recipes import RunConfig
from paribus.studies.matching import TOLERANCE, Match

Configs = dict[tuple[str, int], RunConfig]
"""By label (a model, with its values of the study's axes) and seed."""

SAMPLER_USES = {"prior": (), "gmm": ("components",), "two-stage": ("updates", "learning_rate", "warmup")}
"""Settings that each sampler reads."""


def what_was_equal(configs: Configs, *images: ImageData) -> list[str]:
    """Sentences on what every run shares; `images` are those of all runs, each data set once."""
    first = next(iter(configs.values()))
    training, evaluation = first.training, first.evaluation
    trees = list(_leaves_by_model(configs).values())

    def shared(*paths: str) -> bool:
        return all(len({str(tree.get(path)) for tree in trees}) == 1 for path in paths)

    sentences = []
    if len(images) == 1:
        [data] = images
        shape = data.shape
        sentences.append(
            f"Data: the same {len(data.train):,} training images of {data.name} "
            f"({shape.size}x{shape.size}, {'grey' if shape.channels == 1 else 'colour'}), "
            "in the same order for every model of a seed."
        )
    if shared("training.budget"):
        sentences.append(f"Budget: {training.budget} of training for every run.")
    encoders = ("evaluation.encoder", "evaluation.inception_weights", "evaluation.inception_precision")
    named = {tuple(encoder_names(data, evaluation)) for data in images}
    if len(named) == 1 and shared(*encoders, "evaluation.samples", "evaluation.seed", "evaluation.split"):
        sentences.append(
            f"Evaluation: {_encoders_words(*named)}, at most {evaluation.samples:,} samples "
            f"with seed {evaluation.seed}, scored against the {evaluation.split} split."
        )
    if shared("training.threads", "training.precision"):
        plural = "s" if training.threads != 1 else ""
        sentences.append(f"Machine: {training.threads} CPU thread{plural} a run, precision {training.precision}.")
    if first.sampler.name != "prior" and shared("sampler.name"):
        sentences.append(f"Sampler: every model's latents are drawn from {_sampler_words(first.sampler)}.")
    told = ("backbone.name", "objective.name", "objective.latent_dim", "training.batch_size", "tuning.trials")
    for path in told:
        if len(trees) > 1 and shared(path) and trees[0].get(path):  # no tuning for any model is not worth a line
            sentences.append(f"{path}: {trees[0].get(path)} for every model.")
    return sentences


def what_varied(configs: Configs) -> list[str]:
    """A sentence for every setting that differs between models, and one for the seeds."""
    trees = _leaves_by_model(configs)
    paths = list(dict.fromkeys(path for tree in trees.values() for path in tree))
    samplers: dict[str, str] = {config.sampler.name: _sampler_words(config.sampler) for config in configs.values()}
    sentences = []
    for path in paths:
        groups: dict[str, list[str]] = {}
        for model, tree in trees.items():
            if path in tree:
                groups.setdefault(str(tree[path]), []).append(model)
        absent = [model for model, tree in trees.items() if path not in tree]
        if len(groups) > 1 or (absent and path.endswith(".name")):
            known = samplers if path == "sampler.name" else {}
            text = "; ".join(f"{known.get(value, value)} ({', '.join(models)})" for value, models in groups.items())
            sentences.append(f"{path}: {text}.")
    seeds = list(dict.fromkeys(seed for _, seed in configs))
    if len(seeds) > 1:
        sentences.append(f"seed: {', '.join(map(str, seeds))} (initial weights, order of the images, noise).")
    return sentences


def different_machines(machines: Mapping[tuple[str, int], Mapping[str, Any]]) -> list[str]:
    """A sentence if the runs, by label and seed, were not all trained on one kind of machine."""
    kinds: dict[str, list[str]] = {}
    for (label, seed), machine in machines.items():
        kind = ", ".join(str(machine[part]) for part in ("cpu", "gpu") if machine[part])
        kinds.setdefault(f"{kind}, torch {machine['torch']}", []).append(f"{label} seed {seed}")
    if len(kinds) < 2:
        return []
    text = "; ".join(f"{kind} ({', '.join(runs)})" for kind, runs in kinds.items())
    return [f"Machine: {text}. Times measured on one do not compare with those of another."]


def equal_parameters(matches: Mapping[str, Match]) -> list[str]:
    """A sentence on the parameters that were made equal by width, and what was reached."""
    if not matches:
        return []
    target = next(iter(matches.values())).target
    reached = "; ".join(
        f"{match.width} with {match.parameters:,}, {match.difference:+.1%} ({label})"
        for label, match in matches.items()
    )
    return [f"Parameters: {target:,} for every model within {TOLERANCE:.0%}, by the backbone's width: {reached}."]


def _encoders_words(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"one encoder ({names[0]})"
    return f"the same {len(names)} encoders ({', '.join(names)}; the first ranks)"


def _sampler_words(sampler: SamplerSettings) -> str:
    if sampler.name == "prior":
        return "the prior"
    kind = {"gmm": "a mixture of Gaussians", "two-stage": "a second VAE"}[sampler.name]
    return f"{kind} ({sampler.name}) fitted to training latents after training, outside the budget"


def _leaves_by_model(configs: Configs) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for (model, _), config in configs.items():
        tree = config.tree()
        for private in ("model", "seed"):
            tree.pop(private)
        # what the chosen sampler does not use makes no difference between models
        tree["sampler"] = {key: tree["sampler"][key] for key in ("name", *SAMPLER_USES[config.sampler.name])}
        found.setdefault(model, {path: _plain(value) for path, value in leaves(tree)})
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):  # one value: a schedule beside a constant is a difference
        return f"{value['start']} to {value['end']} over {value['images']:,.10g} images"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, float) and value.is_integer():
        return f"{value:,.0f}"  # 1,400,000 images, not 1400000.0
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else "not set" if value is None else value
