"""The rarest kinds of images, found without labels, and how far a model's samples reach them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from paribus.base.registry import measures
from paribus.config import EvaluationSettings
from paribus.evaluation.context import Context, Watcher
from paribus.evaluation.encoders import main_encoder
from paribus.evaluation.encoding import choice
from paribus.evaluation.measures.base import SAME_VIEW, Measure
from paribus.latent.rarity import Groups, image_groups, rare_cells
from paribus.metrics.encoders import Encoder
from paribus.metrics.neighbours import precision_recall_density_coverage
from paribus.results.metric import Metric
from paribus.results.score import Fact, Score

NEIGHBOURS = 3
"""Of an image: the distance to the third nearest is the radius of the ball that a sample has to hit."""
GROUPED = 5000
"""Training images at most that groups are found among."""


@dataclass(frozen=True)
class Rare:
    """The rarest combinations of groups.

    Args:
        groups: A way to sort images into groups.
        cells: Numbers of the combinations that are rare.
    """

    groups: Groups
    cells: Tensor

    @classmethod
    def among(cls, images: Tensor, features: Tensor, seed: int = 0) -> Rare:
        """Those of images uint8 (n, C, H, W) with features (n, d)."""
        groups = image_groups(images, features, seed)
        return cls(groups, rare_cells(groups.cells(images, features)))

    def holds(self, images: Tensor, features: Tensor) -> Tensor:
        """Which of the images are rare: bool (n,)."""
        return torch.isin(self.groups.cells(images, features), self.cells)

    def share(self, images: Tensor, features: Tensor) -> float:
        """The share of the images that is rare."""
        return float(self.holds(images, features).double().mean())


def rare_coverage(rare_features: Tensor, fake_features: Tensor) -> float | None:
    """The share of rare images, by features (r, d), that a sample (n, d) is near to; None where they are too few."""
    if len(rare_features) <= NEIGHBOURS:
        return None
    return precision_recall_density_coverage(rare_features, fake_features, NEIGHBOURS)["coverage"]


@measures.register("rarity")
class Rarity(Measure):
    """Share and coverage of the rarest kinds of images, through the self-trained encoder."""

    metrics = (
        Metric(
            name="rare_share",
            label="Rare kinds",
            unit="× real images",
            direction="towards",
            target=1.0,
            meaning="Share of samples that are of the rarest kinds of images (a tenth of the training images: "
            "combinations of content, brightness and asymmetry) over their share among test images: below 1 a model "
            "neglects them.",
            comparable=SAME_VIEW,
            unseen="Kinds that content, brightness and asymmetry do not tell apart.",
            by_default=False,
        ),
        Metric(
            name="rare_coverage",
            label="Coverage of rare kinds",
            direction="higher",
            meaning="Share of the test images of the rarest kinds that have a sample in their neighbourhood.",
            comparable=SAME_VIEW,
            unseen="Kinds that content, brightness and asymmetry do not tell apart.",
            by_default=False,
        ),
    )
    order = 40
    refused = ("does_not_apply",)

    @override
    def watcher(self, context: Context) -> Watcher | None:
        assert context.data is not None
        encoder = main_encoder(context.data, EvaluationSettings(encoder="self"), context.progress)
        train = context.data.train
        grouped = train.images[choice(len(train), min(GROUPED, len(train)))]
        return _RareWatcher(encoder, Rare.among(grouped, encoder.features(grouped)), len(grouped))

    @override
    def scores(self, context: Context) -> Iterator[Score]:
        watcher = context.watchers["rarity"]
        assert isinstance(watcher, _RareWatcher)
        samples, real = context.numbers("rarity"), context.real_numbers("rarity", watcher)
        held, among = int(real["rare"].sum()), float(real["rare"].double().mean())
        share = float(samples["rare"].double().mean()) / among if among else None
        coverage = rare_coverage(real["features"][real["rare"]], samples["features"])
        protocol = context.protocol.model_copy(update={"rare": held, "rare_among": watcher.grouped})
        few = Fact(code="few_rare_images") if held <= NEIGHBOURS else None
        for metric, found in (("rare_share", share), ("rare_coverage", coverage)):
            yield context.score(metric, found, protocol, encoder=watcher.encoder, warning=few)


@dataclass(frozen=True)
class _RareWatcher:
    """Sees features of images, and which of them are rare.

    Args:
        encoder: The self-trained encoder.
        rare: The rarest kinds.
        grouped: Training images that they were found among.
    """

    encoder: Encoder
    rare: Rare
    grouped: int

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        features = self.encoder.features(images)
        return {"features": features, "rare": self.rare.holds(images, features)}
