"""Training images drawn by how rare their latents are (DB-VAE)."""

from __future__ import annotations

import torch
from torch import Tensor

from paribus.data import Batches, Split
from paribus.latent.rarity import density_weights
from paribus.models import Model
from paribus.training.distributed import on_first_process

AT_ONCE = 500


class RarityWeights:
    """Weights for the images of each epoch but the first, asked before its first image is drawn.

    They are those of DB-VAE on posterior means by the averaged networks as they are then. A checkpoint holds the
    weights of the epoch that it was written in, since the networks that gave them have moved on.

    Args:
        constant: Added to each density; None draws every image once an epoch.
        model: The averaged networks.
        train: The training images.
        batches: Where the weights are used.
        weights: By epoch, kept in the run's state; the batches read the same dictionary.
    """

    def __init__(
        self, constant: float | None, model: Model, train: Split, batches: Batches, weights: dict[int, Tensor]
    ) -> None:
        self._constant, self._model, self._train = constant, model, train
        self._batches, self._weights = batches, weights

    def before(self, start: int, stop: int) -> None:
        """Sees to the weights of all epochs that batches `start` to `stop` draw from."""
        if self._constant is None:
            return
        epochs = self._batches.epochs(start, stop)
        for epoch in [known for known in self._weights if known not in epochs]:
            del self._weights[epoch]
        missing = [epoch for epoch in epochs if epoch > 0 and epoch not in self._weights]
        if missing:
            weights = on_first_process(self._measured)
            self._weights |= dict.fromkeys(missing, weights)

    def _measured(self) -> Tensor:
        assert self._constant is not None
        images, labels = self._train.images, self._train.labels
        parts = torch.arange(len(images)).split(AT_ONCE)
        latents = [self._model.encode(images[part], None if labels is None else labels[part]) for part in parts]
        return density_weights(torch.cat(latents), constant=self._constant)
