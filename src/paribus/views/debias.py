"""Drawing rare latents more often: what becomes of groups that a model neglects."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from paribus.base.randomness import generator
from paribus.config import EvaluationSettings
from paribus.evaluation.encoders import encoders_for
from paribus.evaluation.measures.rarity import Rare, rare_coverage
from paribus.latent.rarity import Groups, density_weights, effective_count
from paribus.metrics.encoders import Encoder
from paribus.views.drawing import above, bars, tile_sheet
from paribus.views.subject import Subject
from paribus.views.view import Still, View

ENCODED, INVERTED = 5000, 192
"""Training images at most whose latents are resampled."""
SHOWN = 10

Shares = dict[str, list[float]]
"""Share of each group among images, by kind of group."""


@dataclass(frozen=True)
class _Drawn:
    """What drawn images show.

    Args:
        shares: Of the groups.
        rare_share: Of the groups' combinations that are rarest among real images.
        rare_coverage: Share of those real images that a drawn one is near to; None where they are too few.
    """

    shares: Shares
    rare_share: float
    rare_coverage: float | None


@dataclass(frozen=True)
class _Real:
    """The images that latents come from, and the rarest tenth of them."""

    images: Tensor
    features: Tensor
    rare: Rare


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
    real = _Real(train.images, features, Rare.among(train.images, features, subject.seed))
    draws = {"evenly": torch.full_like(weights, 1 / len(weights)), "by rarity": weights}
    drawn = {}
    for name, chances in draws.items():
        rows = torch.multinomial(chances, count, replacement=True, generator=generator("debias", subject.seed))
        drawn[name] = subject.decode(latents[rows], None if train.labels is None else train.labels[rows])
    found = {name: _standing(real, images, encoder) for name, images in drawn.items()}
    return _view(subject, real, drawn, found, effective_count(weights))


def _standing(real: _Real, images: Tensor, encoder: Encoder) -> _Drawn:
    features = encoder.features(images)
    held = real.rare.holds(real.images, real.features)
    return _Drawn(
        _shares(real.rare.groups, images, features),
        real.rare.share(images, features),
        rare_coverage(real.features[held], features),
    )


def _shares(groups: Groups, images: Tensor, features: Tensor) -> Shares:
    most = {"content": len(groups.centres)} | {name: len(edges) + 1 for name, edges in groups.edges.items()}
    return {
        name: (group.bincount(minlength=most[name]).double() / len(images)).tolist()
        for name, group in groups.of(images, features).items()
    }


def _view(subject: Subject, real: _Real, drawn: dict[str, Tensor], found: dict[str, _Drawn], effective: float) -> View:
    of_real = _shares(real.rare.groups, real.images, real.features)
    names = [f"{kind} {k + 1}" for kind, shares in of_real.items() for k in range(len(shares))]
    series = {"training images": of_real} | {f"drawn {name}": standing.shares for name, standing in found.items()}
    columns = {name: [share for values in kinds.values() for share in values] for name, kinds in series.items()}
    tiles = tile_sheet(torch.stack([images[:SHOWN] for images in drawn.values()]), list(drawn))
    rare = real.rare.share(real.images, real.features)
    before, after = found.values()
    lines = [
        f"Debiasing: {len(next(iter(drawn.values())))} samples from {subject.latents_words} of {len(real.images):,} "
        f"training images, drawn evenly, and by DB-VAE's weights (as if there were {effective:.0f} images). Groups: "
        "clusters of a self-trained encoder's features, bins of brightness (from dark to bright) and of asymmetry "
        "(from left to right).",
        f"The rarest combinations are {rare:.1%} of the training images, {before.rare_share:.1%} of samples drawn "
        f"evenly and {after.rare_share:.1%} of those drawn by rarity.",
    ]
    if before.rare_coverage is not None:
        lines.append(
            f"Coverage of those images: {before.rare_coverage:.1%} evenly, {after.rare_coverage:.1%} by rarity."
        )
    numbers = {
        "effective_images": effective,
        "rare_share_of_images": rare,
        "images": {"shares": of_real},
        "before": asdict(before),
        "after": asdict(after),
    }
    return View(Still(above([tiles, bars(names, columns, 560)])), subject.title, lines, numbers)
