"""A replication carried out: a small paper by default, all five under `slow`."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import paribus as pb
from paribus.replication import papers
from paribus.replication.papers import paper_names
from paribus.studies.study import Study

SMALL = """\
title: "Two systems on digits"
summary: "small"
protocols: {eye: "counted by hand"}
not_equal: ["nothing is like anything"]
scales:
  smoke:
    budget: 200img
    overrides: {training: {batch_size: 32}, evaluation: {samples: 64, encoder: pixels}, backbone: {width: 8}}
    reduction: "200 images"
  cpu: {budget: 1epochs, reduction: "one epoch"}
rows:
  vae:
    about: "a VAE"
    place: "Table 1"
    model: vae
    data: mnist
    epochs: 4
    pictures: [2, 4]
    latents: {manifold: {count: 4}, clusters: {count: 60}}
    published:
      - {quantity: FID, place: Table 1, value: 12.5, protocol: eye, score: frechet, unlike: "by hand"}
      - {quantity: loss, place: Table 2, by_epoch: {1: 150.5}, protocol: eye, term: VAE/loss}
  gan:
    about: "a GAN"
    place: "Table 1"
    model: gan
    data: digits
    epochs: 4
  other:
    about: "another"
    place: "Table 1"
    model: vae
    data: digits
    epochs: 2
    scales: {smoke: {left_out: "as vae"}}
claims:
  smaller:
    claim: "A VAE is smaller"
    place: "Table 1"
    parts:
      - {of: vae, against: gan, by: [parameters], expected: less}
      - {of: other, against: gan, by: [mse], expected: less}
"""


@pytest.fixture(scope="module")
def small_paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in whose `out` a paper lies that was replicated; without data sets."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "papers").mkdir()
    (folder / "papers" / "small-2026.yaml").write_text(SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARIBUS_DATA", str(folder / "none"))
        patch.setattr(papers, "FOLDER", folder / "papers")
        pb.replicate("small-2026", scale="smoke", out=folder / "out")
        yield folder


@pytest.fixture
def replicated(small_paper: Path, tmp_path: Path) -> Study:
    """A copy of it in `out` below the test's folder."""
    shutil.copytree(small_paper / "out", tmp_path / "out")
    return pb.replicate("small-2026", scale="smoke", out=tmp_path / "out", start=False)


def test_a_small_paper(replicated: Study, tmp_path: Path) -> None:
    study = replicated
    assert {run.status for run in study.results.runs} == {"done"}
    page = (tmp_path / "out" / "report.html").read_text()
    for words in (
        "12.5",
        "150.5",
        "Counted by hand",
        "by hand",
        "other: not run, as vae",
        "digits, brought to 28x28, grey, in place of mnist",
        "No claim is decided here",
        "A VAE is smaller",
        "not run at this scale",
        "epoch 2",
        "nothing is like anything",
    ):
        assert words in page
    finished = [(run.folder.path / "done.json").stat().st_mtime_ns for run in study.runs]
    again = pb.replicate("small-2026", scale="smoke", out=tmp_path / "out")
    assert not again.waiting()
    assert [(run.folder.path / "done.json").stat().st_mtime_ns for run in again.runs] == finished


def test_views_are_drawn_into_runs_and_shown(replicated: Study, tmp_path: Path) -> None:
    folder = replicated.run_folder("vae", 0).path / "latents"
    assert {path.name for path in folder.iterdir()} == {
        "manifold.png", "manifold.json", "clusters.png", "clusters.json",
    }  # fmt: skip
    told = json.loads((folder / "manifold.json").read_text())
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Inside the latents" in page and told["caption"][0] in page.replace("&#39;", "'")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    pb.replicate("small-2026", scale="smoke", out=tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    os.utime(folder / "manifold.json", (0, 0))  # as if the run had gone on since
    pb.replicate("small-2026", scale="smoke", out=tmp_path / "out")
    assert {path.name for path in folder.iterdir() if path.stat().st_mtime_ns != before[path]} == {
        "manifold.png", "manifold.json",
    }  # fmt: skip


@pytest.mark.slow
def test_all_five_papers_run_within_five_minutes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PARIBUS_DATA", str(tmp_path / "none"))
    start = time.monotonic()
    for name in paper_names():
        study = pb.replicate(name, scale="smoke", out=tmp_path / name)
        failed = [(run.model, run.reason) for run in study.results.runs if run.status != "done"]
        assert not failed
        told = json.loads((tmp_path / name / "replication.json").read_text())
        page = (tmp_path / name / "report.html").read_text()
        assert all(str(value) in page for row in told["rows"].values() for number in row["published"]
                   for value in [number["value"]] if value is not None)  # fmt: skip
    assert time.monotonic() - start < 300
