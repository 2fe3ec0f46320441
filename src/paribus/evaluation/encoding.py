"""Images to features: which images of a split, a batch at a time, and what is cached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from typing_extensions import TypeIs

from paribus.base.cache import cache_folder
from paribus.base.errors import unknown
from paribus.base.randomness import generator
from paribus.data import ImageData, Split
from paribus.metrics.encoders import ClassEncoder, Encoder
from paribus.metrics.inception import InceptionEncoder, InceptionNetwork
from paribus.metrics.reference import Features, cached_features

StageProgress = Callable[[str, int, int], None]
"""Called with what is being done, how many images are done, and how many there are."""


class Rows:
    """What is kept of each image while images pass by in batches: by name, one tensor for all of them.

    Its place is taken once, with the first batch. Small tensors kept between large ones that are freed would leave
    holes in which the C library finds no room for aligned memory, so that a process grew with the number of images.

    Args:
        n: How many images there will be at most.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._kept: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, rows: Mapping[str, Tensor]) -> None:
        """Adds rows (m, ...) by name, of the same form and type as those before."""
        for name, new in rows.items():
            start = self._counts.get(name, 0)
            if not start:
                self._kept[name] = new.new_empty(self._n, *new.shape[1:])
            self._counts[name] = start + len(new)
            self._kept[name][start : self._counts[name]] = new

    @property
    def joined(self) -> dict[str, Tensor]:
        """All rows so far, by name."""
        return {name: kept[: self._counts[name]] for name, kept in self._kept.items()}


def encoded(encoder: Encoder, batches: Iterable[Tensor], n: int) -> Features:
    """Features of n images that come in batches; the images themselves are not kept."""
    return encoded_by([encoder], batches, n)[0]


def encoded_by(encoders: Sequence[Encoder], batches: Iterable[Tensor], n: int) -> list[Features]:
    """Features by each encoder of n images that come once, in batches."""
    kept = [Rows(n) for _ in encoders]
    for batch in batches:
        for rows, features in zip(kept, _batch_encoded_by(encoders, batch), strict=True):
            rows.add(features.tensors)
    return [Features(**{"features": torch.empty(0), **rows.joined}) for rows in kept]


def _batch_encoded_by(encoders: Sequence[Encoder], batch: Tensor) -> list[Features]:
    """Features by each encoder of one batch; a network of which several encoders are layers runs once."""
    passed: dict[InceptionNetwork, dict[int, Tensor]] = {}
    found = []
    for encoder in encoders:
        if isinstance(encoder, InceptionEncoder):
            if encoder.network not in passed:
                passed[encoder.network] = encoder.network.features(batch)
            found.append(Features(passed[encoder.network][encoder.dimensions]))
        else:
            found.append(
                Features(*encoder.encode(batch)) if is_classifier(encoder) else Features(encoder.features(batch))
            )
    return found


def is_classifier(encoder: Encoder) -> TypeIs[ClassEncoder]:
    """Whether an encoder also gives class probabilities."""
    return hasattr(encoder, "encode")


def silent(stage: str, done: int, total: int) -> None:
    """The progress of those who don't ask."""


def reference(encoder: Encoder, data: ImageData, split: str, n: int, progress: StageProgress = silent) -> Features:
    """Features of the chosen n images of a split, cached; with them those by other layers of the same network."""
    together = encoder.network.encoders if isinstance(encoder, InceptionEncoder) else (encoder,)
    images = getattr(data, split).images
    found: dict[str, Features] = {}

    def compute() -> Features:
        parts = (images[part] for part in choice(len(images), n).split(500))
        names = ", ".join(each.name for each in together)
        passing = counted(parts, n, f"encoding {split} images ({names})", progress)
        found.update(zip((each.id for each in together), encoded_by(together, passing, n), strict=True))
        return found[encoder.id]

    def cached(own: Encoder, compute: Callable[[], Features]) -> Features:
        return cached_features(
            compute, fingerprint=data.fingerprint, split=split, encoder_id=own.id, n=n, cache=cache_folder()
        )

    features = cached(encoder, compute)
    for other in together if found else ():  # one lock after the other: processes cannot wait for each other
        if other is not encoder:
            cached(other, partial(found.__getitem__, other.id))
    return features


def choice(count: int, n: int) -> Tensor:
    """N of 0..count-1, ascending: all, or the same choice each time, since a split may be sorted by class."""
    return torch.randperm(count, generator=generator("evaluation", "choice"))[:n].sort().values


def batches(split: Split, n: int, stage: str, progress: StageProgress) -> Iterator[tuple[Tensor, Tensor | None, int]]:
    """The chosen n images of a split, 500 at a time, with their labels and where the batch starts."""
    done = 0
    for part in choice(len(split), n).split(500):
        progress(stage, done, n)
        yield split.images[part], None if split.labels is None else split.labels[part], done
        done += len(part)
    progress(stage, n, n)


def counted(batches: Iterable[Tensor], n: int, stage: str, progress: StageProgress) -> Iterator[Tensor]:
    """The same batches, with their progress reported."""
    done = 0
    for batch in batches:
        progress(stage, done, n)
        yield batch
        done += len(batch)
    progress(stage, done, n)


def check_known(name: str, known: Iterable[str], kind: str) -> None:
    """Raises a ParibusError if `name` is not among `known`."""
    known = list(known)
    if name not in known:
        where = {"metric": "evaluation.metrics", "encoder": "evaluation.encoder"}[kind]
        raise unknown(f"Unknown {kind} '{name}'", name, known, where=where)
