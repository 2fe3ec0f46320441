"""Drawing rare latents more often: what becomes of groups that a model neglects."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from paribus.base.randomness import generator
from paribus.config import EvaluationSettings
from paribus.evaluation.encoders import encoders_for
from paribus.evaluation.measures.rarity import Rare, rare_coverage
from paribus.latent.rarity import Groups, density_weights, effective_count
from paribus.views.drawing import above, bars, tile_sheet
from paribus.views.subject import Subject
from paribus.views.view import Still, View

ENCODED, INVERTED = 5000, 192
"""Training images at most whose latents are resampled."""
SHOWN = 10

Shares = dict[str, list[float]]
"""Share of each group among images, by kind of group."""


def debias(subject: Subject, *, count: int = 500) -> View:
    """Samples from training images' latents, drawn evenly and by DB-VAE's weights, and the groups among them.

    Groups need no labels: clusters of the self-trained encoder's features, bins of brightness and of asymmetry.

    Args:
        subject: The model.
        count: Samples of either kind.
    """
    train = subject.subset(subject.data.train, ENCODED, INVERTED)
    latents = subject.latents(train.images, train.labels)
    weights = density_weights(latents)
    [encoder] = encoders_for(subject.data, EvaluationSettings(encoder="self"), subject.progress)
    features = encoder.features(train.images)
    rare = Rare.among(train.images, features, subject.seed)
    rarest = features[rare.holds(train.images, features)]
    tiles, found = [], list[dict[str, Any]]()
    for chances in (torch.full_like(weights, 1 / len(weights)), weights):
        rows = torch.multinomial(chances, count, replacement=True, generator=generator("debias", subject.seed))
        images = subject.decode(latents[rows], None if train.labels is None else train.labels[rows])
        seen = encoder.features(images)
        tiles.append(images[:SHOWN])
        found.append(
            {
                "shares": _shares(rare.groups, images, seen),
                "rare_share": rare.share(images, seen),
                "rare_coverage": rare_coverage(rarest, seen),
            }
        )
    numbers = {
        "effective_images": effective_count(weights),
        "rare_share_of_images": rare.share(train.images, features),
        "images": {"shares": _shares(rare.groups, train.images, features)},
        "before": found[0],
        "after": found[1],
    }
    picture = above([tile_sheet(torch.stack(tiles), ["evenly", "by rarity"]), _chart(numbers)])
    samples = f"{count} samples from {subject.latents_words} of {len(train):,} training images"
    return View(Still(picture), subject.title, _lines(numbers, samples), numbers)


def _shares(groups: Groups, images: Tensor, features: Tensor) -> Shares:
    most = {"content": len(groups.centres)} | {name: len(edges) + 1 for name, edges in groups.edges.items()}
    return {
        name: (group.bincount(minlength=most[name]).double() / len(images)).tolist()
        for name, group in groups.of(images, features).items()
    }


def _chart(numbers: dict[str, Any]) -> Image.Image:
    """A bar for each group's share among the training images and among samples of either kind."""
    parts = {"training images": "images", "drawn evenly": "before", "drawn by rarity": "after"}
    series = {name: numbers[part]["shares"] for name, part in parts.items()}
    names = [f"{kind} {k + 1}" for kind, shares in numbers["images"]["shares"].items() for k in range(len(shares))]
    return bars(names, {name: [*chain(*shares.values())] for name, shares in series.items()}, 560)


def _lines(numbers: dict[str, Any], samples: str) -> list[str]:
    before, after = numbers["before"], numbers["after"]
    lines = [
        f"Debiasing: {samples}, drawn evenly, and by DB-VAE's weights (as if there were "
        f"{numbers['effective_images']:.0f} images). Groups: clusters of a self-trained encoder's features, bins of "
        "brightness (from dark to bright) and of asymmetry (from left to right).",
        f"The rarest combinations are {numbers['rare_share_of_images']:.1%} of the training images, "
        f"{before['rare_share']:.1%} of samples drawn evenly and {after['rare_share']:.1%} of those drawn by rarity.",
    ]
    if before["rare_coverage"] is not None:  # there are not too few of them
        lines.append(
            f"Coverage of those images: {before['rare_coverage']:.1%} evenly, {after['rare_coverage']:.1%} by rarity."
        )
    return lines
