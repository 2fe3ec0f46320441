"""Inception's weights: where they are found, how they are downloaded and checked, and batch norm folded into them."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from paribus.base.cache import locked
from paribus.base.errors import ParibusError, Unavailable
from paribus.base.files import replacing
from paribus.base.network import is_reachable
from paribus.base.places import checked_path
from paribus.metrics.inception_layers import EPSILON, STAGES, Convolution, convolutions_to

URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""Of the file, as several projects that pin it have it; its name carries the first 8 digits."""
SIZE_BYTES = 95_628_359
VARIABLE = "PARIBUS_INCEPTION"

_CONNECT_SECONDS = 3.0
_SILENCE_SECONDS = 30.0  # after which a download counts as broken off
_PART_BYTES = 1 << 18


def weights_file(
    given: str | Path | None, cache: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> Path:
    """The file of the weights: the one given, or `PARIBUS_INCEPTION`, or CACHE/weights, downloaded where it is not.

    `progress` is called with bytes done and bytes in all.

    Raises:
        ParibusError: A named file is not there, or the download fails; the message names the three ways.
    """
    for named, where in ((given, "evaluation.inception_weights"), (os.environ.get(VARIABLE), VARIABLE)):
        if named:
            path = checked_path(named, where)
            if not path.is_file():
                raise _unavailable("The file of Inception's weights is not there.", where, str(path), cache)
            return path
    path = cache / "weights" / Path(URL).name
    with locked(path):
        if not path.is_file() or not _is_whole(path):
            _download(path, cache, progress)
    return path


def is_at_hand(given: str | Path | None, cache: Path) -> bool:
    """Whether `weights_file` needs no download."""
    return bool(given or os.environ.get(VARIABLE)) or (cache / "weights" / Path(URL).name).is_file()


def _is_whole(path: Path) -> bool:
    """Whether a file of the cache, which others may share, is the one that is known."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == SHA256


def _download(path: Path, cache: Path, progress: Callable[[int, int], None]) -> None:
    if not is_reachable(URL, _CONNECT_SECONDS):
        what = "Inception's weights are not on this machine, and cannot be downloaded."
        raise _unavailable(what, URL, "no connection to that host", cache)
    digest, done = hashlib.sha256(), 0
    try:
        with (
            replacing(path) as partial,
            partial.open("wb") as file,
            urllib.request.urlopen(URL, timeout=_SILENCE_SECONDS) as answer,
        ):
            total = int(answer.headers.get("Content-Length") or SIZE_BYTES)
            while part := answer.read(_PART_BYTES):
                file.write(part)
                digest.update(part)
                done += len(part)
                progress(done, total)
            if digest.hexdigest() != SHA256:
                got = f"{done:,} bytes with sha256 {digest.hexdigest()[:16]}..., not {SHA256[:16]}..."
                raise _unavailable("What was downloaded is not Inception's weights.", URL, got, cache)
    except (OSError, HTTPException) as error:  # of the network or of the disk
        raise _unavailable("The download of Inception's weights failed.", URL, error, cache) from error


def _unavailable(what: str, where: str, got: object, cache: Path) -> Unavailable:
    return Unavailable(
        what,
        where=where,
        got=got,
        expected=f"{Path(URL).name}, or a .safetensors file with its tensors",
        fix=f"name the file with --inception-weights FILE (-o evaluation.inception_weights=FILE) or {VARIABLE}=FILE, "
        f"or connect to the network once: it is then downloaded to {cache / 'weights'}",
    )


def read_weights(path: Path, dimensions: int | None = None) -> dict[str, Tensor]:
    """Weights for `InceptionNetwork` from a file: up to a tap, and the classes' where the file has them.

    Args:
        path: A state dict with torch-fidelity's names, as .pth or .safetensors; it may end behind the tap.
        dimensions: The tap: 64, 192, 768 or 2048; by default the last one that the file suffices for.

    Returns:
        NAME.weight (outputs, inputs, height, width) and NAME.bias (outputs,) of each convolution, and perhaps
        fc.weight (1008, 2048) and fc.bias (1008,); all float32 on the CPU.

    Raises:
        ParibusError: The file cannot be read, or lacks tensors, or has them in other shapes.
    """
    state = _read(path)
    dimensions = dimensions or _widest(state)
    _check(state, dimensions, path)
    weights = {}
    for layer in convolutions_to(dimensions):
        weights[f"{layer.name}.weight"], weights[f"{layer.name}.bias"] = _folded(state, layer.name)
    if dimensions == max(STAGES) and "fc.weight" in state and "fc.bias" in state:
        weights |= {name: state[name].float() for name in ("fc.weight", "fc.bias")}
    return weights


def widest_tap(weights: Mapping[str, Tensor]) -> int:
    """The last tap that weights go up to, as `read_weights` gives them."""
    return max(tap for tap in STAGES if all(f"{layer.name}.weight" in weights for layer in convolutions_to(tap)))


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise many kinds for a broken file
        # torch's own words advise to run the code in the file
        raise _unreadable(path, f"something else ({type(error).__name__})") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise _unreadable(path, f"a {type(state).__name__} that is not of tensors")
    return state


def _unreadable(path: Path, got: str) -> ParibusError:
    return ParibusError(
        "The file of Inception's weights cannot be read.",
        where=str(path),
        got=got,
        expected=f"{Path(URL).name}, or a .safetensors file with its tensors",
        fix="remove the file and get it again: it may be incomplete, or in another format",
    )


def _shapes(layer: Convolution) -> dict[str, tuple[int, ...]]:
    """The tensors that a file has of a convolution."""
    shapes: dict[str, tuple[int, ...]] = {
        f"{layer.name}.bn.{part}": (layer.outputs,) for part in ("weight", "bias", "running_mean", "running_var")
    }
    return {f"{layer.name}.conv.weight": (layer.outputs, layer.inputs, *layer.kernel)} | shapes


def _check(state: Mapping[str, Tensor], dimensions: int, path: Path) -> None:
    expected = {name: shape for layer in convolutions_to(dimensions) for name, shape in _shapes(layer).items()}
    missing = [name for name in expected if name not in state]
    if missing:
        least = min(STAGES)
        usable = not any(name not in state for layer in convolutions_to(least) for name in _shapes(layer))
        raise ParibusError(
            f"The file lacks weights that inception-{dimensions} needs.",
            where=str(path),
            got=f"no {missing[0]}" + (f", and {len(missing) - 1} others are missing" if len(missing) > 1 else ""),
            expected=f"the tensors of {Path(URL).name}",
            fix=f"give the full file, or choose evaluation.encoder=inception-{_widest(state)}, for which this suffices"
            if usable
            else "give a file with torch-fidelity's names of the tensors",
        )
    for name, shape in expected.items():
        if tuple(state[name].shape) != shape:
            raise ParibusError(
                "The file holds another network's weights.",
                where=f"{name} in {path}",
                got=tuple(state[name].shape),
                expected=shape,
                fix=f"give {Path(URL).name}: other Inception networks do not give the FID",
            )


def _widest(state: Mapping[str, Tensor]) -> int:
    complete = [
        tap for tap in STAGES if all(name in state for layer in convolutions_to(tap) for name in _shapes(layer))
    ]
    return max(complete, default=min(STAGES))


def _folded(state: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Weight and bias that do what the convolution and its batch norm do.

    In float64, so that weights which were folded before (mean 0, variance 1 - epsilon) come out bit for bit.
    """
    scale, shift, mean, variance = (
        state[f"{name}.bn.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = scale / (variance + EPSILON).sqrt()
    weight = state[f"{name}.conv.weight"].double() * scale[:, None, None, None]
    return weight.float(), (shift - mean * scale).float()
