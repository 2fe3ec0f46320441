"""What a study is expected to cost: budgets in images, and few timed steps whatever the batch is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.cli.watching import run_watched
from paribus.data import ImageData, load_data
from paribus.recipes import RunConfig, resolve
from paribus.report import write_report
from paribus.studies import estimate as module
from paribus.studies.estimate import MOST_IMAGES, TIMED_STEPS, WARM_UP_STEPS, estimate
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
    cost = estimate(full, digits)
    assert cost.training_seconds > 0
    assert [(str(s.training.batch_size), s.training.budget.amount) for s in seen] == [
        (str(size), WARM_UP_STEPS * size),
        (str(size), (WARM_UP_STEPS + TIMED_STEPS) * size),
    ]
