"""Stacked MNIST, made from a small stand-in for MNIST whose pixels tell their image and class."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.data import ImageData, Split, load_data
from paribus.data import stacked as module
from paribus.data.stacked import stacked
from paribus.results.words import finding_words


def split(n, first):
    """Image i is all of the value first + i, of class i % 4."""
    return Split(torch.arange(first, first + n, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8),
                 torch.arange(n) % 4)  # fmt: skip


SOURCE = ImageData("grey", split(100, 0), split(0, 0), split(40, 200), tuple("abcd"), "grey-1")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(module, "COUNTS", {"train": 3000, "test": 500})


@pytest.mark.parametrize(("name", "count", "of", "first"), [("train", 3000, 100, 0), ("test", 500, 40, 200)])
def test_channels_are_images_and_the_label_their_classes(name, count, of, first):
    made = stacked(SOURCE).splits[name]
    assert made.count == count and made.pixels.shape == (count, 8, 8, 3)
    drawn = made.pixels[:, 0, 0].astype(int) - first  # (count, 3)
    assert (made.pixels == made.pixels[:, :1, :1]).all()
    assert drawn.min() >= 0 and drawn.max() < of
    assert (made.labels == (drawn % 4) @ [16, 4, 1]).all()
    uses = np.bincount(drawn.ravel(), minlength=of)
    chi2 = ((uses - uses.mean()) ** 2 / uses.mean()).sum()
    assert chi2 == pytest.approx(of - 1, abs=5 * (2 * (of - 1)) ** 0.5)  # evenly drawn
    assert abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 5 / count**0.5  # and independently


def test_names_and_notes():
    raw = stacked(SOURCE)
    assert len(raw.class_names) == 64 and raw.channel_classes == 4
    assert raw.class_names[0] == "000" and raw.class_names[6] == "012" and raw.class_names[63] == "333"
    assert [finding_words(note) for note in raw.notes] == [
        "Each image is three of grey, drawn by a fixed seed from the same split."
    ]


@pytest.fixture
def stored_mnist(tmp_path, monkeypatch):
    for part, count in (("train", 30), ("test", 20)):
        for i in range(count):
            path = tmp_path / "mnist" / part / str(i % 2) / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((28, 28), 5 * i + 100 * (i % 2), np.uint8)).save(path)
    monkeypatch.setenv("PARIBUS_DATA", str(tmp_path))


def test_by_name(stored_mnist):
    data = load_data("stacked-mnist")
    assert data.shape == ImageShape(3, 28, 8) and data.channel_classes == 2
    assert [len(part) for part in (data.train, data.validation, data.test)] == [2700, 300, 500]
    assert data.fingerprint == load_data("stacked-mnist").fingerprint
    assert load_data("stacked-mnist", size=16).shape == ImageShape(3, 16, 8)
    red, green, blue = (
        (data.test.images[:, i, 0, 0] > 100) & (data.test.images[:, i, 0, 0] % 10 == 5) for i in range(3)
    )
    assert (data.test.labels == 4 * red + 2 * green + blue).all()
    assert load_data("mnist").channel_classes == 0


def test_in_a_memory_map(stored_mnist, monkeypatch):
    plain = load_data("stacked-mnist")
    monkeypatch.setenv("PARIBUS_MEMMAP", "1")
    mapped = load_data("stacked-mnist")
    assert mapped.fingerprint == plain.fingerprint and mapped.channel_classes == 2


def test_the_channels_are_not_to_be_mixed(stored_mnist):
    with pytest.raises(ParibusError, match="channels of these images are images of their own"):
        load_data("stacked-mnist", channels=1)
