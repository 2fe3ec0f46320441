from __future__ import annotations

from pathlib import Path

import pytest
import torch

from paribus.data import load_data
from paribus.explorer.exhibits import exhibits
from paribus.explorer.memory import Memory, distances
from tests.explorer.browsing import GAN
from tests.tensors import Largest


def test_a_copy_is_found_and_told_from_what_is_not(folders: list[Path]) -> None:
    data = load_data("digits")
    memory = Memory(exhibits([str(folders[GAN])])[0], "pixels")
    copied = memory.nearest(data.train.images[17])
    assert copied["neighbours"][0]["distance"] == 0
    assert copied["neighbours"][0]["class"] == str(int(data.train.labels[17]))
    assert copied["held_out"]["nearer_than"] == 1
    rows = data.train.images.flatten(1).double()
    image = data.test.images[3]
    expected = (rows - image.flatten().double()).norm(dim=1).sort().values
    answer = memory.nearest(image)
    assert [one["distance"] for one in answer["neighbours"]] == pytest.approx(expected[:6].tolist())
    assert answer["searched"] == len(rows)
    nearest = torch.cdist(data.test.images.flatten(1).double(), rows).min(1).values
    assert answer["held_out"]["median"] == pytest.approx(float(nearest.median()), rel=0.1)  # of 200 of them


def test_large_images_are_compared_a_few_at_a_time() -> None:
    size = 3 * 128 * 128
    rows = torch.randint(0, 256, (100, size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    row = rows[7:8].double() + 1
    with Largest() as tensors:
        found = distances(row, rows)
    assert tensors.seen < 25 * size
    torch.testing.assert_close(found, torch.linalg.vector_norm(rows.double() - row, dim=1))
    assert found[7] == pytest.approx(size**0.5)
