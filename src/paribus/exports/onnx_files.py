"""A model as ONNX files, each checked against torch before it is kept."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from paribus.base.errors import ParibusError
from paribus.base.files import replacing
from paribus.base.version import __version__
from paribus.exports.networks import DecoderModule, EncoderModule
from paribus.exports.source import TrainedModel
from paribus.models import Model

OPSET = 20
TOLERANCE = 1e-5
"""How far a number may be from torch's, as a share of the largest one where that is above 1."""
BATCHES = (2, 5)
"""Batch sizes that a file is checked with; neither is the one that it was traced with."""
TRACED = 3
IMAGES = "float32 (N, C, H, W) in [0, 1]"


def write_onnx(source: TrainedModel, folder: Path) -> None:
    """Writes decoder.onnx and, where the model has an encoder, encoder.onnx, with a batch size of any length.

    Both are checked before either is kept.

    decoder.onnx maps `z` float32 (N, latents) to `images`, encoder.onnx maps `images` to `z`; in a conditional model
    both take `labels` int64 (N,) too. Images are float32 (N, C, H, W) in [0, 1]. Each file's metadata says what the
    model is.

    Raises:
        ParibusError: A package of the extra `onnx` is missing, or a file computes other numbers than torch.
    """
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ParibusError(
            f"The package '{missing[0]}' is not installed.", where="--to onnx", fix="pip install 'paribus[onnx]'"
        )
    decoder, encoder = folder / "decoder.onnx", folder / "encoder.onnx"
    with ExitStack() as kept:
        _write(DecoderModule(source.model), "z", "images", source, decoder, kept.enter_context(replacing(decoder)))
        if source.model.can_encode:
            _write(EncoderModule(source.model), "images", "z", source, encoder, kept.enter_context(replacing(encoder)))


def _write(net: nn.Module, first: str, output: str, source: TrainedModel, path: Path, partial: Path) -> None:
    """Traces, writes and checks one file, whose inputs are `first` and perhaps labels; `path` is its later name."""
    traced = _inputs(source.model, first, TRACED)
    examples = [_inputs(source.model, first, n) for n in BATCHES]
    with torch.no_grad():  # before it is traced: what a network keeps from its first call is kept now
        expected = [net(*inputs.values()).numpy() for inputs in examples]
    with _quiet():
        program = torch.onnx.export(
            net,
            tuple(traced.values()),
            input_names=list(traced),
            output_names=[output],
            dynamic_shapes=tuple({0: "batch"} for _ in traced),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        program.model.metadata_props.update(_metadata(source))
        program.save(partial)
        for inputs, numbers in zip(examples, expected, strict=True):
            _check(partial, inputs, numbers, path)


def _inputs(model: Model, first: str, n: int) -> dict[str, Tensor]:
    """So many latents, or images decoded from them, and labels for a conditional model, by name."""
    labels = model.sample_labels(n)
    z = model.latents(n, seed=n, labels=labels)
    with torch.no_grad():
        inputs = {first: z if first == "z" else DecoderModule(model)(z, labels)}
    return inputs if labels is None else inputs | {"labels": labels}


def _check(file: Path, inputs: dict[str, Tensor], expected: np.ndarray[Any, Any], path: Path) -> None:
    """Refuses a file that computes other numbers than torch: by more than `TOLERANCE`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    [got] = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    difference = float(np.abs(got - expected).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise ParibusError(
            "The exported file computes other numbers than torch; it was not kept.",
            where=str(path),
            got=f"a difference of {difference:.2g} with a batch of {len(expected)}",
            expected=f"at most {TOLERANCE:g}",
            fix="try other versions of onnxscript and onnxruntime (pip install -U 'paribus[onnx]')",
        )


def _metadata(source: TrainedModel) -> dict[str, str]:
    """What a file says of itself, as texts."""
    model, record = source.model, source.record
    facts: dict[str, Any] = {
        "model": model.config.model,
        "objective": model.objective.name,
        "backbone": model.config.backbone.name,
        "images": IMAGES,
        "latents": f"drawn from {source.latents_words}",
        "classes": json.dumps(model.class_names) if model.image.classes else None,
        "data": source.data_name,
        "data_fingerprint": (record.get("data") or {}).get("fingerprint"),
        "data_licence": source.data_licence,
        "run_identity": record.get("identity"),
        "seed": model.config.seed,
        "made_by": f"Paribus {__version__}, torch {torch.__version__}",
    }
    return {f"paribus.{key}": str(value) for key, value in facts.items() if value is not None}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what parts of the exporter tell each other and no user can act on."""
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
        warnings.filterwarnings("ignore", "# The axis name: batch will not be used", UserWarning)
        exporter.setLevel(logging.ERROR)  # that torchvision, which nothing here needs, is not installed
        try:
            yield
        finally:
            exporter.setLevel(level)
