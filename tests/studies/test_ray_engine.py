"""What is refused before a run goes to a Ray cluster, and what it asks for there; tests/cli has real clusters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from paribus.base.errors import ParibusError
from paribus.base.locks import locked_folder
from paribus.results.folder import RunFolder
from paribus.studies.plan import StudyPlan, StudyRun
from paribus.studies.preparation import check_engine, prepare
from paribus.studies.ray_engine import required_resources, run_on_node
from tests.conftest import made_data, tiny_config


def run_in(folder: Path, *overrides: str) -> StudyRun:
    return StudyRun("gan", {}, tiny_config("gan", *overrides), RunFolder(folder / "runs" / "gan-seed0"))


@pytest.mark.parametrize("name", ["rey", "Local", "ray://head", "127.0.0.1", "http://127.0.0.1:6379", ""])
def test_what_is_no_engine_is_refused(name: str) -> None:
    with pytest.raises(ParibusError, match=f"There is no engine '{name}'") as caught:
        check_engine(name)
    assert caught.value.expected == "local, ray, ray://HOST:PORT or HOST:PORT"


def test_the_nearest_engine_is_proposed() -> None:
    with pytest.raises(ParibusError, match=r"There is no engine 'rey'. Did you mean 'ray'\?"):
        check_engine("rey")


def test_engines() -> None:
    for name in ("local", "ray", "ray://head:10001", "127.0.0.1:6379", "node-1.example.org:6379"):
        check_engine(name)


def test_a_missing_ray_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # Python's own way of saying that there is none
    check_engine("local")
    with pytest.raises(ParibusError, match=r"Ray is not installed") as caught:
        check_engine("ray")
    assert caught.value.fix == "pip install 'paribus[ray]'"


def test_a_run_takes_its_threads_and_a_gpu_where_it_trains_on_one(tmp_path: Path) -> None:
    with_gpus, without = {"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0}
    automatic = run_in(tmp_path, "training.threads=3")
    assert required_resources(automatic, without) == {"CPU": 3, "GPU": 0}
    assert required_resources(automatic, with_gpus) == {"CPU": 3, "GPU": 1}
    assert required_resources(run_in(tmp_path, "training.device=cpu"), with_gpus) == {"CPU": 1, "GPU": 0}
    assert required_resources(run_in(tmp_path, "training.device=cuda"), without) == {"CPU": 1, "GPU": 1}


def test_a_run_has_one_thread_unless_the_study_says_more() -> None:
    def threads(**overrides: object) -> int | None:
        plan = StudyPlan(model="gan", seeds=1, budget="1kimg", overrides={"training": overrides})
        [run] = prepare(plan, Path("nowhere"), images=made_data(), engine="ray").runs
        return run.config.training.threads

    assert threads() == 1
    assert threads(threads=3) == 3


@pytest.mark.parametrize(
    ("budget", "workers", "where"), [("5s", None, "--engine"), ("1kimg", 2, "--workers"), ("1kimg", 1, "--workers")]
)
def test_what_is_ray_s_to_decide_or_unfair_there_is_refused(budget: str, workers: int | None, where: str) -> None:
    plan = StudyPlan(model="gan", seeds=1, budget=budget)
    with pytest.raises(ParibusError) as caught:
        prepare(plan, Path("nowhere"), images=made_data(), workers=workers, engine="ray")
    assert caught.value.where == where
    prepare(plan, Path("nowhere"), images=made_data(), workers=workers)


def test_a_node_that_does_not_share_the_study_s_folder_is_refused(tmp_path: Path) -> None:
    study = tmp_path / "study"
    with pytest.raises(ParibusError, match="A node of the Ray cluster does not see the study's folder") as caught:
        run_on_node(run_in(study), study, tmp_path, {})
    assert caught.value.got == "no such folder"
    with locked_folder(study):
        pass
    with pytest.raises(ParibusError) as caught:  # a folder of the same name, but not the one that the study holds
        run_on_node(run_in(study), study, tmp_path, {})
    assert caught.value.got == "a folder that no process holds"
    assert not (study / "runs").exists()
