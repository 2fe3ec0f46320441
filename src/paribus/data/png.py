"""Small plain PNG files, thousands at a time: PIL spends 50 microseconds on the frame of each, whatever it holds.

Only the plainest files are read here: 8-bit grey or RGB, not interlaced, one block of data, right checksums, nothing
else in them. Any other is left to PIL, which also finds the reason where one is bad.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

LARGEST_FILE = 16_384  # bytes; PIL's own work dominates beyond
_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_CHANNELS = {b"\x08\x00\x00\x00\x00": 1, b"\x08\x02\x00\x00\x00": 3}
_NONE, _SUB, _UP, _AVERAGE, _PAETH = range(5)


def plain_pngs(files: Sequence[bytes], size: int, channels: int) -> dict[int, np.ndarray]:
    """Decodes those of the files that are plain PNGs of one form.

    Args:
        files: Contents of encoded files of any kind.
        size: Height and width that are decoded here, in pixels.
        channels: 1 or 3.

    Returns:
        By position in `files`: uint8 (size, size, channels), bit for bit what PIL gives.
    """
    length = size * (1 + size * channels)
    found, rows = [], []
    for position, content in enumerate(files):
        data = _filtered_rows(content, size, channels, length)
        if data is not None:
            found.append(position)
            rows.append(data)
    if not rows:
        return {}
    stacked = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), size, 1 + size * channels)
    if stacked[:, :, 0].max() > _PAETH:
        return {}
    images = _unfiltered(stacked[:, :, 0], stacked[:, :, 1:].reshape(len(rows), size, size, channels))
    return dict(zip(found, images, strict=True))


def _filtered_rows(content: bytes, size: int, channels: int, length: int) -> bytes | None:
    """The inflated data of a plain PNG: for each row the number of its filter and the filtered bytes."""
    if content[:16] != _HEAD or content[37:41] != b"IDAT" or content[-12:] != _END:
        return None
    number = int.from_bytes(content[33:37], "big")
    if len(content) != number + 57 or _CHANNELS.get(content[24:29]) != channels:
        return None
    if content[16:24] != size.to_bytes(4, "big") * 2:
        return None
    data = content[41 : 41 + number]
    sums = content[29:33] + content[41 + number : 45 + number]
    if sums != zlib.crc32(content[12:29]).to_bytes(4, "big") + zlib.crc32(data, zlib.crc32(b"IDAT")).to_bytes(4, "big"):
        return None
    inflater = zlib.decompressobj()
    try:
        rows = inflater.decompress(data, length + 1)
    except zlib.error:
        return None
    return rows if len(rows) == length and inflater.eof else None


def _unfiltered(filters: np.ndarray, filtered: np.ndarray) -> np.ndarray:
    """Undoes PNG's filters, row by row for all images at once.

    Source: PNG specification (W3C, third edition), section 9.

    Args:
        filters: uint8 (N, H), 0 to 4.
        filtered: uint8 (N, H, W, C).
    """
    images = np.empty_like(filtered)
    above = np.zeros_like(filtered[:, 0])
    for y in range(filtered.shape[1]):
        row = filtered[:, y].copy()
        for kind in np.unique(filters[:, y]):
            which = np.flatnonzero(filters[:, y] == kind)
            if kind == _SUB:
                row[which] = row[which].cumsum(1, dtype=np.uint8)
            elif kind == _UP:
                row[which] += above[which]
            elif kind == _AVERAGE:
                row[which] = _from_average(row[which], above[which])
            elif kind == _PAETH:
                row[which] = _from_paeth(row[which], above[which])
        images[:, y] = above = row
    return images


def _from_average(row: np.ndarray, above: np.ndarray) -> np.ndarray:
    columns, up = _columns(row), _columns(above)
    left = np.zeros_like(up[0])
    for x, column in enumerate(columns):
        left = columns[x] = (column + ((left + up[x]) >> 1)) & 255
    return columns.transpose(1, 0, 2).astype(np.uint8)


def _from_paeth(row: np.ndarray, above: np.ndarray) -> np.ndarray:
    columns, up = _columns(row), _columns(above)
    left = corner = np.zeros_like(up[0])
    for x, column in enumerate(columns):
        to_left, to_up = up[x] - corner, left - corner  # the distances of left and of up from left + up - corner
        to_corner = np.abs(to_left + to_up)
        to_left, to_up = np.abs(to_left), np.abs(to_up)
        nearest = np.where(to_up <= to_corner, up[x], corner)
        nearest = np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)
        left = columns[x] = (column + nearest) & 255
        corner = up[x]
    return columns.transpose(1, 0, 2).astype(np.uint8)


def _columns(row: np.ndarray) -> np.ndarray:
    """(N, W, C) to int16 (W, N, C), so that each column is contiguous."""
    return np.ascontiguousarray(row.transpose(1, 0, 2)).astype(np.int16)
