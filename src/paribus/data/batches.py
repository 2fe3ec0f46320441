"""Batch k as a pure function of (seed, k)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.base.randomness import generator
from paribus.config import Augmentation
from paribus.data.augment import OFF, augmented
from paribus.data.images import Split

_SHARE_OF_DEVICE = 1 / 3


class Batches:
    """Batches cut from an endless sequence of per-epoch permutations: batch k is a pure function of (seed, k).

    Position p = k * batch_size + i of the sequence is image p mod n of epoch p // n, whose order is keyed by
    (seed, epoch). So the data need not fill a batch, a batch may span epochs, and every epoch shows each image once,
    but for those that have weights: as many images are drawn by them, with replacement.

    Args:
        split: The images.
        batch_size: Images of one batch.
        seed: The run's seed.
        device: Where batches are wanted. The uint8 images are moved there once when they take less than a third of its
            free memory, and otherwise gathered on the host.
        augment: Changes to the images; off by default. Never give it with a validation or test split.
        weights: By epoch, chances (n,) to be drawn; looked up when an epoch's first image is asked for.

    Raises:
        ParibusError: The split is empty.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
        augment: Augmentation = OFF,
        weights: Mapping[int, Tensor] = MappingProxyType({}),
    ) -> None:
        if len(split) == 0:
            raise ParibusError("A split without images cannot be cut into batches.", where="data.validation")
        if batch_size < 1:
            raise ParibusError("A batch needs at least one image.", where="training.batch_size", got=batch_size)
        self.batch_size = batch_size
        self.seed = seed
        self.device = torch.device(device)
        self.augment = augment
        self.weights = weights
        self._count = len(split)
        self._on_device = self.device.type == "cpu" or _fits(split.images, self.device)
        home = self.device if self._on_device else torch.device("cpu")
        self._images = split.images.to(home)
        self._labels = None if split.labels is None else split.labels.to(home)
        self._orders: dict[int, Tensor] = {}

    @property
    def images_per_epoch(self) -> int:
        """Number of images of the split."""
        return self._count

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor | None, Tensor]:
        """Batch k, from 0 without end: images float32 (B, C, H, W) in [-1, 1], labels int64 (B,) or None, indices."""
        return self.at(self._indices(k), k)

    def at(self, indices: Tensor, k: int) -> tuple[Tensor, Tensor | None, Tensor]:
        """The images of chosen indices (int64 (B,)), changed as batch k's are; in the form of `self[k]`."""
        indices = indices.to(self._images.device)
        pixels = self._images.index_select(0, indices)
        labels = None if self._labels is None else self._labels.index_select(0, indices)
        if not self._on_device:
            pixels, indices = self._sent(pixels), self._sent(indices)
            labels = None if labels is None else self._sent(labels)
        return augmented(normalised(pixels), self.augment, self.seed, k), labels, indices

    def epochs(self, start: int, stop: int) -> range:
        """The epochs that batches `start` to before `stop` show images of."""
        return range(start * self.batch_size // self._count, (stop * self.batch_size - 1) // self._count + 1)

    def _sent(self, tensor: Tensor) -> Tensor:
        if self.device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(self.device, non_blocking=True)

    def _indices(self, k: int) -> Tensor:
        if k < 0:
            raise IndexError(f"batches are counted from 0, not {k}")
        epochs = self.epochs(k, k + 1)
        self._orders = {epoch: self._order(epoch) for epoch in epochs}  # earlier ones are not needed again
        start = k * self.batch_size - epochs.start * self._count
        if len(epochs) == 1:
            return self._orders[epochs.start][start : start + self.batch_size]
        return torch.cat(list(self._orders.values()))[start : start + self.batch_size]

    def _order(self, epoch: int) -> Tensor:
        if epoch in self._orders:
            return self._orders[epoch]
        numbers = generator(self.seed, "epoch", epoch)
        if epoch in self.weights:
            order = torch.multinomial(self.weights[epoch], self._count, replacement=True, generator=numbers)
        else:
            order = torch.randperm(self._count, generator=numbers)
        return order.to(self._images.device)


def normalised(pixels: Tensor) -> Tensor:
    """Pixels 0 to 255 (uint8) as float32 x / 127.5 - 1; exactly -1 and 1 at the ends."""
    return torch.div(pixels, 127.5).to(torch.float32).sub_(1)  # dividing converts on the way: one pass less


def _fits(images: Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.numel() < _SHARE_OF_DEVICE * free
