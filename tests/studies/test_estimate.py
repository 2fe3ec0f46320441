"""What a study is expected to cost: budgets in images, and few timed steps whatever the batch is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.cli.watching import run_watched
from paribus.config import EvaluationSettings
from paribus.data import ImageData, load_data
from paribus.evaluation.encoders import encoders_for, rehearsed_encoders
from paribus.evaluation.encoding import silent
from paribus.recipes import RunConfig, resolve
from paribus.report import write_report
from paribus.studies import estimate as module
from paribus.studies import study as study_module
from paribus.studies.estimate import MOST_IMAGES, TIMED_STEPS, WARM_UP_STEPS, Cost, estimate, starting
from paribus.studies.plan import StudyPlan, expected_images
from paribus.studies.study import Study
from tests.conftest import made_data


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return load_data("digits")


def config(*overrides: str) -> RunConfig:
    return resolve("vae", {"training": {"threads": 1}}, overrides=list(overrides))


@pytest.mark.parametrize(
    ("budget", "batch", "images"),
    [("300img", "64", 300), ("3epochs", "64", 3000), ("5updates", "64", 320), ("5updates", "full", 5000)],
)
def test_images_of_a_budget(budget: str, batch: str, images: float) -> None:
    assert expected_images(config(f"training.budget={budget}", f"training.batch_size={batch}"), 1000) == images


@pytest.mark.parametrize("budget", ["5s", "1e12flop"])
def test_budgets_that_no_number_of_images_amounts_to(budget: str) -> None:
    assert expected_images(config(f"training.budget={budget}"), 1000) is None


def test_each_critic_step_is_a_batch() -> None:
    wgan = resolve("wgan", {}, overrides=["training.budget=10updates", "training.batch_size=64"])
    assert expected_images(wgan, 1000) == 640  # the first phase is the critic's
    assert max(phase.repeats for phase in wgan.objective.phases()) == 5


def test_devices_that_only_a_cluster_has_are_not_timed_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = "mps" if torch.cuda.is_available() else "cuda"
    plan = StudyPlan(model="vae", overrides={"training": {"device": absent}}, seeds=1, budget="64img")
    run_watched(Study.of(plan, tmp_path, write_report=write_report, engine="ray", images=made_data()), dry_run=True)
    assert "(not timed: this machine lacks a device that they name)" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(ParibusError, match=f"There is no {absent} device here"):
        run_watched(Study.of(plan, tmp_path, write_report=write_report, images=made_data()), dry_run=True)


@pytest.mark.parametrize(("part", "size"), [("100", 100), ("null", MOST_IMAGES)])
def test_a_full_batch_is_timed_by_its_parts(
    part: str, size: int, digits: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[RunConfig] = []
    prepare = module.prepare

    def recorded(settings: RunConfig, images: ImageData) -> Any:
        seen.append(settings)
        return prepare(settings, images)

    monkeypatch.setattr(module, "prepare", recorded)
    full = config("training.batch_size=full", f"training.micro_batch={part}", "training.budget=1000epochs")
    cost = estimate(full, digits, scored=False)
    assert cost.training_seconds > 0
    assert [(str(s.training.batch_size), s.training.budget.amount) for s in seen] == [
        (str(size), WARM_UP_STEPS * size),
        (str(size), (WARM_UP_STEPS + TIMED_STEPS) * size),
    ]


def test_scoring_and_the_encoder_are_part_of_a_run_s_cost(
    digits: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path))
    said: list[str] = []
    cold = estimate(config("training.budget=64img"), digits, said.append)
    assert said == ["a few steps", "a few scored images"]
    assert cold.scoring_seconds > 0
    assert cold.preparing_seconds > 0
    assert not list(tmp_path.rglob("*")), "what was timed was kept"
    unscored = estimate(config("training.budget=64img"), digits, scored=False)
    assert (unscored.scoring_seconds, unscored.preparing_seconds) == (0, 0)


def test_an_encoder_in_the_cache_need_not_be_prepared(
    digits: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path))
    settings = EvaluationSettings()
    encoders, seconds = rehearsed_encoders(digits, settings)
    [real] = encoders_for(digits, settings, silent)
    assert [(e.name, e.dimensions) for e in encoders] == [(real.name, real.dimensions)]
    assert seconds > 0
    kept, seconds = rehearsed_encoders(digits, settings)
    assert ([e.id for e in kept], seconds) == ([real.id], 0.0)


def test_a_study_s_cost_is_the_sum_of_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = {"vae": Cost(10.0, 4.0, 100.0, 7.0, 1.0), "gan": Cost(20.0, 2.0, 200.0, 7.0, 0.5)}
    monkeypatch.setattr(study_module, "estimate", lambda config, images, tell: costs[config.model])

    class Started:
        seconds = 3.0

    at_a_time: list[int] = []

    @contextmanager
    def starting(config: RunConfig, processes: int) -> Iterator[Started]:
        at_a_time.append(processes)
        yield Started()

    monkeypatch.setattr(study_module, "starting", starting)
    plan = StudyPlan(axes={"model": ["vae", "gan"]}, seeds=2, budget="64img")
    study = Study.of(plan, tmp_path, write_report=write_report, images=made_data(), workers=2)
    cost = study.estimate(study.runs)
    assert at_a_time == [1]  # beside this process, so that two are at work
    assert (cost.training_seconds, cost.scoring_seconds, cost.disk_bytes) == (30.0, 6.0, 600.0)
    assert cost.start_seconds == 4 * (3 + 1) / 2
    assert cost.preparing_seconds == 7.0  # once, for both models
    assert cost.seconds == 30 + 6 + 8 + 7
    assert cost.by_label == {"vae": 18.0, "gan": 26.0}
    parts = "30 s of training, 6 s of scoring, 8 s of start-up and 7 s of preparing the encoder"
    assert str(cost).replace("\u202f", " ").startswith(f"about 51 s ({parts})")
    # three runs by two workers take two rounds
    assert study.estimate(study.runs[:3]).training_seconds == pytest.approx((10 + 10 + 20) / 1.5)


@pytest.mark.parametrize("processes", [0, 1])
def test_start_up_is_measured_by_processes_that_start(processes: int) -> None:
    before = threading.active_count()
    with starting(config("training.budget=64img", "data.name=digits"), processes) as starts:
        assert starts.seconds > 0
    assert threading.active_count() == before
