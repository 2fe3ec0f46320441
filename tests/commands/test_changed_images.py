"""A folder that changes after a run was trained on it."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load

import paribus as pb
from paribus.base.errors import ParibusError
from paribus.commands.studies import run_study
from paribus.config import EvaluationSettings
from paribus.results.folder import RunFolder
from paribus.results.run import DataRecord
from paribus.results.study_files import read_folder

SETTINGS = EvaluationSettings(samples=64, encoder="pixels", metrics=["kid"])
QUICK = ["backbone.width=8", "training.threads=1", "training.batch_size=16"]


def _add(folder: Path, names: range) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        pixels = np.random.default_rng(name).integers(0, 256, (8, 8), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name:03}.png")


@pytest.fixture
def trained(tmp_path: Path) -> RunFolder:
    _add(tmp_path / "faces", range(100, 200))
    return pb.train(
        "vae", tmp_path / "faces", budget="64img", out=tmp_path / "run", overrides=QUICK, score=False
    ).folder


def test_images_that_were_trained_on_are_found_and_refused(
    trained: RunFolder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faces = tmp_path / "faces"
    logger = logging.getLogger("paribus.data")
    logger.handlers, logger.propagate = [], True
    caplog.set_level(logging.INFO, "paribus.data")
    assert pb.evaluate(trained.path, settings=SETTINGS)
    assert not any("trained on" in message for message in caplog.messages)
    assert len(load(trained.trained_on.read_bytes())["hashes"]) == trained.record["data"]["counts"]["train"]

    _add(faces, range(61))  # before the others by name: split anew
    seen = {np.asarray(Image.open(faces / f"{k:03}.png")).tobytes() for k in range(100, 200)}
    before = pb.load_data(faces)
    with pytest.raises(ParibusError, match=r"of the 32 test images were trained on") as error:
        pb.evaluate(trained.path, settings=SETTINGS)
    assert "--data" in str(error.value)
    n = int(str(error.value).split()[0])
    assert 0 < n <= sum(image.numpy().tobytes() in seen for image in before.test.images)

    assert pb.evaluate(trained.path, faces, SETTINGS)  # asked for by name: with a warning
    assert any(f"WARNING: {n} of the 32 test images" in message for message in caplog.messages)

    caplog.clear()
    _add(tmp_path / "others", range(200, 300))
    assert pb.evaluate(trained.path, tmp_path / "others", SETTINGS)
    assert not any("trained on" in message for message in caplog.messages)


def test_findings_are_in_the_records_and_the_report(trained: RunFolder) -> None:
    from paribus.report import write_report

    record = DataRecord.model_validate(trained.record["data"])
    assert [note.code for note in record.notes] == ["test_held_out", "validation_held_out"]
    assert read_folder(trained.path).data.notes == record.notes
    page = write_report(trained.path, None).read_text()
    assert "Split 80:20 into training and test images by a fixed seed." in page


def test_a_run_whose_images_moved_says_so_and_takes_their_new_place(trained: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "faces").rename(tmp_path / "moved")
    with pytest.raises(ParibusError, match=r"not where they were[\s\S]*run[\s\S]*--data FOLDER"):
        pb.evaluate(trained.path, settings=SETTINGS)
    with pytest.raises(ParibusError, match=r"not where they were[\s\S]*run[\s\S]*--data FOLDER"):
        pb.train("vae", out=trained.path, resume=True, budget="96img", score=False)
    with pytest.raises(ParibusError, match=r"There is no folder or file '.*elsewhere'"):
        pb.evaluate(trained.path, tmp_path / "elsewhere", settings=SETTINGS)
    assert pb.evaluate(trained.path, tmp_path / "moved", settings=SETTINGS)
    resumed = pb.train("vae", tmp_path / "moved", out=trained.path, resume=True, budget="96img", score=False)
    assert resumed.folder.ending["spent"]["images"] == 96


def test_a_study_whose_images_moved_says_so_and_goes_on_where_they_are(tmp_path: Path) -> None:
    _add(tmp_path / "faces", range(100, 200))
    given = {"budget": "64img", "seeds": 1, "out": tmp_path / "study", "overrides": [*QUICK, "evaluation.samples=64"]}
    pb.compare(["vae"], tmp_path / "faces", **given)  # type: ignore[arg-type]
    (tmp_path / "faces").rename(tmp_path / "moved")
    with pytest.raises(ParibusError, match=r"not where they were[\s\S]*study"):
        run_study(tmp_path / "study")
    pb.compare(["vae"], tmp_path / "moved", **given)  # type: ignore[arg-type]
    assert run_study(tmp_path / "study").waiting() == []
