"""Views of latents that rows name: options that exist, pictures in the report, drawn once and again after more."""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import get_args

import pytest

import paribus as pb
from paribus.replication import papers
from paribus.replication.papers import paper, paper_names
from paribus.replication.study import VIEWS
from paribus.results.replication import ViewName
from tests.replication.test_smoke import SMALL

WITH_VIEWS = SMALL.replace(
    "    pictures: [2, 4]\n", "    pictures: [2, 4]\n    latents: {manifold: {count: 4}, clusters: {count: 60}}\n", 1
).replace("    data: mnist\n", "    data: digits\n")


def test_every_view_that_a_row_may_name_is_there() -> None:
    assert set(VIEWS) == set(get_args(ViewName))
    for name in paper_names():
        for row in paper(name).rows.values():
            for view, options in row.latents.items():
                inspect.signature(VIEWS[view]).bind("subject", **options)


def test_what_the_papers_show_of_latents() -> None:
    shown = {(name, row): set(of.latents) for name in paper_names() for row, of in paper(name).rows.items()}
    assert shown["mennborg-2020", "vae-mnist"] == {"manifold"}
    assert shown["mennborg-2020", "vae-cifar10"] == {"traverse"}
    assert shown["guo-2023", "vae"] == {"manifold"}
    assert shown["guo-2023", "cvae-gan"] == {"classes", "turn"}
    assert shown["chaturvedula-2023", "vae"] == {"clusters"}
    assert shown["hinrichsen-2023", "cifar10-biggan"] == {"truncation"}


def test_views_are_drawn_into_runs_and_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "views-2026.yaml").write_text(WITH_VIEWS)
    monkeypatch.setattr(papers, "FOLDER", tmp_path / "papers")
    study = pb.replicate("views-2026", scale="smoke", out=tmp_path / "out")
    folder = study.run_folder("vae", 0).path / "latents"
    assert {path.name for path in folder.iterdir()} == {
        "manifold.png", "manifold.json", "clusters.png", "clusters.json",
    }  # fmt: skip
    told = json.loads((folder / "manifold.json").read_text())
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Inside the latents" in page and told["caption"][0] in page.replace("&#39;", "'")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    pb.replicate("views-2026", scale="smoke", out=tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    os.utime(folder / "manifold.json", (0, 0))  # as if the run had gone on since
    pb.replicate("views-2026", scale="smoke", out=tmp_path / "out")
    assert {path.name for path in folder.iterdir() if path.stat().st_mtime_ns != before[path]} == {
        "manifold.png", "manifold.json",
    }  # fmt: skip
