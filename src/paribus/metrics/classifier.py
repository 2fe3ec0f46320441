"""A small classifier trained on the data set itself: the primary encoder wherever there are labels.

On MNIST-like images a distance in Inception's features is close to meaningless, since that network never saw such
images; 128 features of a classifier of these very classes separate good from bad samples at a hundredth of the cost.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from paribus.base.errors import ParibusError
from paribus.base.randomness import generator, keyed_seed
from paribus.base.torch_internals import Adam
from paribus.metrics.encoders import checked_images, content_hash, one_thread, weights_id
from paribus.metrics.estimates import full_precision
from paribus.metrics.reference import cached_weights, weights_path

_VERSION = 1  # part of the cache's key: raise it with any change to the network or to how it is trained
_BATCH = 128
_LEARNING_RATE = 4e-3
_REHEARSED = (2, 8)  # updates: the first of a process take longer, and are in both


class ClassifierNetwork(nn.Module):
    """Convolutions of LeNet's kind, halving the size down to at most 4x4, then one hidden layer.

    Its features are the hidden layer's activations after the ReLU: 128, or 64 for images under 16x16, with a mean
    square of 1 over training images. Works for any size: halves are rounded up.
    """

    def __init__(self, channels: int, size: int, classes: int) -> None:
        super().__init__()
        self.dimensions = 128 if size >= 16 else 64
        halvings = next(n for n in range(8) if size <= 4 * 2**n)
        layers: list[nn.Module] = []
        for index in range(max(2, halvings)):
            width = 32 if index else 16
            kernel = 5 if index < 2 and size >= 16 else 3
            layers.append(nn.Conv2d(channels, width, kernel, padding=kernel // 2))
            if index < halvings:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))
                size = (size + 1) // 2
            layers.append(nn.ReLU())
            channels = width
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Linear(channels * size * size, self.dimensions)
        self.classes = nn.Linear(self.dimensions, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, d) and logits (N, classes) of images uint8 (N, C, H, W)."""
        pixels = images.float() / 127.5 - 1
        features = self.hidden(self.convolutions(pixels).flatten(1)).relu()
        return features, self.classes(features)


class DatasetClassifier:
    """A trained `ClassifierNetwork` as an encoder, on the CPU in fp32.

    Attributes:
        name: "classifier", or "classifier-2" for the one that was trained with seed 1.
        id: The name and the first 12 hex digits of the sha256 over its weights.
        dimensions: 128, or 64 for images under 16x16.
        accuracy: Share of test images that it classifies rightly.
    """

    def __init__(
        self,
        network: ClassifierNetwork,
        channels: int,
        size: int,
        accuracy: float = float("nan"),
        seed: int = 0,
        fitted_on: int | None = None,
    ) -> None:
        self.name = f"classifier-{seed + 1}" if seed else "classifier"
        self.network = _channels_last(network).eval().requires_grad_(False)
        self.channels, self.size = channels, size
        self.dimensions = network.dimensions
        self.accuracy, self.fitted_on = accuracy, fitted_on
        self.id = weights_id(self.name, network.state_dict())

    def features(self, images: Tensor) -> Tensor:
        """Features (N, d) float32 of images uint8 (N, C, H, W)."""
        return self.encode(images)[0]

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, d) and class probabilities (N, classes), float32, of images uint8 (N, C, H, W)."""
        images = checked_images(images, self.channels, self.size, "DatasetClassifier.encode")
        with torch.no_grad(), full_precision():
            parts = [self.network(part) for part in images.split(500)] or [self.network(images)]
        return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts]).softmax(1)


def dataset_classifier(
    train_images: Tensor,
    train_labels: Tensor,
    test_images: Tensor,
    test_labels: Tensor,
    classes: int,
    *,
    seed: int = 0,
    cache: Path | None = None,
    fingerprint: str | None = None,
) -> DatasetClassifier:
    """Trains the classifier by a fixed recipe, or reads it from the cache.

    Adam, one cycle of the learning rate, batches of 128, shifts of up to a twenty-eighth of the size. The same seed,
    data, processor type and torch build give the same weights.

    Args:
        train_images: uint8 (N, C, H, W), square, 8 to 128 pixels, 1 or 3 channels.
        train_labels: int64 (N,).
        test_images: uint8; for `accuracy` only.
        test_labels: int64.
        classes: Number of classes.
        seed: Another seed gives another, equally good encoder.
        cache: Root of the cache; None keeps nothing.
        fingerprint: Hash of the data, for the cache; by default of the training images and labels.

    Raises:
        ParibusError: There are fewer than two classes, or images and labels do not fit each other.
    """
    channels, size = train_images.shape[1], train_images.shape[2]
    checked_images(train_images[:1], channels, size, "dataset_classifier")
    if classes < 2 or len(train_images) != len(train_labels) or len(train_images) < 2:
        raise ParibusError(
            "A classifier needs labelled images of at least two classes.",
            where="dataset_classifier",
            got=f"{len(train_images)} images, {len(train_labels)} labels, {classes} classes",
            expected="one label for each image, two or more classes",
            fix="use -o evaluation.encoder=pixels for such data",
        )

    def train() -> dict[str, Tensor]:
        network = _trained(train_images, train_labels, classes, seed, _updates(train_images))
        found = DatasetClassifier(network, channels, size)
        guesses = found.encode(test_images)[1].argmax(1)
        accuracy = (guesses == test_labels).double().mean().reshape(1)
        return {name: value.contiguous() for name, value in network.state_dict().items()} | {"accuracy": accuracy}

    source = fingerprint or content_hash(train_images, train_labels)
    weights = cached_weights(train, _key(source, train_images, classes, seed), cache)
    accuracy = float(weights.pop("accuracy"))
    network = _new_network(channels, size, classes, seed)
    network.load_state_dict(weights)
    return DatasetClassifier(network, channels, size, accuracy, seed, len(train_images))


def is_at_hand(
    train_images: Tensor, classes: int, *, fingerprint: str, seed: int = 0, cache: Path | None = None
) -> bool:
    """Whether the cache holds the classifier that `dataset_classifier` would train."""
    return cache is not None and weights_path(_key(fingerprint, train_images, classes, seed), cache).is_file()


def rehearsed(
    train_images: Tensor, train_labels: Tensor, classes: int, *, seed: int = 0
) -> tuple[DatasetClassifier, float]:
    """A classifier after a few updates, which is as fast as the trained one; and the seconds that its training takes.

    Args:
        train_images: See `dataset_classifier`.
        train_labels: The same.
        classes: Number of classes.
        seed: Of the encoder.
    """
    took = []
    for updates in _REHEARSED:
        start = time.perf_counter()
        network = _trained(train_images, train_labels, classes, seed, updates)
        took.append(time.perf_counter() - start)
    per_update = max(0.0, took[1] - took[0]) / (_REHEARSED[1] - _REHEARSED[0])
    channels, size = train_images.shape[1], train_images.shape[2]
    return DatasetClassifier(network, channels, size, 0.0, seed, len(train_images)), per_update * _updates(train_images)


def _key(source: str, images: Tensor, classes: int, seed: int) -> tuple[int | str | list[int], ...]:
    return ("classifier", _VERSION, source, seed, classes, list(images.shape))


def _new_network(channels: int, size: int, classes: int, seed: int) -> ClassifierNetwork:
    """Initial weights by a seed of their own: torch's default generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(keyed_seed("classifier", "weights", seed))
        return ClassifierNetwork(channels, size, classes)


def _channels_last(network: ClassifierNetwork) -> ClassifierNetwork:
    """The same network with its convolutions' weights laid out as CPUs like them: 1.7 times as fast."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def training_images(count: int, channels: int, size: int) -> int:
    """Images that training sees: 60 epochs, at most 130,000 grey or 240,000 colour ones, fewer above 32x32."""
    most = 130_000 if channels == 1 else 240_000
    return int(min(60 * count, most * min(1.0, (32 / size) ** 2)))


def _updates(images: Tensor) -> int:
    count, channels, size, _ = images.shape
    return max(100, training_images(count, channels, size) // _BATCH)


def _trained(images: Tensor, labels: Tensor, classes: int, seed: int, updates: int) -> ClassifierNetwork:
    channels, size = images.shape[1], images.shape[2]
    with full_precision(), one_thread(), torch.enable_grad():
        network = _channels_last(_new_network(channels, size, classes, seed))
        optimizer = Adam(network.parameters(), lr=_LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=updates)
        draw = generator("classifier", "batches", seed)
        for _ in range(updates):
            chosen = torch.randint(len(images), (_BATCH,), generator=draw)
            _, logits = network(_shifted(images[chosen], draw))
            optimizer.zero_grad()
            F.cross_entropy(logits, labels[chosen]).backward()
            optimizer.step()
            schedule.step()
        _normalise(network, images)
    return network


def _normalise(network: ClassifierNetwork, images: Tensor) -> None:
    """Scales the features to a mean square of 1 over training images, and leaves the probabilities as they are.

    The kernel distance's (x·y/d + 1)^3 is made for features of that size: with large ones only the cube would count.
    """
    with torch.no_grad():
        features = torch.cat([network(part)[0] for part in images[:: max(1, len(images) // 5_000)].split(500)])
        scale = features.double().square().mean().sqrt().float().clamp_min(1e-6)
        for parameter in network.hidden.parameters():
            parameter.div_(scale)  # ReLU(a x) = a ReLU(x)
        network.classes.weight.mul_(scale)


def _shifted(images: Tensor, draw: torch.Generator) -> Tensor:
    """Each image moved by up to a twenty-eighth of its size (at least one pixel); its edges are repeated."""
    count, channels, size, _ = images.shape
    most = max(1, size // 28)
    moves = torch.randint(-most, most + 1, (2, count, 1), generator=draw)
    rows, columns = (torch.arange(size) + moves).clamp(0, size - 1)  # (N, size) each
    image, channel = torch.arange(count)[:, None, None, None], torch.arange(channels)[None, :, None, None]
    return images[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


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
        self.fitted_on = of_one.fitted_on

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
