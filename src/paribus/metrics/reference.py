"""Features of a reference split, computed once and kept under a key of everything that they depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from safetensors.torch import save
from torch import Tensor

from paribus.base.errors import Damaged
from paribus.base.files import locked, read_json, write_atomically, write_json
from paribus.base.seals import tensors_content
from paribus.metrics.encoders import read_tensors
from paribus.metrics.estimates import Estimate

CODE_VERSION = 1
"""Part of every key: raise it with any change to what an encoder or a distance computes."""


class Features(NamedTuple):
    """Features (n, d) float32 and, from a classifier, class probabilities (n, classes) float32."""

    features: Tensor
    probabilities: Tensor | None


def reference_key(fingerprint: str, split: str, encoder_id: str, n: int, *further: str) -> str:
    """The sha256 that names a reference in the cache."""
    parts = [CODE_VERSION, fingerprint, split, encoder_id, n, *further]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def cached_features(
    compute: Callable[[], Features], *, fingerprint: str, split: str, encoder_id: str, n: int, cache: Path | None
) -> Features:
    """`compute()`, or what it returned when it was called with the same fingerprint, split, encoder and n.

    Processes that ask for the same thing at the same time compute it once. A file that cannot be read is replaced.

    Args:
        compute: Encodes the reference images.
        fingerprint: Hash of the data.
        split: "train", "validation" or "test".
        encoder_id: The encoder's name and weights' hash.
        n: Number of images from the start of the split.
        cache: Root of the cache; None keeps nothing.
    """
    if cache is None:
        return compute()
    path = cache / "reference" / f"{reference_key(fingerprint, split, encoder_id, n)}.safetensors"
    with locked(path):
        known = read_tensors(path)
        if known is not None:
            return Features(known["features"], known.get("probabilities"))
        result = compute()
        tensors = {name: tensor.contiguous() for name, tensor in result._asdict().items() if tensor is not None}
        write_atomically(path, tensors_content(save(tensors)))
        return result


def cached_scores(compute: Callable[[], dict[str, Estimate]], key: str, cache: Path | None) -> dict[str, Estimate]:
    """`compute()` or its earlier result under the same key: scores that are the same for every model, as floors are."""
    if cache is None:
        return compute()
    path = cache / "reference" / f"{key}.json"
    with locked(path):
        try:
            return {name: Estimate(*pair) for name, pair in read_json(path).items()}
        except (OSError, Damaged, TypeError, AttributeError):
            scores = compute()
            write_json(path, scores)
            return scores
