"""A paper as a study: scales, stand-ins for absent data, one run for two rows that a reduction makes equal."""

from __future__ import annotations

from pathlib import Path

import pytest

import paribus as pb
from paribus.data import is_at_hand
from paribus.replication.papers import paper
from paribus.replication.study import labels, plan_of, stand_ins
from paribus.studies.plan import study_runs


@pytest.fixture(autouse=True)
def no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("PARIBUS_DATA", str(folder))
    return folder


def test_what_is_at_hand(no_data: Path) -> None:
    assert is_at_hand("digits")
    assert not is_at_hand("mnist") and not is_at_hand("stacked-mnist") and not is_at_hand("no such set")
    (no_data / "mnist").mkdir()
    assert is_at_hand("mnist") and is_at_hand("stacked-mnist")
    assert is_at_hand(no_data) and not is_at_hand("cifar10")


def test_smoke_takes_enlarged_digits_for_absent_data(no_data: Path) -> None:
    found = {
        v.axes["settings"]: v.config for v in study_runs(plan_of(paper("hinrichsen-2023"), "smoke"), Path("study"))
    }
    shapes = {name: (config.data.name, config.data.size, config.data.channels) for name, config in found.items()}
    assert shapes["cifar10-biggan"] == ("digits", 32, 3)
    assert shapes["lfw-vae"] == ("digits", 45, 3)
    used = stand_ins(paper("hinrichsen-2023"), "smoke")["lfw-vae"]
    assert (used.name, used.size, used.channels, used.replaced) == ("digits", 45, 3, "lfw")
    (no_data / "lfw").mkdir()
    assert "lfw-vae" not in stand_ins(paper("hinrichsen-2023"), "smoke")


@pytest.mark.parametrize("scale", ["cpu", "paper"])
def test_other_scales_want_the_data_itself(scale: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert not stand_ins(paper("guo-2023"), scale)
    with pytest.raises(pb.ParibusError) as caught:
        pb.replicate("guo-2023", scale=scale, out=tmp_path / "out", start=False)
    assert "mnist" in str(caught.value) and "--scale smoke" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_rows_that_a_reduction_makes_equal_share_a_run() -> None:
    read = paper("hinrichsen-2023")
    assert labels(read, "smoke")["lfw-vae.equal"] == "biggan-vae lfw-vae"
    assert labels(read, "paper")["lfw-vae.equal"] == "biggan-vae lfw-vae.equal"


def test_what_smoke_leaves_out_is_said() -> None:
    read = paper("guo-2023")
    out = {name for name, row in read.rows.items() if "smoke" in row.scales and row.scales["smoke"].left_out}
    assert len(out) == 8
    assert set(labels(read, "smoke")) == {name for name in read.systems if name.partition(".")[0] not in out}


def test_snapshots_lie_where_the_paper_shows_something() -> None:
    found = {
        v.axes["settings"]: v.config.training.snapshots
        for v in study_runs(plan_of(paper("tikayyolla-2020"), "cpu"), Path("study"))
    }
    assert found["vae-2-layers"] == ["1/10", "1/5", "3/10", "2/5", "1/2", "3/5", "7/10", "4/5", "9/10", "1"]
    assert found["gan"][0] == "1/200"
    # with half of the epochs each share is twice as large, and marks beyond the end are left out
    assert found["gan.equal"] == ["1/100", "1/5", "2/5", "3/5", "4/5", "1"]


def test_unknown_scales_are_one_error() -> None:
    with pytest.raises(pb.ParibusError, match=r"Unknown scale 'cpus'\. Did you mean 'cpu'"):
        pb.replicate("guo-2023", scale="cpus")
