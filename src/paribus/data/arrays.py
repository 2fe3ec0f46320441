"""Data sets that are arrays already: files of arrays and tensors, and scikit-learn's digits."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from paribus.base.errors import ParibusError
from paribus.data.labels import labelled
from paribus.data.pixels import FloatRange, as_pixels, plain_array
from paribus.data.raw import Encoded, RawData, RawSplit, files_key

ARRAY_FILES = frozenset({".npz", ".npy", ".pt", ".pth", ".safetensors"})
IMAGE_NAMES = ("images", "image", "samples", "arr_0")
"""What arrays of images are called: here, by samplers, and by numpy.savez(FILE, images)."""
LABEL_NAMES = ("labels", "label", "arr_1", "y")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_FIX = "save them with numpy.savez(FILE, images=..., labels=...), pixels as uint8 from 0 to 255"


def array_file(path: Path, *, float_range: FloatRange = "0..1") -> RawData:
    """The images of an .npz, .npy, .pt, .pth or .safetensors file, with labels where it has them.

    One array, or `images` (or `samples`, or `arr_0`) with optional `labels` and `class_names`, or x_train, y_train,
    x_test, y_test. The arrays are read whole, and nothing in a file is executed.

    Args:
        path: The file.
        float_range: The range of pixels that are floats.

    Raises:
        ParibusError: Names, types or shapes are others.
    """
    try:
        arrays = _arrays_of(path)
    except Exception as error:  # torch, safetensors and zipfile raise dozens of kinds for a broken file
        raise ParibusError(
            f"The {path.suffix} file cannot be read.",
            where=str(path),
            got=str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__,
            expected="arrays of numbers without pickled objects",
            fix=_FIX,
        ) from None
    named = [name for name in IMAGE_NAMES if name in arrays]
    if "arr_1" in arrays and not (named and arrays["arr_1"].shape == arrays[named[0]].shape[:1]):
        del arrays["arr_1"]  # numpy.savez(FILE, images, something else)
    pairs = {"all": (named[0], next((name for name in LABEL_NAMES if name in arrays), ""))} if named else {}
    if not named:
        pairs = {"train": ("x_train", "y_train"), "test": ("x_test", "y_test"), "validation": ("x_val", "y_val")}
        pairs = {split: names for split, names in pairs.items() if names[0] in arrays}
    if "all" not in pairs and "train" not in pairs:
        statistics = {"mu", "sigma"} <= arrays.keys()
        raise ParibusError(
            f"The {path.suffix} file holds no images.",
            where=str(path),
            got=f"arrays {', '.join(arrays) or '(none)'}"
            + (": statistics of images, of which one metric alone can be computed" if statistics else ""),
            expected="an array 'images' ('samples', 'arr_0'), or 'x_train' with or without 'x_test'",
            fix=_FIX,
        )
    pixels = {split: as_pixels(arrays[x], f"{path}: {x}", float_range) for split, (x, _) in pairs.items()}
    values = {
        split: as_labels(arrays[y], len(pixels[split]), f"{path}: {y}") if y in arrays else None
        for split, (_, y) in pairs.items()
    }
    names = [str(name) for name in arrays["class_names"].ravel()] if "class_names" in arrays else None
    splits = {split: array_split(of, None, f"{pairs[split][0]}[{{}}]") for split, of in pixels.items()}
    return labelled(RawData(splits, str(path), (*files_key("arrays", path, [path]), float_range)), values, names)


def _arrays_of(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by name; one alone, and a list of them, are images."""
    kind = path.suffix.lower()
    if kind in (".npy", ".npz"):
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return {"images": content}
        with content as file:
            members = {name: file[name] for name in file.files}
        if others := [name for name, member in members.items() if not isinstance(member, np.ndarray)]:
            raise TypeError(f"{', '.join(others)}, which {'is no array' if len(others) == 1 else 'are no arrays'}")
        return members
    import torch

    found: object
    if kind == ".safetensors":
        from safetensors.torch import load_file

        found = load_file(path)
    else:
        found = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(found, torch.Tensor):
        return {"images": plain_array(found)}
    if isinstance(found, tuple) and len(found) == 2:
        found = dict(zip(("images", "labels"), found, strict=True))
    if isinstance(found, (list, tuple)):
        return {"images": np.stack([plain_array(value) for value in found])}
    if not isinstance(found, Mapping):
        raise TypeError(f"a {type(found).__name__}, not tensors")
    return {str(name): plain_array(value) for name, value in found.items()}


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


def as_labels(array: np.ndarray, count: int, where: str) -> list[object]:
    """Labels of `count` images, one each.

    Raises:
        ParibusError: Their shape or type is another.
    """
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
