"""A study's failed runs tried again, with other settings."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from paribus.base.errors import ParibusError
from paribus.cli.watching import slower
from paribus.commands.studies import retry_study, run_study
from paribus.config import Schedule
from paribus.recipes import resolve
from paribus.results.folder import RunFolder
from paribus.studies.study import Study

PLAN = (
    "axes: {model: [gan, wgan]}\nseeds: 2\nbudget: 32img\n"
    "overrides: {backbone: {width: 8}, training: {batch_size: 8}}\n"
    "evaluation: {samples: 64, encoder: pixels, metrics: [kid]}\n"
)
FAILED = '{"status": "failed", "reason": "why", "failure": "diverged"}'
SLOWER = "training.optimizer.G.learning_rate=1e-5"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of gan and wgan beside its plan; only read."""
    place = tmp_path_factory.mktemp("finished")
    (place / "plan.yaml").write_text(PLAN)
    run_study(place / "plan.yaml", out=place / "study")
    return place


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of that study, of which a seed of gan is said to have diverged."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    (tmp_path / "study" / "runs" / "gan-seed0" / "done.json").write_text(FAILED)
    return tmp_path / "study"


def rate(run: Path) -> Any:
    return RunFolder(run).record["config"]["training"]["optimizer"]["G"]["learning_rate"]


def names(study: Study, *, retry: bool = True) -> list[str]:
    return [run.name for run in study.waiting(retry=retry)]


def test_a_retry_with_other_settings(folder: Path) -> None:
    """All seeds of the model are trained by them, what they were before is kept, and study and report say so."""
    before = RunFolder(folder / "runs" / "wgan-seed0").record
    planned = retry_study(folder, "gan", overrides=[SLOWER], start=False)
    assert names(planned) == ["gan seed 0", "gan seed 1"]
    assert {row["state"] for row in planned.listing(planned.waiting(retry=True))[:2]} == {"new"}
    assert rate(folder / "runs" / "gan-seed1") == 2e-4  # nothing is written before it runs

    study = retry_study(folder, "gan", overrides=[SLOWER])
    assert [run.status for run in study.results.runs] == ["done"] * 4
    assert [rate(folder / "runs" / f"gan-seed{seed}") for seed in (0, 1)] == [1e-5, 1e-5]
    assert [rate(folder / "retried" / f"gan-seed{seed}-1") for seed in (0, 1)] == [2e-4, 2e-4]
    assert RunFolder(folder / "runs" / "wgan-seed0").record == before
    stored = yaml.safe_load((folder / "study.yaml").read_text())
    assert stored["plan"]["changed"] == {"gan": {"training.optimizer.G.learning_rate": 1e-5}}
    assert {fact.figures["path"] for fact in study.results.varied if fact.code == "setting"} >= {
        "training.optimizer.G.learning_rate"
    }
    assert names(run_study(folder.parent / "plan.yaml", out=folder, start=False)) == []  # the same command carries on
    assert names(retry_study(folder, "gan", overrides=[SLOWER], start=False)) == []


def test_a_retry_of_one_model_leaves_the_others(folder: Path) -> None:
    (folder / "runs" / "wgan-seed1" / "done.json").write_text(FAILED)
    assert names(retry_study(folder, start=False)) == ["gan seed 0", "wgan seed 1"]
    assert names(retry_study(folder, "wgan", start=False)) == ["wgan seed 1"]
    assert names(retry_study(folder, overrides=[SLOWER], start=False)) == [
        "gan seed 0", "gan seed 1", "wgan seed 0", "wgan seed 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "override", "message"),
    [
        ("gam", SLOWER, "no model 'gam'. Did you mean 'gan'"),
        ("wgan", SLOWER, "only where a run failed"),
        ("gan", "training.budget=64img", "holds equal"),
        ("gan", "data.size=16", "holds equal"),
        ("gan", "training.optimizer.Q.learning_rate=1", "one for each of D, G"),
    ],
)
def test_what_a_retry_refuses(model: str, override: str, message: str, folder: Path) -> None:
    with pytest.raises(ParibusError, match=message):
        retry_study(folder, model, overrides=[override])
    assert not (folder / "retried").exists()


def test_advised_rates_are_a_third_also_of_a_schedules_ends(tmp_path: Path) -> None:
    """And the study takes the advice: a schedule stays one."""
    (tmp_path / "plan.yaml").write_text(PLAN.replace("[gan, wgan]", "[gan, r3gan]"))
    study = run_study(tmp_path / "plan.yaml", out=tmp_path / "study", start=False)
    own = {run.label: run.config.training.optimizer["G"].learning_rate for run in study.runs}
    assert isinstance(own["gan"], float) and isinstance(own["r3gan"], Schedule)
    for label in own:
        advised = resolve(label, overrides=slower(study, label).split(" -o ")).training.optimizer["G"].learning_rate
        ends = [(rate.start, rate.end) if isinstance(rate, Schedule) else (rate,) for rate in (own[label], advised)]
        assert ends[1] == pytest.approx([end / 3 for end in ends[0]], rel=0.01)
