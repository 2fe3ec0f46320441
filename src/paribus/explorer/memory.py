"""Whether a picture is a copy of a training image: its nearest ones, beside how near held-out images come."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from paribus.data import ImageData
from paribus.evaluation.encoders import main_encoder
from paribus.evaluation.encoding import choice, reference
from paribus.explorer.exhibits import Exhibit
from paribus.explorer.pictures import data_url
from paribus.metrics.neighbours import nearest_distances

Space = Literal["pixels", "encoder"]
SHOWN = 6
HELD_OUT = 200
"""Test images that say how near an image is that the model cannot have copied."""
_CHUNK = 1 << 20  # numbers in one chunk of float64


@dataclass(frozen=True)
class Memory:
    """The training images of one model in one space.

    Args:
        exhibit: The model.
        space: Distances between pixels, or between the features of the encoder that its scores use.
    """

    exhibit: Exhibit
    space: Space

    @property
    def data(self) -> ImageData:
        """The images.

        Raises:
            ParibusError: They are unavailable.
        """
        return self.exhibit.subject.data

    @cached_property
    def encoder(self) -> Any:
        """The encoder, trained now where no evaluation has needed it so far."""
        return main_encoder(self.data, self.exhibit.subject.model.config.evaluation, self.exhibit.subject.progress)

    @cached_property
    def rows(self) -> Tensor:
        """Training images (n, d): pixels as bytes, or features."""
        train = self.data.train.images
        if self.space == "pixels":
            return train.flatten(1)
        return reference(self.encoder, self.data, "train", len(train), self.exhibit.subject.progress).features

    def row_of(self, images: Tensor) -> Tensor:
        """Images (n, C, H, W) as rows (n, d) of the space, float32."""
        return images.flatten(1).float() if self.space == "pixels" else self.encoder.features(images)

    @cached_property
    def held_out(self) -> Tensor:
        """Distances (HELD_OUT,) of test images from their nearest training images, ascending."""
        test = self.data.test.images
        chosen = test[choice(len(test), min(HELD_OUT, len(test)))]
        return nearest_distances(self.row_of(chosen), self.rows)[0].sort().values

    def nearest(self, image: Tensor) -> dict[str, Any]:
        """The training images nearest to an image uint8 (C, H, W), nearest first, and what their distances mean.

        "nearer_than" is the share of test images whose nearest training image lies farther away.
        """
        row = self.row_of(image[None]).double()
        found = distances(row, self.rows).topk(min(SHOWN, len(self.rows)), largest=False)
        labels, names = self.data.train.labels, self.exhibit.subject.class_names
        neighbours = [
            {
                "image": data_url(self.data.train.images[row]),
                "distance": distance,
                "class": None if labels is None else names[int(labels[row])],
            }
            for distance, row in zip(found.values.tolist(), found.indices.tolist(), strict=True)
        ]
        return {
            "space": self.space if self.space == "pixels" else self.encoder.name,
            "neighbours": neighbours,
            "searched": len(self.rows),
            "held_out": {
                "count": len(self.held_out),
                "median": float(self.held_out.median()),
                "nearer_than": float((self.held_out > found.values[0]).double().mean()),
            },
        }


def distances(row: Tensor, rows: Tensor) -> Tensor:
    """Euclidean distances (n,) float64 of rows (n, d) from a row (1, d), in memory that does not grow with n x d."""
    parts = rows.split(max(1, _CHUNK // rows.shape[1]))
    return torch.cat([(part.double() - row).square_().sum(1) for part in parts]).sqrt()
