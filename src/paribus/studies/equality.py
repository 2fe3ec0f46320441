"""What a study held equal and what it varied, read off the configurations and not claimed by hand."""

from __future__ import annotations

from typing import Any

from paribus.config import RunConfig
from paribus.data import ImageData

Configs = dict[tuple[str, int], RunConfig]


def what_was_equal(configs: Configs, data: ImageData) -> list[str]:
    """Sentences on what every run shares."""
    first = next(iter(configs.values()))
    training, evaluation = first.training, first.evaluation
    shape = data.shape
    sentences = [
        f"Data: the same {len(data.train):,} training images of {data.name} "
        f"({shape.size}x{shape.size}, {'grey' if shape.channels == 1 else 'colour'}), "
        "in the same order for every model of a seed.",
        f"Budget: {training.budget} of training for every run.",
        f"Evaluation: one encoder, at most {evaluation.samples:,} samples with seed {evaluation.seed}, "
        "scored against the test split.",
        f"Machine: {training.threads} CPU thread{'s' if training.threads != 1 else ''} a run, "
        f"precision {training.precision}.",
    ]
    leaves = list(_leaves_by_model(configs).values())
    for path in ("backbone.name", "objective.name", "objective.latent_dim", "training.batch_size"):
        values = {str(tree.get(path)) for tree in leaves}
        if len(leaves) > 1 and len(values) == 1:
            sentences.append(f"{path}: {values.pop()} for every model.")
    return sentences


def what_varied(configs: Configs) -> list[str]:
    """A sentence for every setting that differs between models, and one for the seeds."""
    leaves = _leaves_by_model(configs)
    paths = list(dict.fromkeys(path for tree in leaves.values() for path in tree))
    sentences = []
    for path in paths:
        groups: dict[str, list[str]] = {}
        for model, tree in leaves.items():
            if path in tree:
                groups.setdefault(str(tree[path]), []).append(model)
        absent = [model for model, tree in leaves.items() if path not in tree]
        if len(groups) > 1 or (absent and path.endswith(".name")):
            text = "; ".join(f"{value} ({', '.join(models)})" for value, models in groups.items())
            sentences.append(f"{path}: {text}.")
    seeds = list(dict.fromkeys(seed for _, seed in configs))
    if len(seeds) > 1:
        sentences.append(f"seed: {', '.join(map(str, seeds))} (initial weights, order of the images, noise).")
    return sentences


def _leaves_by_model(configs: Configs) -> dict[str, dict[str, Any]]:
    leaves: dict[str, dict[str, Any]] = {}
    for (model, _), config in configs.items():
        tree = config.tree()
        for private in ("model", "seed"):
            tree.pop(private)
        leaves.setdefault(model, dict(_leaves(tree)))
    return leaves


def _leaves(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            found += _leaves(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, value))
    return found
