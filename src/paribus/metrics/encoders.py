"""Encoders: images to the features that distances are measured in.

An encoder's `id` carries a hash of its weights, so that scores from different encoders are never mistaken for each
other. Here: principal components of pixels, for any data; the classifier of a labelled data set is in `classifier`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.base.randomness import generator
from paribus.metrics.estimates import full_precision
from paribus.metrics.reference import cached_weights

_PIXELS_VERSION = 3  # raise with any change to how components are found
_LARGEST_FIT = 10_000
_EXACT_PIXELS = 1024  # up to here the covariance's eigenvectors, above it subspace iteration
_GRID = 2.0**-16  # components are rounded to it: last bits then seldom reach the id


class Encoder(Protocol):
    """What scoring needs of an encoder.

    Attributes:
        name: What settings call it.
        id: The name with a hash of the weights.
        dimensions: Number of features.
    """

    name: str
    id: str
    dimensions: int

    @property
    def fitted_on(self) -> int | None:
        """Images that it was given to be fitted to; None where it was trained elsewhere."""
        ...

    def features(self, images: Tensor) -> Tensor:
        """Features (N, d) float32 of images uint8 (N, C, H, W)."""
        ...


class ClassEncoder(Encoder, Protocol):
    """An encoder that also gives class probabilities."""

    accuracy: float

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, d) and class probabilities (N, classes), float32, in one pass."""
        ...


def weights_id(name: str, weights: Mapping[str, Tensor]) -> str:
    """NAME-xxxxxxxxxxxx: the first 12 hex digits of the sha256 over names, shapes and bytes of the weights."""
    digest = hashlib.sha256()
    for key in sorted(weights):
        tensor = weights[key].detach().cpu().contiguous()
        digest.update(f"{key}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.numpy().tobytes())
    return f"{name}-{digest.hexdigest()[:12]}"


def content_hash(*tensors: Tensor) -> str:
    """The sha256 over shapes and bytes, for data that come without a fingerprint."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def checked_images(images: Tensor, channels: int, size: int, what: str) -> Tensor:
    """The images on the CPU, if they are uint8 (N, channels, size, size).

    Raises:
        ParibusError: They are not.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or tuple(images.shape[1:]) != (channels, size, size):
        raise ParibusError(
            "These images do not fit the encoder.",
            where=what,
            got=f"{tuple(images.shape)} {images.dtype}",
            expected=f"(N, {channels}, {size}, {size}) torch.uint8",
            fix="bring the images to that size and number of channels, as uint8",
        )
    return images.cpu()


def check_any_size(images: Tensor, what: str) -> None:
    """Raises a ParibusError unless the images are uint8 (N, 1 or 3, H, W), of whatever size."""
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ParibusError(
            "These images do not fit the encoder.",
            where=what,
            got=f"{tuple(images.shape)} {images.dtype}",
            expected="(N, 1 or 3, H, W) torch.uint8",
            fix="bring the images to one or three channels, as uint8",
        )


def checked_training_images(images: Tensor, what: str) -> None:
    """Raises a ParibusError unless the images are two or more, uint8 (N, C, H, W)."""
    if images.dtype != torch.uint8 or images.ndim != 4 or len(images) < 2:
        raise ParibusError(
            "An encoder is fitted on at least two images.",
            where=what,
            got=f"{tuple(images.shape)} {images.dtype}",
            expected="(N, C, H, W) torch.uint8",
        )


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums depend on the number of threads: with one, --workers cannot change an encoder that is trained here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class PixelEncoder:
    """The first principal components of the training pixels: a view of any data, without labels or training.

    Pixels on the scale [0, 1] minus their mean, projected on the directions of largest variance and divided by one
    number, so that the coordinates of the images fitted have a mean square of 1 (a kernel distance of larger numbers
    would be little but its cubic term). It sees layout,
    brightness and coarse shape, and is blind to fine texture: a third opinion beside a trained encoder, not a verdict.

    Args:
        train_images: uint8 (N, C, H, W); 10,000 of them are used, chosen by a fixed seed.
        components: Number of features; all pixels where there are fewer, and at most N.
        fingerprint: Hash of the data, for the cache; by default of the images used.
        cache: Root of the cache; None keeps nothing.
    """

    name = "pixels"

    def __init__(
        self, train_images: Tensor, components: int = 64, *, fingerprint: str | None = None, cache: Path | None = None
    ) -> None:
        checked_training_images(train_images, "PixelEncoder")
        self.fitted_on, self.channels, self.size, _ = train_images.shape
        self.dimensions = min(components, train_images[0].numel(), len(train_images))

        def fit() -> dict[str, Tensor]:
            chosen = torch.randperm(len(train_images), generator=generator("metrics", "pixels"))[:_LARGEST_FIT]
            with one_thread():
                return _principal_components(train_images[chosen.sort().values], self.dimensions)

        source = fingerprint or content_hash(train_images)
        key = ("pixels", _PIXELS_VERSION, source, list(train_images.shape), self.dimensions)
        weights = cached_weights(fit, key, cache)
        self.mean, self.directions = weights["mean"], weights["directions"]  # (pixels,) and (pixels, d)
        self.id = weights_id(self.name, weights)

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Coordinates (N, d) float32 of images uint8 (N, C, H, W), with a mean square of 1 over the images fitted."""
        images = checked_images(images, self.channels, self.size, "PixelEncoder.features")
        parts = [(rows - self.mean.double()) @ self.directions.double() for rows in _rows(images)]
        return torch.cat(parts).float() if parts else torch.zeros(0, self.dimensions)


def _rows(images: Tensor) -> Iterator[Tensor]:
    """Images as float64 rows on the scale [0, 1], in parts of about 32 MB."""
    step = max(1, (1 << 22) // images[0].numel()) if len(images) else 1
    return (part.flatten(1).double() / 255 for part in images.split(step)) if len(images) else iter(())


def _principal_components(images: Tensor, count: int) -> dict[str, Tensor]:
    mean = images.sum(0, dtype=torch.int64).double().flatten() / (255 * len(images))
    exact = len(mean) <= _EXACT_PIXELS
    directions = (_eigenvectors if exact else _leading_directions)(images, mean, count)
    # the sign of an eigenvector is arbitrary: let its largest entry be positive
    largest = directions.abs().argmax(0)
    directions = directions * directions[largest, torch.arange(count)].sign()
    squares = torch.stack([((rows - mean) @ directions).square().sum() for rows in _rows(images)]).sum()
    directions = directions / (squares / (len(images) * count)).sqrt().clamp_min(1e-6)
    rounded = {"mean": mean, "directions": directions}
    return {name: ((value / _GRID).round() * _GRID).float().contiguous() for name, value in rounded.items()}


def _eigenvectors(images: Tensor, mean: Tensor, count: int) -> Tensor:
    scatter = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for rows in _rows(images):
        centred = rows - mean
        scatter += centred.T @ centred
    return torch.linalg.eigh(scatter).eigenvectors.flip(1)[:, :count]


def _leading_directions(images: Tensor, mean: Tensor, count: int, rounds: int = 8) -> Tensor:
    """Subspace iteration with a fixed start: the covariance of large images would not fit into memory."""
    start = torch.randn(len(mean), count + 16, generator=generator("metrics", "pixels"), dtype=torch.float64)
    basis = torch.linalg.qr(start).Q
    for _ in range(rounds):
        image = torch.zeros_like(basis)
        for rows in _rows(images):
            centred = rows - mean
            image += centred.T @ (centred @ basis)
        basis, small = torch.linalg.qr(image)
    # the last round's image = basis small; rotate the basis to its own principal directions
    return (basis @ torch.linalg.svd(small).U)[:, :count]


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Inference in the precision of the weights, whatever the training code has allowed (TF32) or autocast asks for."""
    with (
        torch.inference_mode(),
        full_precision(),
        torch.autocast(device.type, enabled=False),
        torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
    ):
        yield
