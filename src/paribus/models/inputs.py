"""What users give a model: images, latents and labels, checked before a network fails on them or takes them wrongly."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from paribus.base.arguments import fits
from paribus.base.errors import ParibusError, did_you_mean, shown
from paribus.config import ImageShape
from paribus.config.seeds import LARGEST_SEED
from paribus.data.pixels import check_range, plain_array


def network_images(images: Any, shape: ImageShape) -> Tensor:
    """Images as the numbers in [-1, 1] that networks see.

    Args:
        images: (N, C, H, W), a tensor, an array or a list of such images: uint8 from 0 to 255, or floats from 0 to 1.
        shape: That of the model's images.

    Raises:
        ParibusError: Their type, range or shape is another.
    """
    is_tensor = isinstance(images, Tensor)
    images = stack_of(images)
    size = (shape.channels, shape.size, shape.size)
    if images.ndim != 4 or tuple(images.shape[1:]) != size:
        one, last = tuple(images.shape) == size, tuple(images.shape[1:]) == (*size[1:], size[0])
        raise ParibusError(
            "The images have a wrong shape.",
            where="images",
            got=tuple(images.shape),
            expected=f"(N, {', '.join(map(str, size))})",
            fix="give images[None]: a stack of one"
            if one
            else f"put the channels first: images.{'permute' if is_tensor else 'transpose'}(0, 3, 1, 2)"
            if last
            else "bring them to the model's size and channels: pb.load_data(images, size=..., channels=...)",
        )
    if images.dtype == torch.uint8:
        return images.float() / 127.5 - 1
    if not images.is_floating_point():
        raise ParibusError(
            "The images have a wrong type.",
            where="images",
            got=images.dtype,
            expected="torch.uint8 from 0 to 255, or floats from 0 to 1",
            fix="images.to(torch.uint8), if they are from 0 to 255",
        )
    if images.numel():
        check_range(float(images.min()), float(images.max()), "images")
    return images.float() * 2 - 1


def network_latents(z: Any, width: int) -> Tensor:
    """Latents as the numbers that networks see.

    Args:
        z: (N, width), a tensor, an array or a list of numbers.
        width: Of the model's latents.

    Raises:
        ParibusError: They are no finite numbers, or of another shape.
    """
    try:
        latents = torch.as_tensor(np.asarray(z) if isinstance(z, (list, tuple)) else z)
        plain = latents.ndim == 2 and latents.shape[1] == width and not (latents.is_complex() or latents.is_meta)
        found = f"{latents.dtype} {tuple(latents.shape)}"
    except (TypeError, ValueError, RuntimeError):
        plain, found = False, type(z).__name__
    if not plain:
        raise ParibusError(
            "These are no latents of the model.",
            where="z",
            got=found,
            expected=f"numbers (N, {width}), as model.latents(n) gives",
        )
    if not latents.isfinite().all():
        raise ParibusError(
            "Latents must be finite.", where="z", got="NaN or infinity", expected="finite numbers", fix="give others"
        )
    return latents.float()


def seed_of(value: Any) -> int:
    """A seed as Python's whole number, which NumPy's may be.

    Raises:
        ParibusError: It is none.
    """
    if not fits(value, int) or not 0 <= operator.index(value) <= LARGEST_SEED:
        raise ParibusError(
            "This is no seed.", where="seed", got=shown(value), expected=f"a whole number from 0 to {LARGEST_SEED}"
        )
    return operator.index(value)


def stack_of(images: Any) -> Tensor:
    """Images, or a list of equal ones, as one tensor of any type.

    Raises:
        ParibusError: They are none.
    """
    try:
        several = isinstance(images, (list, tuple))
        stacked = torch.as_tensor(np.stack([plain_array(image) for image in images]) if several else images)
        if not stacked.ndim or stacked.is_meta:
            raise ValueError("one number, or none")
        return stacked
    except (TypeError, ValueError, RuntimeError):
        raise ParibusError(
            "These are not images.",
            where="images",
            got=type(images).__name__,
            expected="a tensor or an array (N, C, H, W), or a list of equal ones (C, H, W)",
            fix="pb.load_data(images) reads what else images may lie in: encode its train.images",
        ) from None


def label_index(label: Any, classes: int, names: Sequence[str], where: str = "label") -> int:
    """The index of a class that is named or counted; 2 and '2' mean the same.

    It is the class of this name. Where no class is called by a number, a number is an index.

    Raises:
        ParibusError: There is no such class.
    """
    is_one = hasattr(label, "item") and math.prod(label.shape) == 1
    text = label if isinstance(label, str) else shown(label.item() if is_one else label)
    if text in names:
        return list(names).index(text)
    numbered = {int(name): index for index, name in enumerate(names) if name.isdecimal()}
    if text.isdecimal():
        if int(text) in numbered:
            return numbered[int(text)]
        if not numbered and int(text) < classes:
            return int(text)
    raise ParibusError(
        f"Unknown label '{text}'.{did_you_mean(text, names)}",
        where=where,
        got=text,
        expected=f"one of {', '.join(names)}" if numbered else f"0 to {classes - 1}, or one of {', '.join(names)}",
    )


def class_indices(labels: Any, classes: int, names: Sequence[str]) -> Tensor:
    """Labels of several images for a conditional model.

    Args:
        labels: Indices (N,) as a tensor or an array, as data have them; mixtures of classes (N, classes) as floats; or
            a list of classes as `label_index` takes them.
        classes: How many there are.
        names: Theirs.

    Raises:
        ParibusError: They are of another type or shape, or there is no such class.
    """
    if isinstance(labels, (list, tuple)):
        return torch.tensor([label_index(label, classes, names, "labels") for label in labels], dtype=torch.int64)
    try:
        labels = torch.as_tensor(labels)
        labels = torch.tensor(math.nan) if labels.is_meta else labels
    except (TypeError, ValueError, RuntimeError):
        labels = torch.tensor(math.nan)
    if labels.is_floating_point() and labels.ndim == 2 and labels.shape[1] == classes and labels.isfinite().all():
        return labels
    if labels.is_floating_point() or labels.ndim != 1 or labels.dtype == torch.bool:
        raise ParibusError(
            "The labels have a wrong type or shape.",
            where="labels",
            got=f"{labels.dtype} {tuple(labels.shape)}",
            expected=f"integers (N,) from 0 to {classes - 1}, a list of names, or mixtures as floats (N, {classes})",
        )
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ParibusError(
            "There is no such class.",
            where="labels",
            got=f"indices from {int(labels.min())} to {int(labels.max())}",
            expected=f"0 to {classes - 1}",
        )
    return labels.long()
