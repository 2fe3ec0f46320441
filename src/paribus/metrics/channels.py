"""A classifier of grey images as the encoder of images whose channels are such images each (Stacked MNIST)."""

from __future__ import annotations

import torch
from torch import Tensor

from paribus.metrics.classifier import DatasetClassifier
from paribus.metrics.encoders import checked_images


class ChannelClassifier:
    """One classifier applied to each channel: features side by side, and each combination of classes a class.

    A class is the channels' classes read as the digits of one number, red first. Its probability is the product of the
    channels', as they are independent of each other in the data.

    Attributes:
        name: The classifier's.
        id: The classifier's id with "x" and the number of channels.
        dimensions: The classifier's, times channels.
        accuracy: Share of test images of which it gets all channels right, were they drawn independently.
    """

    def __init__(self, of_one: DatasetClassifier, channels: int) -> None:
        self.of_one, self.channels = of_one, channels
        self.name = of_one.name
        self.id = f"{of_one.id}x{channels}"
        self.dimensions = channels * of_one.dimensions
        self.accuracy = of_one.accuracy**channels

    def features(self, images: Tensor) -> Tensor:
        """Features (N, d) float32 of images uint8 (N, C, H, W)."""
        return self.encode(images)[0]

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, d) and class probabilities (N, classes), float32, of images uint8 (N, C, H, W)."""
        images = checked_images(images, self.channels, self.of_one.size, "ChannelClassifier.encode")
        features, of_channels = self.of_one.encode(single_channels(images))
        first, *others = of_channels.view(len(images), self.channels, -1).unbind(1)
        for other in others:
            first = (first[:, :, None] * other[:, None]).flatten(1)
        return features.view(len(images), self.dimensions), first


def channel_labels(labels: Tensor, classes: int, channels: int) -> Tensor:
    """The digits in base `classes` of labels (N,), the first channel's first: (N * channels,)."""
    powers = classes ** torch.arange(channels - 1, -1, -1)
    return (labels[:, None] // powers % classes).flatten()


def single_channels(images: Tensor) -> Tensor:
    """The channels of images (N, C, H, W) as grey images (N * C, 1, H, W)."""
    return images.flatten(0, 1)[:, None]
