"""What users have in hand: arrays, tensors, pictures and data sets, other programs' files, and usual names."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

import paribus as pb
from paribus.base.errors import AllFailed, ParibusError
from paribus.commands.outputs import sample
from paribus.evaluation.usual_names import in_own_names
from paribus.results.words import protocol_words

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (80, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(80) % 2
SETTINGS = pb.EvaluationSettings(samples=64, encoder="pixels", metrics=["frechet"])
SMALL = ["backbone.width=8", "training.batch_size=8", "evaluation.samples=64", "evaluation.encoder=pixels"]


class Pairs(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.fromarray(IMAGES[index]), int(LABELS[index])


def hugging_face() -> Any:
    import datasets

    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    columns = {"image": [Image.fromarray(image) for image in IMAGES], "label": LABELS.tolist()}
    return datasets.Dataset.from_dict(columns, features=features)


SOURCES: list[Callable[[], Any]] = [
    lambda: (IMAGES, LABELS),
    lambda: (torch.from_numpy(IMAGES).permute(0, 3, 1, 2), torch.from_numpy(LABELS)),
    lambda: (torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 255, LABELS.tolist()),
    lambda: {"images": list(IMAGES), "labels": LABELS},
    lambda: ([Image.fromarray(image) for image in IMAGES], LABELS.tolist()),
    lambda: TensorDataset(torch.from_numpy(IMAGES).permute(0, 3, 1, 2), torch.from_numpy(LABELS)),
    Pairs,
    hugging_face,
]


@pytest.mark.parametrize("source", SOURCES)
def test_the_same_images_in_any_form_are_the_same_data(source: Callable[[], Any]) -> None:
    data, expected = pb.load_data(source()), pb.load_data((IMAGES, LABELS))
    assert data.fingerprint == expected.fingerprint
    assert data.class_names == ("0", "1")
    assert pb.load_data(data.name).fingerprint == data.fingerprint  # as another process finds it


def test_files_of_mixed_sizes_by_their_paths(tmp_path: Path) -> None:
    files = [tmp_path / f"{k}.png" for k in range(20)]
    for k, file in enumerate(files):
        Image.fromarray(RNG.integers(0, 256, (20 + k, 30, 3), dtype=np.uint8)).save(file)
    assert pb.load_data([str(file) for file in files], size=16).shape.size == 16
    files[3].write_bytes(b"")
    with pytest.raises(ParibusError, match=r"3\.png: empty file"):
        pb.load_data(files, size=16)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (IMAGES.astype(np.int64), "The pixels have a wrong type"),
        (IMAGES / 127.5 - 1, "The pixels are out of range"),
        (np.full((20, 8, 8), np.nan), "Some pixels are no numbers"),
        (np.full((20, 8, 8), np.inf), "Some pixels are infinite"),
        (None, "These are not images"),
        (np.zeros((20, 0, 8), np.float32), "The images have no pixels"),
        (np.zeros((20, 8, 0, 3), np.uint8), "The images have no pixels"),
        (IMAGES[0], "This is one image, not a stack"),
        (7, "These are not images"),
        ((IMAGES, LABELS[:3]), "The labels have a wrong shape"),
        ((IMAGES, ["a"]), "There are not as many labels"),
        (torch.utils.data.DataLoader(Pairs()), "These are not images"),
        (torch.zeros(20, 8, 8).to_sparse(), "The tensor cannot be read"),
        (torch.zeros(20, 8, 8, device="meta"), "The tensor cannot be read"),
        (["nowhere/a.png"] * 20, "nowhere/a.png: there is no such file"),
        ("", "The data have no name"),
    ],
)
def test_what_is_wrong_with_images_in_memory_is_said(source: Any, message: str) -> None:
    with pytest.raises(ParibusError, match=message):
        pb.load_data(source)


def test_a_table_is_no_list_of_images() -> None:
    with pytest.raises(ParibusError, match=r"(?s)These are not images.*list\(table\['image'\]\)"):
        pb.load_data(hugging_face().to_pandas())


def test_floats_in_the_range_that_is_stated() -> None:
    scaled = pb.load_data(IMAGES / 127.5 - 1, float_range="-1..1")
    assert scaled.fingerprint == pb.load_data(IMAGES).fingerprint


def test_training_and_comparing_on_an_array(tmp_path: Path) -> None:
    run = pb.train("vae", IMAGES, budget="16img", out=tmp_path / "run", overrides=SMALL, score=False)
    assert run.model.image.size == 8
    study = pb.compare(["vae"], IMAGES, seeds=1, budget="16img", out=tmp_path / "study", overrides=SMALL, workers=1)
    assert [run.status for run in study.results.runs] == ["done"]


def test_a_comparison_of_which_nothing_is_left_raises(tmp_path: Path) -> None:
    diverging = [*SMALL, "training.divergence_factor=1.0000001", "training.optimizer.G.learning_rate=1e6"]
    with pytest.raises(AllFailed, match="All 1 runs failed:\n    vae seed 0: "):
        pb.compare(["vae"], IMAGES, seeds=1, budget="20kimg", out=tmp_path / "s", overrides=diverging, workers=1)


def test_a_model_takes_bytes_or_floats_from_0_to_1(runs: Callable[..., Path]) -> None:
    model = pb.load(runs("vae"))
    images = pb.load_data("digits").test.images[:4]
    torch.testing.assert_close(model.encode(images), model.encode(images / 255), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(model.encode(list(images.numpy())), model.encode(images))
    for n in (0, -1, "3", True, 1.5):
        with pytest.raises(ParibusError, match="This is no number of images"):
            model.sample(n)
    for wrong, message in (
        (images / 127.5 - 1, "out of range"),
        (images.long(), "wrong type"),
        (images[0], r"images\[None\]"),
        (images.expand(4, 3, 8, 8), "wrong shape"),
        (images.permute(0, 2, 3, 1).numpy(), r"images\.transpose\(0, 3, 1, 2\)"),
        ([Image.fromarray(IMAGES[0])], "wrong shape"),
        ((images, images[:2]), "These are not images"),
        (None, "These are not images"),
        ("faces", "These are not images"),
    ):
        with pytest.raises(ParibusError, match=message):
            model.encode(wrong)


def test_a_label_means_the_same_as_a_number_and_as_a_text() -> None:
    from paribus.models.inputs import class_indices, label_index

    names = ("1", "10", "2")
    assert label_index(2, 3, names) == label_index("2", 3, names) == label_index(np.int64(2), 3, names) == 2
    assert label_index(10, 3, names) == 1
    with pytest.raises(ParibusError, match="Unknown label '0'"):
        label_index(0, 3, names)
    assert label_index(1, 2, ("cat", "dog")) == label_index("1", 2, ("cat", "dog")) == 1
    assert class_indices(["dog", 0], 2, ("cat", "dog")).tolist() == [1, 0]
    for wrong in (torch.tensor([2]), torch.tensor([0.5])):
        with pytest.raises(ParibusError):
            class_indices(wrong, 2, ("cat", "dog"))


def saved(folder: Path, form: str) -> Path:
    channels_first, path = IMAGES.transpose(0, 3, 1, 2), folder / f"samples.{form.split()[0]}"
    if form == "npz samples":
        np.savez(path, samples=channels_first)
    elif form.startswith("npz"):
        np.savez(path, IMAGES, LABELS)
    elif form == "npy":
        np.save(path, IMAGES.astype(np.float32) / 255)
    else:
        torch.save(torch.from_numpy(channels_first), path)
    return path


@pytest.mark.parametrize("form", ["npz arr_0", "npz samples", "npy", "pt"])
def test_files_of_other_programs_are_read(form: str, tmp_path: Path) -> None:
    [score] = pb.evaluate(saved(tmp_path, form), settings=SETTINGS, against=IMAGES)
    assert score.value == pytest.approx(0, abs=1e-3)
    assert [fact.figures for fact in score.warnings if fact.code == "equal_images"] == [{"equal": 80, "n": 80}]


def test_images_are_resized_by_one_rule_that_the_protocol_states(tmp_path: Path) -> None:
    for k in range(64):
        Image.fromarray(RNG.integers(0, 256, (20 + k % 3, 20, 3), dtype=np.uint8)).save(tmp_path / f"any name {k}.png")
    [score] = pb.evaluate(tmp_path, settings=SETTINGS, against=IMAGES)
    assert score.protocol.images is not None and score.protocol.images.resized is not None
    assert (score.protocol.images.resized.images, score.protocol.images.resized.cropped) == (64, 42)
    assert "64 resized by PIL's Lanczos" in protocol_words(score.protocol)
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(ParibusError, match="cannot be used"):
        pb.evaluate(tmp_path, settings=SETTINGS, against=IMAGES)
    [score] = pb.evaluate(tmp_path, settings=SETTINGS, against=IMAGES, on_bad="skip", size=16)
    assert score.protocol.form is not None and score.protocol.form.height == 16


@pytest.mark.parametrize("name", ["labels", "y"])
def test_labels_by_themselves_are_pointed_to_their_images(name: str) -> None:
    with pytest.raises(ParibusError, match=rf"Labels come with their images[\s\S]*load_data\(\(images, {name}\)\)"):
        pb.load_data(IMAGES, **{name: LABELS})


def test_a_study_where_a_run_is_wanted_names_its_runs(runs: Callable[..., Path], tmp_path: Path) -> None:
    shutil.copytree(runs("gan"), tmp_path / "runs" / "gan-seed0")
    (tmp_path / "study.yaml").write_text("")
    calls: tuple[Callable[..., Any], ...] = (pb.load, pb.evaluate, pb.export)
    for subject, call in itertools.product((tmp_path / "runs", tmp_path), calls):
        with pytest.raises(ParibusError, match=r"not one run[\s\S]*gan-seed0"):
            call(subject)
    with pytest.raises(ParibusError, match=r"no trained model here[\s\S]*a file"):
        pb.load(tmp_path / "study.yaml")


def test_samples_that_do_not_fit_into_memory_are_refused(runs: Callable[..., Path], tmp_path: Path) -> None:
    for out in ("a.png", "a.npz"):
        with pytest.raises(ParibusError, match=r"do not fit into memory[\s\S]*to a folder"):
            sample(runs("gan"), 10**12, tmp_path / out)
    assert not list(tmp_path.iterdir())


def test_a_grid_and_a_study_are_refused(tmp_path: Path) -> None:
    Image.fromarray(IMAGES[0]).save(tmp_path / "grid.png")
    for subject, message in ((tmp_path / "grid.png", "This is one picture"), (tmp_path, "a grid, cannot be taken")):
        with pytest.raises(ParibusError, match=message):
            pb.evaluate(subject, "digits")
    (tmp_path / "study.yaml").write_text("")
    with pytest.raises(ParibusError, match="This is a study"):
        pb.evaluate(tmp_path, "digits")


def test_usual_names_say_what_they_are_here() -> None:
    asked, usual = in_own_names(pb.EvaluationSettings(metrics=["FID", "prdc"]), ["frechet"])
    assert asked.metrics == ["frechet", "precision", "recall", "density", "coverage"]
    assert asked.encoder == ["inception-2048"]
    assert usual["frechet"] == ("FID", "frechet with inception-2048")
    with pytest.raises(ParibusError, match="There is no metric 'lpips' here"):
        in_own_names(pb.EvaluationSettings(metrics=["lpips"]), [])
    assert in_own_names(pb.EvaluationSettings(metrics=["Inception Score"]), [])[0].metrics == ["inception_score"]


@pytest.mark.parametrize("name", ["a/b", "./a", "a/b/c", "a/b.npz"])
def test_no_such_folder_comes_before_the_hub(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for call in (pb.load_data, pb.evaluate):
        with pytest.raises(ParibusError, match=r"(?i)no (such )?(folder|trained model)") as caught:
            call(name, **({} if call is pb.load_data else {"data": "digits"}))
        assert "Hub cannot" not in str(caught.value).split("here")[0]


def test_what_is_found_in_images_that_are_measured_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    masks = RNG.integers(0, 2, (40, 8, 8, 3), dtype=np.uint8)
    for k, mask in enumerate(masks):
        folder = tmp_path / ("train" if k % 2 else "test")
        folder.mkdir(exist_ok=True)
        Image.fromarray(mask).save(folder / f"{k}.png")
    (tmp_path / "train" / "bad.png").write_bytes(b"")
    (tmp_path / "train" / "photo.heic").write_bytes(b"")
    with caplog.at_level("INFO", logger="paribus.data"):
        pb.evaluate(tmp_path, settings=SETTINGS, against=IMAGES, on_bad="skip")
    for part in (
        "Images of all splits are measured together: test and train.",
        "left out: 1 .heic.",
        "1 unreadable image was skipped.",
        "all pixels lie between 0 and 1",
    ):
        assert any(part in line for line in caplog.messages), caplog.messages
    assert not any("labels" in line for line in caplog.messages)


def test_what_is_compared_with_what_is_said_once(runs: Callable[..., Path]) -> None:
    with pytest.raises(ParibusError, match="compared with one thing at a time"):
        pb.evaluate(IMAGES, "digits", settings=SETTINGS, against=IMAGES)
    for model in (runs("vae"), pb.load(runs("vae"))):
        with pytest.raises(ParibusError, match="A model is compared with the test images of a data set"):
            pb.evaluate(model, settings=SETTINGS, against=IMAGES)


def test_images_in_memory_are_inspected() -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
    found = pb.inspect(images, size=16, estimate=False)
    assert found.files.count == 60 and found.beginning.size == 16
    assert found.beginning.command.startswith("paribus compare --data memory-")


@pytest.mark.parametrize(
    ("metric", "way"),
    [("fid", "metrics=[frechet] -o evaluation.encoder=inception-2048"), ("LPIPS", "ssim"), ("kjd", "Did you mean")],
)
def test_a_metric_that_has_another_name_is_found_before_any_training(metric: str, way: str, tmp_path: Path) -> None:
    asked = [f"evaluation.metrics=[{metric}]"]
    with pytest.raises(ParibusError, match=re.escape(way)):
        pb.train("gan", "digits", budget="64img", out=tmp_path / "run", overrides=asked)
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
    with pytest.raises(ParibusError, match=re.escape(way)):
        pb.compare(["gan"], "digits", budget="64img", out=tmp_path / "study", overrides=asked)
    assert not (tmp_path / "study" / "runs").exists()
