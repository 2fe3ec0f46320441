"""What is computed once and kept under a key of everything that it depends on: weights, features, scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from paribus.base.cache import locked
from paribus.base.errors import Damaged
from paribus.base.files import read_bytes, write_atomically
from paribus.base.seals import check, json_content, json_value, tensors_content
from paribus.metrics.estimates import Estimate

CODE_VERSION = 1
"""Part of a reference's key: raise it with any change to what an encoder or a distance computes."""

T = TypeVar("T")


class Features(NamedTuple):
    """Features (n, d) float32 and, from a classifier, class probabilities (n, classes) float32."""

    features: Tensor
    probabilities: Tensor | None = None

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Those that there are, by name."""
        return {name: rows for name, rows in self._asdict().items() if rows is not None}


def key_hash(*parts: int | str | list[int]) -> str:
    """The sha256 that names something in the cache."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def reference_key(fingerprint: str, split: str, encoder_id: str, n: int, *further: str) -> str:
    """The sha256 that names a reference in the cache."""
    return key_hash(CODE_VERSION, fingerprint, split, encoder_id, n, *further)


def cached_weights(
    make: Callable[[], dict[str, Tensor]], key: tuple[int | str | list[int], ...], cache: Path | None
) -> dict[str, Tensor]:
    """`make()`, or what it returned under the same key before: CACHE/encoders/<sha256 of the key>.safetensors."""
    if cache is None:
        return make()
    return _kept_tensors(weights_path(key, cache), make)


def weights_path(key: tuple[int | str | list[int], ...], cache: Path) -> Path:
    """Where weights under a key are kept."""
    return cache / "encoders" / f"{key_hash(*key)}.safetensors"


def cached_features(
    compute: Callable[[], Features], *, fingerprint: str, split: str, encoder_id: str, n: int, cache: Path
) -> Features:
    """`compute()`, or what it returned when it was called with the same fingerprint, split, encoder and n.

    Args:
        compute: Encodes the reference images.
        fingerprint: Hash of the data.
        split: "train", "validation" or "test".
        encoder_id: The encoder's name and weights' hash.
        n: Number of images from the start of the split.
        cache: Root of the cache.
    """
    path = cache / "reference" / f"{reference_key(fingerprint, split, encoder_id, n)}.safetensors"
    return Features(**_kept_tensors(path, lambda: compute().tensors))


def cached_scores(compute: Callable[[], dict[str, Estimate]], key: str, cache: Path) -> dict[str, Estimate]:
    """`compute()` or its earlier result under the same key: scores that are the same for every model, as floors are."""

    def read(path: Path) -> dict[str, Estimate]:
        return {name: Estimate(*pair) for name, pair in json_value(_content_of(path), path, "").items()}

    return _kept(cache / "reference" / f"{key}.json", read, compute, json_content)


def _content_of(path: Path) -> bytes:
    """A file of the cache, which any of its users may have written.

    Raises:
        Damaged: It has no digest, or another one.
    """
    return check(read_bytes(path), path, "", required=True)


def _kept_tensors(path: Path, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    def read(path: Path) -> dict[str, Tensor]:
        return load(_content_of(path))

    def content(tensors: dict[str, Tensor]) -> bytes:
        return tensors_content(save({name: tensor.contiguous() for name, tensor in tensors.items()}))

    return _kept(path, read, make, content)


def _kept(path: Path, read: Callable[[Path], T], make: Callable[[], T], content: Callable[[T], bytes]) -> T:
    """What the file holds, or else what is made, and kept there; a file that cannot be read is replaced.

    Processes that ask for the same thing at the same time make it once.
    """
    with locked(path):
        try:
            return read(path)
        except (OSError, Damaged, TypeError, AttributeError, SafetensorError):
            made = make()
            write_atomically(path, content(made))
            return made
