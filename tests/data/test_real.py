"""The real sets, where PARIBUS_DATA names a folder that holds them."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from paribus.config import ImageShape
from paribus.data import DATASETS, load_data

pytestmark = pytest.mark.slow


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


def test_mnist_is_the_original(stored_data):
    data = load_data("mnist", validation=0)
    assert data.shape == ImageShape(1, 28, 10)
    arrays = [part for split in (data.train, data.test) for part in (split.images[:, 0], split.labels)]
    assert [len(array) for array in arrays] == [60_000, 60_000, 10_000, 10_000]
    assert [hashlib.md5(idx(array.numpy())).hexdigest() for array in arrays] == [
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ]


@pytest.mark.parametrize(
    ("name", "options", "shape", "counts"),
    [
        ("mnist", {}, ImageShape(1, 28, 10), (55_000, 5_000, 10_000)),
        ("stacked-mnist", {}, ImageShape(3, 28, 1000), (123_000, 5_000, 26_000)),
        ("cifar10", {}, ImageShape(3, 32, 10), (18_000, 2_000, 10_000)),
        ("lfw", {}, ImageShape(3, 64, 0), (10_921, 1_214, 1_098)),
        ("lfw", {"size": 45}, ImageShape(3, 45, 0), (10_921, 1_214, 1_098)),
        ("anime-faces", {}, ImageShape(3, 64, 0), (7_200, 800, 1_000)),
    ],
)
def test_sizes(stored_data, name, options, shape, counts):
    data = load_data(name, **options)
    assert data.shape == shape
    assert DATASETS[name].classes == shape.classes
    assert (len(data.train), len(data.validation), len(data.test)) == counts
    assert data.skipped == ()
    if shape.classes:
        per_class = np.bincount(data.validation.labels.numpy())
        assert per_class.min() > 0


def test_cifar10_in_a_memory_map(stored_data, monkeypatch):
    plain = load_data("cifar10")
    monkeypatch.setenv("PARIBUS_MEMMAP", "1")
    assert load_data("cifar10").fingerprint == plain.fingerprint
