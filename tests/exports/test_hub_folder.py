"""The folder that goes to the Hub: what it holds and what its card says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import paribus as pb
from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.evaluation.measures import metrics
from paribus.exports.hub_folder import model_card
from paribus.exports.source import TrainedModel
from paribus.results.folder import RunFolder, write_scores
from paribus.results.score import Score
from paribus.results.words import protocol_words
from paribus.runs.run import Run
from tests.conftest import tiny_config
from tests.exports.made import made_model


def header(card: str) -> dict:
    _, text, _ = card.split("---\n", 2)
    return yaml.safe_load(text)


def test_an_exported_folder_is_the_model(made_run: Run, tmp_path: Path) -> None:
    folder = pb.export(made_run, "hub-folder", tmp_path / "out")
    loaded = pb.load(folder)
    assert torch.equal(loaded.sample(6, label="b", seed=4), made_run.model.sample(6, label="b", seed=4))
    images = made_run.model.sample(3)
    labels = torch.tensor([0, 1, 2])
    assert torch.equal(loaded.encode(images, labels), made_run.model.encode(images, labels))
    with Image.open(folder / "samples.png") as picture:
        assert picture.width >= 400


def test_the_card_says_what_the_run_recorded(made_run: Run) -> None:
    card = model_card(TrainedModel.of(made_run), "somebody/cvae", "mit")
    assert header(card) == {
        "library_name": "paribus",
        "pipeline_tag": "unconditional-image-generation",
        "license": "mit",
        "tags": ["paribus", "vae", "mlp", "class-conditional"],
    }
    record, done = made_run.folder.record, made_run.folder.done
    assert done is not None
    for fact in (record["identity"], record["data"]["fingerprint"], f"{done['images']:,}", "train 64", "6updates"):
        assert fact in card
    scores = {score.metric: score for score in made_run.folder.evaluation}
    [line] = [line for line in card.splitlines() if line.startswith("| Reconstruction error")]
    value = float(line.split("|")[2].split()[0])
    assert value == pytest.approx(scores["mse"].value, rel=0.01)
    assert protocol_words(scores["frechet"].protocol) in card
    assert "| licence of the data | not stated |" in card


def test_built_in_data_have_their_licence_and_their_id(tmp_path: Path) -> None:
    model = made_model(tiny_config("gan", data={"name": "mnist"}), ImageShape(1, 28))
    card = model_card(TrainedModel.of(model), "somebody/gan", "unknown")
    assert header(card)["datasets"] == ["ylecun/mnist"]
    assert "CC BY-SA 3.0" in card
    assert "## Scores" not in card  # a model without a run was never scored


def test_paths_of_this_machine_stay_here(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    config = tiny_config(
        "gan", data={"name": str(tmp_path / "cats")}, evaluation={"inception_weights": str(tmp_path / "weights.pth")}
    )
    folder = pb.export(made_model(config, ImageShape(3, 16)), "hub-folder", tmp_path / "out")
    assert json.loads((folder / "config.json").read_text())["config"]["data"]["name"] == "cats"
    assert "gan on cats" in (folder / "README.md").read_text()
    assert not [file for file in folder.iterdir() if str(tmp_path).encode() in file.read_bytes()]


def test_a_path_that_reads_like_an_id_stays_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exported from a folder where there is no such path."""
    images = np.random.default_rng(0).integers(0, 256, (64, 8, 8), dtype=np.uint8)
    (tmp_path / "photos").mkdir()
    np.savez(tmp_path / "photos" / "family.npz", images=images)
    monkeypatch.chdir(tmp_path)
    quick = ["backbone.width=8", "training.batch_size=8", "training.threads=1"]
    pb.train("vae", "photos/family.npz", budget="2updates", out="run", overrides=quick, score=False)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    folder = pb.export(tmp_path / "run", "hub-folder", "out")
    assert "datasets" not in header((folder / "README.md").read_text())
    assert not [file for file in folder.iterdir() if b"photos" in file.read_bytes()]
    # where the record says that they came from the Hub, the name is their id
    record = RunFolder(tmp_path / "run").record
    record["data"]["hub_id"] = "photos/family.npz"
    (tmp_path / "run" / "run.yaml").write_text(yaml.safe_dump(record))
    folder = pb.export(tmp_path / "run", "hub-folder", "out")
    assert header((folder / "README.md").read_text())["datasets"] == ["photos/family.npz"]
    assert json.loads((folder / "config.json").read_text())["config"]["data"]["name"] == "photos/family.npz"


@pytest.mark.parametrize("record", ["run.yaml", "study.yaml", "tune.json"])
def test_what_is_at_work_in_a_folder_is_not_replaced(record: str, tmp_path: Path) -> None:
    for name in (record, "config.json"):
        (tmp_path / name).write_text("kept")
    with pytest.raises(ParibusError, match="Only what Paribus wrote is overwritten"):
        pb.export(made_model(tiny_config("gan"), ImageShape(1, 8)), "hub-folder", tmp_path)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {record: "kept", "config.json": "kept"}


def test_an_unknown_form_is_named(made_run: Run) -> None:
    with pytest.raises(ParibusError, match=r"cannot be exported to 'onx'\. Did you mean 'onnx'"):
        pb.export(made_run, "onx")


def test_the_best_value_of_a_metric_is_its_own(made_run: Run, tmp_path: Path) -> None:
    shutil.copytree(made_run.folder.path, tmp_path / "run")
    targets = {name: metric for name, metric in metrics().items() if metric.target is not None}
    write_scores(tmp_path / "run" / "evaluation.json", [Score.of(name, 0.7) for name in targets], metrics())
    card = model_card(TrainedModel.of(tmp_path / "run"), "org/name", "mit")
    for metric in targets.values():
        assert f"| {metric.label} | 0.700{f' {metric.unit}' if metric.unit else ''} | {metric.target:g} is best" in card
    assert targets["copying"].target == 0.5
