"""What the rest of Paribus sees of a data set: three splits of uint8 images, and what is known about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import torch

from paribus.base.errors import ParibusError
from paribus.config import DataSettings, ImageShape
from paribus.results.score import Fact

_CHUNK_BYTES = 16 << 20
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Images of one split, with their labels where there are any.

    Args:
        images: uint8 (N, C, H, W), values 0 to 255; in memory or a private memory map.
        labels: int64 (N,), indices into the class names; None for unlabelled data.
        name: The split that these images come from, where they stand in another one's place.
    """

    images: torch.Tensor
    labels: torch.Tensor | None
    name: str = ""

    def __len__(self) -> int:
        return self.images.shape[0]


@dataclass(frozen=True)
class ImageData:
    """A data set, decoded and split.

    Args:
        name: As the user gave it.
        train: What models are trained on.
        validation: For choosing snapshots; may hold 0 images.
        test: What models are scored against.
        class_names: Name of each label, or None for unlabelled data.
        fingerprint: SHA-256 (hexadecimal) over the content of every split; says nothing of paths or names.
        notes: What was found: how the data were read, split and changed, and what may be wrong with them.
        skipped: (file, reason) of everything that could not be read.
        channel_classes: Number of classes of a channel, where each channel is an image of its own and a label is their
            classes read as the digits of one number (Stacked MNIST); 0 elsewhere.
        settings: What `load_data` was asked for; None for images made otherwise.
        hub_id: The id on the Hugging Face Hub, where the images came from there; a path may look like one.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...] | None
    fingerprint: str
    notes: tuple[Fact, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    channel_classes: int = 0
    settings: DataSettings | None = None
    hub_id: str | None = None

    @property
    def shape(self) -> ImageShape:
        """Channels, size in pixels and number of classes of every image."""
        return ImageShape(self.train.images.shape[1], self.train.images.shape[2], len(self.class_names or ()))

    def scored_on(self, split: str) -> ImageData:
        """This data for "test"; for "validation" with those images in the place of the test images.

        Raises:
            ParibusError: There are no validation images.
        """
        if split == "test":
            return self
        held_out = self.validation
        if not len(held_out):
            raise ParibusError(
                "There are no validation images to score against.",
                where="evaluation.split",
                got=f"data '{self.name}' without a validation split",
                fix="hold images out of the training split (-o data.validation=0.1)",
            )
        return replace(
            self,
            test=replace(held_out, name="validation"),
            validation=Split(held_out.images[:0], None if held_out.labels is None else held_out.labels[:0]),
            # what is cached of the test images must not be taken for these
            fingerprint=f"{self.fingerprint} scored on validation",
        )

    def summary(self) -> dict[str, Any]:
        """What a run's record keeps of its data, as plain values."""
        shape = self.shape
        return {
            "name": self.name,
            "hub_id": self.hub_id,
            "fingerprint": self.fingerprint,
            "counts": {split: len(getattr(self, split)) for split in SPLITS},
            "channels": shape.channels,
            "size": shape.size,
            "class_names": list(self.class_names) if self.class_names else None,
            "notes": [note.model_dump(mode="json") for note in self.notes],
            "skipped": [list(entry) for entry in self.skipped],
        }


def content_fingerprint(splits: dict[str, Split], classes: int) -> str:
    """SHA-256 over pixels, labels, shapes, number of classes and which image lies in which split.

    The images are read 16 MB at a time, so that a memory map stays on disk.
    """
    digest = hashlib.sha256(f"paribus images 1, {classes} classes".encode())
    for name in SPLITS:
        images, labels = splits[name].images, splits[name].labels
        digest.update(f"; {name} {tuple(images.shape)} {'labelled' if labels is not None else 'unlabelled'}".encode())
        step = max(1, _CHUNK_BYTES // max(1, images[:1].numel()))
        for start in range(0, len(images), step):
            digest.update(images[start : start + step].contiguous().numpy().data)
        if labels is not None:
            digest.update(labels.numpy().astype("<i8").data)
    return digest.hexdigest()
