"""ONNX files, run by onnxruntime as somebody without Paribus would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import paribus as pb
from paribus.base.errors import ParibusError
from paribus.base.outputs import MANIFEST
from paribus.base.registry import backbones, objectives
from paribus.config import ImageShape
from paribus.exports import onnx_files
from paribus.exports.networks import EncoderModule
from paribus.models import Model
from paribus.recipes import model_names, own_shape, resolve
from paribus.runs.run import Run
from tests.conftest import tiny_config
from tests.exports.made import made_model


def ran(file: Path, **inputs: torch.Tensor) -> torch.Tensor:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    assert {value.name for value in session.get_inputs()} == set(inputs)
    [output] = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    return torch.from_numpy(output)


def check(model: Model, folder: Path, n: int = 7) -> None:
    """Exports a model, and compares what the files compute with what users get of the model."""
    pb.export(model, "onnx", folder)
    labels = model.sample_labels(n)
    classes = {} if labels is None else {"labels": labels}
    z = model.latents(n, seed=9)
    images = ran(folder / "decoder.onnx", z=z, **classes)
    assert images.dtype == torch.float32
    expected = model.decode(z, labels)
    assert (images * 255 - expected).abs().max() <= 0.5 + 255e-5  # bytes are rounded
    assert images.std() > 0
    assert (folder / "encoder.onnx").exists() == model.can_encode
    if model.can_encode:
        codes = ran(folder / "encoder.onnx", images=expected.float() / 255, **classes)
        torch.testing.assert_close(codes, model.encode(expected, labels), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backbone", backbones.names())
def test_every_backbone(backbone: str, tmp_path: Path) -> None:
    """Decoders with and without classes; the other shapes of each are among the slow tests."""
    conditional = backbone in ("biggan", "conv", "resnet")
    config = tiny_config("gan", f"backbone.name={backbone}", "backbone.width=4", f"objective.conditional={conditional}")
    check(made_model(config, ImageShape(1, 8, 3)), tmp_path)


def test_the_command_writes_and_the_files_say_what_they_are(
    made_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx
    from typer.testing import CliRunner

    from paribus.cli.app import app

    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(app, ["export", str(made_run.folder.path), "--to", "onnx"])
    assert shown.exit_code == 0, shown.output
    assert shown.output.split() == ["cvae-run-onnx/decoder.onnx", "cvae-run-onnx/encoder.onnx"]
    kept = onnx.load(tmp_path / "cvae-run-onnx/encoder.onnx").metadata_props
    facts = {entry.key.removeprefix("paribus."): entry.value for entry in kept}
    assert facts["run_identity"] == made_run.folder.record["identity"]
    assert facts["images"] == "float32 (N, C, H, W) in [0, 1]"
    assert json.loads(facts["classes"]) == ["a", "b", "c"]
    assert facts["data_licence"] == "not stated"
    z = made_run.model.latents(4)
    images = ran(tmp_path / "cvae-run-onnx/decoder.onnx", z=z, labels=torch.tensor([2, 2, 0, 1]))
    assert (images * 255 - made_run.model.decode(z, torch.tensor([2, 2, 0, 1]))).abs().max() <= 0.51


def test_a_file_that_computes_other_numbers_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = made_model(tiny_config("gan"), ImageShape(1, 8))
    monkeypatch.setattr(onnx_files, "TOLERANCE", 1e-12)
    with pytest.raises(ParibusError, match="computes other numbers than torch; it was not kept"):
        pb.export(model, "onnx", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_files_of_two_models_are_never_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pb.export(made_model(tiny_config("vae"), ImageShape(1, 8)), "onnx", tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"decoder.onnx", "encoder.onnx", MANIFEST}
    pb.export(made_model(tiny_config("gan"), ImageShape(1, 8)), "onnx", tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"decoder.onnx", MANIFEST}

    class Other(EncoderModule):
        def forward(self, images: torch.Tensor) -> torch.Tensor:  # traced as another network than it was
            return super().forward(images) + torch.compiler.is_exporting()

    monkeypatch.setattr(onnx_files, "EncoderModule", Other)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(ParibusError, match=r"it was not kept[\s\S]*encoder\.onnx"):
        pb.export(made_model(tiny_config("vae"), ImageShape(1, 8)), "onnx", tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_files, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(ParibusError, match="'onnxscript' is not installed") as caught:
        pb.export(made_model(tiny_config("gan"), ImageShape(1, 8)), "onnx", tmp_path)
    assert "pip install 'paribus[onnx]'" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("backbone", backbones.names())
@pytest.mark.parametrize("objective", [name for name in objectives.names() if "E" in objectives[name].averaged])
def test_every_encoder(objective: str, backbone: str, conditional: bool, tmp_path: Path) -> None:
    if objective == "cvae-gan" and not conditional:
        pytest.skip("is nothing without classes")
    names = (f"objective.name={objective}", f"backbone.name={backbone}", "backbone.width=4")
    config = tiny_config("gan", *names, f"objective.conditional={conditional}")
    check(made_model(config, ImageShape(3, 9, 3)), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [(f"backbone.plan={plan}",) for plan in ("b", "hinrichsen")])
def test_plans_with_attention_and_chunks(overrides: tuple[str, ...], tmp_path: Path) -> None:
    config = tiny_config("biggan", *overrides, "backbone.width=4")
    check(made_model(config, ImageShape(3, 32, 10)), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", model_names())
def test_every_preset(name: str, tmp_path: Path) -> None:
    """At its own size and width, with the weights that training begins with."""
    check(made_model(resolve(name), own_shape(name)), tmp_path, n=3)
