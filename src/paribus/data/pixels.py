"""Arrays of pixels in the forms that programs have them in, to uint8 (N, H, W, C)."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from paribus.base.errors import ParibusError
from paribus.data.decoding import MOST_PIXELS

FloatRange = Literal["0..1", "-1..1"]
"""The range of pixels that are stored as floats."""
CHANNELS = (1, 3, 4)
"""Grey, RGB, and RGB with transparency."""
BYTES_OR_FLOATS = "uint8 from 0 to 255, or floats from 0 to 1 (from -1 to 1 where float_range='-1..1' says so)"
_LAYOUTS = "(N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels"
_ROUNDING = 1e-3  # a quarter of a byte's step: what reduced precision leaves beyond the ends of a range
_ROWS = 1024


def plain_array(value: Any) -> np.ndarray:
    """A tensor or an array as a NumPy array; bfloat16, which NumPy lacks, as float32.

    Raises:
        ParibusError: A tensor holds no numbers, or not all of them (on the device meta, sparse).
    """
    if not hasattr(value, "detach"):
        return np.asarray(value)
    try:
        value = value.detach().cpu()
        return np.asarray(value.float() if value.is_floating_point() else value)
    except (TypeError, RuntimeError) as error:
        raise ParibusError(
            "The tensor cannot be read.",
            where="the images given",
            got=str(error).splitlines()[0],
            expected="a dense tensor that holds its numbers",
            fix="give tensor.to_dense().cpu()",
        ) from None


def as_pixels(array: np.ndarray, where: str, float_range: FloatRange = "0..1") -> np.ndarray:
    """Images as uint8 (N, H, W, C).

    Args:
        array: (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels; uint8, or floats, which are rounded to
            the nearest byte.
        where: What it is, for messages.
        float_range: What is black and what is white where it holds floats.

    Raises:
        ParibusError: Its type, range or shape is another.
    """
    array = _channels_last(array, where)
    if 0 in array.shape[1:]:
        raise ParibusError(
            "The images have no pixels.",
            where=where,
            got=f"{array.dtype} {array.shape}",
            expected=_LAYOUTS,
            fix="see how they were made",
        )
    if math.prod(array.shape[1:3]) > MOST_PIXELS:
        raise ParibusError(
            "The images are too large.",
            where=where,
            got=f"{array.shape[1]:,} x {array.shape[2]:,} pixels",
            expected=f"at most {MOST_PIXELS:,} pixels each",
            fix="cut or reduce them",
        )
    if array.dtype.kind == "f":
        return _rounded(array, where, float_range)
    if array.dtype != np.uint8:
        fits = array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 255
        raise ParibusError(
            "The pixels have a wrong type.",
            where=where,
            got=str(array.dtype),
            expected=BYTES_OR_FLOATS,
            fix="convert them, with images.astype('uint8') if they are from 0 to 255" if fits else "convert them",
        )
    return array


def _channels_last(array: np.ndarray, where: str) -> np.ndarray:
    if array.ndim == 3 and array.shape[0] not in CHANNELS and array.shape[2] not in CHANNELS:
        return array[..., None]
    if array.ndim == 4 and array.shape[3] in CHANNELS:
        return array
    if array.ndim == 4 and array.shape[1] in CHANNELS:
        return array.transpose(0, 2, 3, 1)
    one = array.ndim == 3
    raise ParibusError(
        "This is one image, not a stack of images." if one else "The images have a wrong shape.",
        where=where,
        got=f"{array.dtype} {array.shape}",
        expected=_LAYOUTS,
        fix="give each image by itself: a grid of many cannot be taken apart" if one else "transpose or reshape them",
    )


def _rounded(array: np.ndarray, where: str, float_range: FloatRange) -> np.ndarray:
    low = -1.0 if float_range == "-1..1" else 0.0
    pixels = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), _ROWS):
        part = array[start : start + _ROWS].astype(np.float32)
        check_range(float(part.min()), float(part.max()), where, float_range)
        pixels[start : start + _ROWS] = np.clip(np.rint((part - low) * (255 / (1 - low))), 0, 255)
    return pixels


def check_range(least: float, most: float, where: str, float_range: FloatRange = "0..1") -> None:
    """Refuses floats beyond the range that pixels have.

    Raises:
        ParibusError: They are, or one is not a number.
    """
    low = -1.0 if float_range == "-1..1" else 0.0
    if low - _ROUNDING <= least and most <= 1 + _ROUNDING:
        return
    if not (math.isfinite(least) and math.isfinite(most)):
        raise ParibusError(
            "Some pixels are no numbers." if math.isnan(least + most) else "Some pixels are infinite.",
            where=where,
            got="NaN" if math.isnan(least + most) else f"floats from {least:.4g} to {most:.4g}",
            expected=f"floats from {low:g} to 1, or uint8 from 0 to 255",
            fix="leave these images out, or see how they were computed",
        )
    fix = "scale them to this range"
    if low == 0 and -1 - _ROUNDING <= least and most <= 1 + _ROUNDING:
        fix = (
            "if they are from -1 to 1, give (images + 1) / 2, or say so: -o data.float_range=-1..1 "
            "(--float-range=-1..1 with evaluate, float_range='-1..1' in Python)"
        )
    elif least >= 0 and 1 < most <= 255:
        fix = "if they are from 0 to 255, convert them to uint8, or divide them by 255"
    raise ParibusError(
        "The pixels are out of range.",
        where=where,
        got=f"floats from {least:.4g} to {most:.4g}",
        expected=f"floats from {low:g} to 1, or uint8 from 0 to 255",
        fix=fix,
    )
