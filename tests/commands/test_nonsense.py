"""Nonsense that was taken once: it is refused in words, where it is given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import paribus as pb
from paribus.base.errors import Damaged, ParibusError
from paribus.base.files import read_yaml, write_yaml
from paribus.commands.outputs import report
from paribus.commands.train import train
from paribus.config import Budget, ImageShape
from paribus.config.seeds import read_seeds
from paribus.data import folders, load_data
from paribus.models.networks import check_networks_fit
from paribus.recipes import resolve
from paribus.results.folder import RunFolder
from paribus.results.study_files import read_folder
from paribus.studies.plan import StudyPlan, study_runs
from paribus.training.state import SnapshotSchedule
from tests.conftest import tiny_config


@pytest.mark.parametrize("override", [
    "training.optimizer.G.learning_rate=-1", "training.optimizer.G.learning_rate=.nan",
    "training.optimizer.G.learning_rate=0",
    "training.optimizer.G.learning_rate={start: 0, end: 0, images: 5}", "training.optimizer.G.beta1=2",
    "training.optimizer.G.beta2=1",
    "training.optimizer.G.eps=.inf", "training.optimizer.G.eps=1e300", "training.threads=100000",
    "training.batch_size=1e9", "training=3",
    "objective.name=3.7", "objective.name={}", "objective.name=[]", "backbone.name=null",
    "objective.latent_dim=1e12", "backbone.depth=1e7",
    "backbone=x", "data.size=.nan", "seed=-1", "seed=1e30", "objective.feature_matching=1e300",
    "training.optimizer=3", "evaluation=[1]",
    "training.snapshots=[1e999999999]x", "sampler=null", "training.budget={}", "model={}", "x=&a [*a]", "objective=",
])  # fmt: skip
def test_a_setting_is_refused(override: str) -> None:
    with pytest.raises(ParibusError):
        resolve("gan", overrides=[override])


@pytest.mark.parametrize("text", ["9" * 400 + "img", "1e400s", "1e31flop", "1e-320img", "0img", "infs", "1e-10s"])
def test_a_budget_is_finite(text: str) -> None:
    with pytest.raises(ParibusError, match="A budget must be a positive number"):
        Budget.parse(text)


@pytest.mark.parametrize("entry", ["1/0", "1e999999999", "9" * 5000, "x"])
def test_a_snapshot_is_a_share(entry: str) -> None:
    config = tiny_config("gan")
    with pytest.raises(ParibusError, match=r"share of the budget|A budget must"):
        SnapshotSchedule.of(config.training.model_copy(update={"snapshots": [entry]}))


@pytest.mark.parametrize("given", [200_000_000, list(range(100_000)), [1 << 63], "1001"])
def test_seeds_are_as_many_as_can_be_run(given: Any) -> None:
    with pytest.raises(ParibusError, match="seed"):
        read_seeds(given)


def test_a_study_has_as_many_runs_as_can_be_run() -> None:
    axes = {path: list(range(1, 30)) for path in ("backbone.width", "objective.latent_dim", "training.micro_batch")}
    plan = StudyPlan(model="vae", budget="1kimg", seeds=1, axes=axes)
    with pytest.raises(ParibusError, match="too many runs") as caught:
        study_runs(plan, Path())
    assert "24,389 runs" in str(caught.value)


def test_networks_that_fit_into_no_memory_are_not_made() -> None:
    config = resolve("gan", overrides=["backbone.width=65536", "backbone.depth=100"])
    with pytest.raises(ParibusError, match="do not fit into memory"):
        check_networks_fit(config, ImageShape(1, 8))


def images(count: int = 20) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8), np.uint8)


@pytest.mark.parametrize(("names", "reason"), [
    (["a"], "Some labels have no class name"), (["a", "a", "b"], "Two classes have one name"),
])  # fmt: skip
def test_classes_have_a_name_each(tmp_path: Path, names: list[str], reason: str) -> None:
    np.savez(tmp_path / "x.npz", images=images(21), labels=np.arange(21) % 3, class_names=np.array(names))
    with pytest.raises(ParibusError, match=reason):
        pb.load_data(tmp_path / "x.npz")


def test_a_damaged_column_of_parquet_is_said(tmp_path: Path) -> None:
    file = tmp_path / "train.parquet"
    pq.write_table(pa.table({"image": [bytes(image) for image in images(40)]}), file, compression="gzip")
    content = bytearray(file.read_bytes())
    content[60:90] = bytes(30)
    file.write_bytes(content)
    with pytest.raises(ParibusError, match="A Parquet file cannot be read"):
        pb.load_data(file)


def test_a_folder_of_everything_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_OTHERS", 100)
    for number in range(200):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(ParibusError, match="not a folder of images"):
        pb.load_data(tmp_path)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "~nobody-at-all/x", "\ud800"])
def test_a_name_that_nothing_can_have_is_said(name: str) -> None:
    for function in (pb.load_data, pb.load, pb.evaluate, report, lambda it: pb.train("vae", out=it)):
        with pytest.raises(ParibusError, match=r"cannot be a file or a folder|no text in UTF-8"):
            function(name)


@pytest.mark.parametrize("change", [
    {"config": 3}, {"data": []}, {"machine": {"cores": "many"}}, {"parameters": {"G": {}}},
    {"started": "yesterday"}, {"seed": "x"},
])  # fmt: skip
def test_a_record_of_other_types_is_damaged(tmp_path: Path, change: dict[str, Any]) -> None:
    write_yaml(tmp_path / "run.yaml", {"model": "vae", **change})
    with pytest.raises(Damaged):
        read_folder(tmp_path)


def test_an_empty_record_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").touch()
    with pytest.raises(Damaged, match=r"no data\.fingerprint in it"):
        RunFolder(tmp_path).recorded("data", "fingerprint")


def test_names_that_are_no_utf_8_are_refused_before_training(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in (b"a", b"b\xff"):
        folder = data / os.fsdecode(name)
        folder.mkdir(parents=True)
        for number in range(8):
            Image.new("L", (8, 8), 10 * number).save(folder / f"{number}.png")
    with pytest.raises(ParibusError, match=r"class is no text in UTF-8[^\0]*b\\udcff"):
        load_data(data)
    with pytest.raises(ParibusError, match="no text in UTF-8"):
        load_data(tmp_path / os.fsdecode(b"n\xff"))
    with pytest.raises(ParibusError, match="no text in UTF-8"):
        train("vae", out=tmp_path / os.fsdecode(b"o\xff"))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    write_yaml(tmp_path / "x.yaml", {"name": "a\udcff", "é": ["\U0001f600"]})
    assert read_yaml(tmp_path / "x.yaml") == {"name": "a\\udcff", "é": ["\U0001f600"]}


@pytest.mark.parametrize("shape", [(10**9, 64, 64), (20, 10**5, 10**5)])
def test_views_that_stand_for_more_than_the_machine_holds_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ParibusError, match=r"do not fit on this machine|too large"):
        load_data(np.broadcast_to(np.uint8(3), shape))


def test_a_view_of_memory_is_an_array() -> None:
    images = np.random.default_rng(0).integers(0, 255, (20, 8, 8), np.uint8)
    assert len(load_data(memoryview(images), validation=0).train) == len(load_data(images, validation=0).train)
