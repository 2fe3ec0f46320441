"""The rarest kinds of images, found without labels, and how far a model's samples reach them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from paribus.config import EvaluationSettings
from paribus.evaluation.encoders import main_encoder
from paribus.evaluation.encoding import Progress, choice, counted, encoded
from paribus.evaluation.protocols import encoder_record, samples_protocol
from paribus.evaluation.subject import Model
from paribus.latent.groups import Groups, image_groups, rare_cells
from paribus.metrics.catalogue import RARITY
from paribus.metrics.neighbours import precision_recall_density_coverage
from paribus.metrics.sheet import Sheet
from paribus.results.score import Fact

if TYPE_CHECKING:
    from paribus.data import ImageData

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


def score_rarity(sheet: Sheet, model: Model, data: ImageData, n: int, seed: int, progress: Progress) -> None:
    """Adds the share and the coverage of the rarest kinds of images, through the self-trained encoder."""
    if not set(RARITY) & set(sheet.wanted):
        return
    encoder = main_encoder(data, EvaluationSettings(encoder="self"), progress)
    train = data.train.images[choice(len(data.train), min(GROUPED, len(data.train)))]
    rare = Rare.among(train, encoder.features(train))
    test = data.test.images[choice(len(data.test), n)]
    samples = torch.cat(list(counted(model.sample_batches(n, seed=seed), n, "samples of rare kinds", progress)))
    real, fake = (encoded(encoder, images.split(500), n).features for images in (test, samples))
    held = rare.holds(test, real)
    among = float(held.double().mean())
    counts = {"rare": int(held.sum()), "rare_among": len(train)}
    protocol = samples_protocol(n, data, seed).model_copy(update=counts)
    share = rare.share(samples, fake) / among if among else None
    few = Fact(code="few_rare_images") if int(held.sum()) <= NEIGHBOURS else None
    sheet.add("rare_share", share, n=n, encoder=encoder_record(encoder), protocol=protocol, warning=few)
    coverage = rare_coverage(real[held], fake)
    sheet.add("rare_coverage", coverage, n=n, encoder=encoder_record(encoder), protocol=protocol, warning=few)
