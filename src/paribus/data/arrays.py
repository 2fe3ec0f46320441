"""Data sets that are arrays already: .npz files, and scikit-learn's digits."""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from paribus.base.errors import ParibusError
from paribus.data.labels import labelled
from paribus.data.raw import Encoded, RawData, RawSplit, files_key

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_LAYOUTS = "(N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels"
_FIX = "save them with numpy.savez(FILE, images=..., labels=...), pixels as uint8 from 0 to 255"


def npz_file(path: Path) -> RawData:
    """An .npz of `images` with optional `labels` and `class_names`, or of x_train, y_train, x_test, y_test.

    The arrays are read whole: an .npz cannot be mapped.

    Raises:
        ParibusError: Names, types or shapes are others.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, TypeError, AttributeError) as error:
        raise ParibusError(
            "The .npz file cannot be read.",
            where=str(path),
            got=str(error).splitlines()[0] if str(error) else type(error).__name__,
            expected="arrays of numbers without pickled objects",
            fix=_FIX,
        ) from None
    pairs = {"all": ("images", "labels")}
    if "images" not in arrays:
        pairs = {"train": ("x_train", "y_train"), "test": ("x_test", "y_test"), "validation": ("x_val", "y_val")}
        pairs = {split: names for split, names in pairs.items() if names[0] in arrays}
    if "all" not in pairs and "train" not in pairs:
        raise ParibusError(
            "The .npz file holds no images.",
            where=str(path),
            got=f"arrays {', '.join(arrays) or '(none)'}",
            expected="an array 'images', or 'x_train' with or without 'x_test'",
            fix=_FIX,
        )
    pixels = {split: _as_pixels(arrays[x], f"{path}: {x}") for split, (x, _) in pairs.items()}
    values = {
        split: _as_labels(arrays[y], len(pixels[split]), f"{path}: {y}") if y in arrays else None
        for split, (_, y) in pairs.items()
    }
    names = [str(name) for name in arrays["class_names"].ravel()] if "class_names" in arrays else None
    splits = {split: array_split(of, None, f"{pairs[split][0]}[{{}}]") for split, of in pixels.items()}
    return labelled(RawData(splits, str(path), files_key("npz", path, [path])), values, names)


def digits() -> RawData:
    """scikit-learn's 1,797 handwritten digits of 8x8 pixels: values v from 0 to 16 become round(v * 255 / 16)."""
    values, labels = _digits_table()
    pixels = np.floor(values * (255 / 16) + 0.5).astype(np.uint8).reshape(-1, 8, 8, 1)
    split = array_split(pixels, labels.astype(np.int64), "digit {}")
    names = tuple(str(digit) for digit in range(10))
    return RawData({"all": split}, "scikit-learn's load_digits", ("digits",), names)


def _digits_table() -> tuple[np.ndarray, np.ndarray]:
    """Values (1797, 64) and labels (1797,), from scikit-learn's own file: importing it would take seconds."""
    package = importlib.util.find_spec("sklearn")
    if package is not None and package.origin is not None:
        file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            table = np.loadtxt(file, delimiter=",")
            return table[:, :-1], table[:, -1]
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


def array_split(pixels: np.ndarray, labels: np.ndarray | None, where: str) -> RawSplit:
    """A split of uint8 arrays (N, H, W, C); `where` names an image, with {} for its index."""
    mode = _MODES[pixels.shape[3]]

    def pictures() -> Iterator[Encoded]:
        for p in pixels:
            yield Image.frombuffer(mode, (p.shape[1], p.shape[0]), p.tobytes(), "raw", mode, 0, 1)

    namer: Callable[[int], str] = where.format
    return RawSplit(len(pixels), pictures, namer, labels, pixels)


def _as_pixels(array: np.ndarray, where: str) -> np.ndarray:
    if array.dtype != np.uint8:
        scaled = array.dtype.kind == "f" and array.size and 0 <= array.min() and array.max() <= 1
        raise ParibusError(
            "The pixels have a wrong type.",
            where=where,
            got=str(array.dtype),
            expected="uint8, 0 to 255",
            fix="convert them, for example (255 * images).round().astype('uint8')" if scaled else _FIX,
        )
    if array.ndim == 3:
        return array[..., None]
    if array.ndim == 4 and array.shape[3] in _MODES:
        return array
    if array.ndim == 4 and array.shape[1] in _MODES:
        return array.transpose(0, 2, 3, 1)
    raise ParibusError(
        "The images have a wrong shape.", where=where, got=str(array.shape), expected=_LAYOUTS, fix="transpose them"
    )


def _as_labels(array: np.ndarray, count: int, where: str) -> list[object]:
    if array.shape not in ((count,), (count, 1)) or array.dtype.kind not in "iubUS":
        raise ParibusError(
            "The labels have a wrong shape or type.",
            where=where,
            got=f"{array.dtype} {array.shape}",
            expected=f"integers or strings of shape ({count},)",
            fix="give one class label an image",
        )
    flat = array.ravel()
    return (np.char.decode(flat) if flat.dtype.kind == "S" else flat).tolist()
