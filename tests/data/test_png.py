"""The reader of plain PNGs against PIL, which wrote none of these files: every filter, and every reason to decline."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from paribus.data.png import plain_pngs


def block(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def png_of(rows: np.ndarray, channels: int, extra: bytes = b"", depth: int = 8, interlaced: int = 0) -> bytes:
    """A PNG from filtered rows uint8 (H, 1 + W * C), the first number of each being its filter."""
    height = width = rows.shape[0]
    head = (
        width.to_bytes(4, "big")
        + height.to_bytes(4, "big")
        + bytes([depth, 0 if channels == 1 else 2, 0, 0, interlaced])
    )
    data = block(b"IDAT", zlib.compress(rows.tobytes()))
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", head) + extra + data + block(b"IEND", b"")


def by_pil(content: bytes, channels: int) -> np.ndarray:
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    return pixels.reshape(*pixels.shape[:2], channels)


def random_rows(size: int, channels: int, rng: np.random.Generator) -> np.ndarray:
    rows = rng.integers(0, 256, (size, 1 + size * channels), dtype=np.uint8)
    rows[:, 0] = rng.integers(0, 5, size)
    return rows


@settings(deadline=None, max_examples=40)
@given(size=st.integers(1, 20), channels=st.sampled_from([1, 3]), seed=st.integers(0, 1000))
def test_equal_to_pil_for_every_mix_of_filters(size, channels, seed):
    rng = np.random.default_rng(seed)
    files = [png_of(random_rows(size, channels, rng), channels) for _ in range(9)]
    found = plain_pngs(files, size, channels)
    assert list(found) == list(range(9))
    for position, content in enumerate(files):
        np.testing.assert_array_equal(found[position], by_pil(content, channels))


def test_anything_unusual_is_left_to_pil():
    rng = np.random.default_rng(0)
    rows = random_rows(8, 1, rng)
    good = png_of(rows, 1)
    wrong_sum = bytearray(good)
    wrong_sum[45] ^= 1
    wrong_filter = rows.copy()
    wrong_filter[3, 0] = 9
    unusual = {
        "transparency": png_of(rows, 1, block(b"tRNS", b"\x00\x07")),
        "orientation": png_of(rows, 1, block(b"eXIf", b"MM\x00*")),
        "interlaced": png_of(rows, 1, interlaced=1),
        "16 bits": png_of(rows, 1, depth=16),
        "colour": png_of(random_rows(8, 3, rng), 3),
        "another size": png_of(random_rows(9, 1, rng), 1),
        "cut short": good[:-20],
        "a byte too many": good + b"\x00",
        "wrong checksum": bytes(wrong_sum),
        "too little data": png_of(rows, 1).replace(good[37:], b"")
        + block(b"IDAT", zlib.compress(b"1"))[4:]
        + good[-12:],
        "not a PNG": b"GIF89a",
        "empty": b"",
    }
    found = plain_pngs([*unusual.values(), good], 8, 1)
    assert list(found) == [len(unusual)]
    assert plain_pngs([png_of(wrong_filter, 1)], 8, 1) == {}
    assert plain_pngs([], 8, 1) == {}


@pytest.mark.parametrize("factor", [10, 100_000])
def test_more_data_than_pixels_is_left_to_pil(factor):
    rows = np.zeros((8, 9), np.uint8)
    content = png_of(rows, 1)
    bomb = content[:33] + block(b"IDAT", zlib.compress(bytes(72 * factor))) + content[-12:]
    assert plain_pngs([bomb], 8, 1) == {}
