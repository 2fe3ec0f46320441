"""Finished runs and studies of several folders as one study: names, data, what may be ranked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paribus.base.errors import ParibusError
from paribus.report.verdict import verdict
from paribus.results.comparison import obstacles
from paribus.results.joining import joined, read_folders, short_names
from paribus.results.outlook import wall_seconds
from paribus.results.study import StudyResult
from tests.report.conftest import write_study
from tests.report.test_verdict import study


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/a/vae", "/a/gan"], ["vae", "gan"]),
        (["/a/vae", "/b/vae"], ["a/vae", "b/vae"]),
        (["/c/a/vae", "/d/a/vae", "/d/a/gan"], ["c/a/vae", "d/a/vae", "d/a/gan"]),
    ],
)
def test_folders_are_called_by_as_much_of_their_path_as_tells_them_apart(paths: list[str], names: list[str]) -> None:
    assert short_names([Path(path) for path in paths]) == names


def test_models_of_one_label_are_told_apart_and_ranked_as_those_of_one_study() -> None:
    first, second = study({"vae": [35.0, 45.0], "dcgan": [9.0, 15.0]}), study({"vae": [5.0, 5.5]})
    both = joined([first, replace(second, budget="40s")], ["first", "second"])
    assert both.models == ("vae (first)", "dcgan", "vae (second)")
    assert len(both.runs) == 6
    assert both.budget == "20s, 40s"
    assert not obstacles(both, "frechet")
    assert "vae (second)" in verdict(both).text
    assert wall_seconds(both) is None


def test_a_folder_is_not_put_beside_itself(tmp_path: Path) -> None:
    write_study(tmp_path / "a", models=("vae",))
    with pytest.raises(ParibusError, match="beside itself"):
        read_folders([tmp_path / "a", tmp_path / "a" / ".." / "a"])


def test_runs_on_other_data_are_not_ranked_together(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_study(tmp_path / name, models=("vae", "dcgan"))
    assert not obstacles(read_folders([tmp_path / "a", tmp_path / "b"]), "frechet")
    for record in (tmp_path / "b").glob("runs/*/run.yaml"):  # as large, and scored through the same encoder
        record.write_text(record.read_text().replace("9d3cc1a7be10455e77", "00000000000000ffff"))
    both = read_folders([tmp_path / "a", tmp_path / "b"])
    assert [obstacle.field for obstacle in obstacles(both, "frechet")] == ["data"]
    said = verdict(both)
    assert not said.ranked
    assert "the data differ (9d3cc1a7be10 for vae (a)" in said.text


def test_one_run_and_a_study(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_study(tmp_path / name, models=("vae", "dcgan"))
    both: StudyResult = read_folders([tmp_path / "a" / "runs" / "vae-seed0", tmp_path / "b"])
    assert both.models == ("vae (vae-seed0)", "vae (b)", "dcgan")
    assert not both.single
    assert both.name == "vae-seed0 and b"
