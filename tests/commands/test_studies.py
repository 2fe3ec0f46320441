"""Commands as functions: what they return, and how their errors name what was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paribus.base.errors import ParibusError
from paribus.commands.studies import add_to_study, compare, retry_study, run_study
from paribus.commands.train import train
from paribus.commands.tune import tune
from tests.conftest import made_data

PLAN = "model: gan\nseeds: 1\nbudget: 32img\noverrides: {backbone: {width: 8}, training: {batch_size: 8}}\n"
SCORED = "evaluation: {samples: 64, encoder: pixels, metrics: [kid]}\n"


def test_a_study_runs_grows_and_is_retried(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(PLAN + SCORED)
    waiting = run_study(tmp_path / "small.yaml", out=tmp_path / "study", start=False)
    assert [run.name for run in waiting.waiting()] == ["gan seed 0"]
    assert not (tmp_path / "study").exists()
    study = run_study(tmp_path / "small.yaml", out=tmp_path / "study")
    assert [run.status for run in study.results.runs] == ["done"]
    assert (tmp_path / "study" / "report.html").is_file()
    assert study.report(tmp_path / "page.html") == tmp_path / "page.html"
    larger = add_to_study(tmp_path / "study", ["seeds=3"], start=False)
    assert [run.name for run in larger.waiting()] == ["gan seed 3"]
    (tmp_path / "study" / "runs" / "gan-seed0" / "done.json").write_text('{"status": "failed", "reason": "why"}')
    failed = run_study(tmp_path / "study", start=False)
    assert failed.waiting() == []
    assert [run.name for run in retry_study(tmp_path / "study", start=False).waiting(retry=True)] == ["gan seed 0"]


@pytest.mark.parametrize(
    ("models", "given", "where"),
    [
        (["gam"], {}, "--models"),
        (["gan", "gam"], {}, "--models"),
        (["gan", "gan"], {}, "--models"),
        (["gan"], {"budget": "32"}, "--budget"),
        (["gan"], {"seeds": [0, 0]}, "--seeds"),
        (["gan"], {"overrides": ["objective.latent_dim=0"]}, "objective.latent_dim"),
        (["gan"], {"overrides": ["data.sizes=16"]}, "data.sizes"),
        (["gan"], {"overrides": ["training.budget=3kimg"]}, "training.budget"),
    ],
)
def test_errors_of_a_comparison_name_options(models: list[str], given: dict[str, object], where: str) -> None:
    with pytest.raises(ParibusError) as caught:
        compare(models, **given, start=False)  # type: ignore[arg-type]
    assert caught.value.where == where


@pytest.mark.parametrize("given", [{"budget": "5kimgs"}, {"out": "photos"}, {"out": "photos/0.png"}])
def test_what_is_wrong_without_the_images_is_said_before_they_are_read(
    given: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path / "photos")
    monkeypatch.setattr("paribus.commands.studies.load_data", not_read)
    monkeypatch.setattr("paribus.commands.train.load_data", not_read)
    option = next(iter(given))
    with pytest.raises(ParibusError, match=rf"where: *--{option}"):
        compare(data="photos", **given)  # type: ignore[arg-type]
    with pytest.raises(ParibusError, match=rf"where: *(--{option}|training.{option})"):
        train("vae", "photos", **given)  # type: ignore[arg-type]


def write_images(folder: Path) -> None:
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    for index, pixels in enumerate(noise):
        Image.fromarray(pixels).save(folder / f"{index}.png")


def not_read(*_: object) -> None:
    raise AssertionError("the images were read")


def test_a_model_that_needs_labels_is_refused_before_anything_is_timed(
    tmp_path: Path,
) -> None:
    write_images(tmp_path / "photos")
    with pytest.raises(ParibusError, match="A conditional model needs labelled data"):
        compare(["vae", "cvae"], tmp_path / "photos", budget="32img", out=tmp_path / "study", start=False)
    assert not (tmp_path / "study").exists()


def test_one_model_may_stand_by_itself() -> None:
    assert [run.name for run in compare("gan", seeds=[3], budget="32img", start=False).runs] == ["gan seed 3"]


def test_a_tuning_is_what_its_file_says_and_what_is_given_besides(tmp_path: Path) -> None:
    (tmp_path / "tune.yaml").write_text(
        "model: gan\nsearch: {objective.latent_dim: [4, 8]}\nbudget: 32img\nmetric: kid\nsampler: grid\n"
        "evaluation: {samples: 64, encoder: pixels}\n"
    )
    tuning = tune(tmp_path / "tune.yaml", made_data(), metric="coverage", top=1, out=tmp_path / "out", start=False)
    plan = tuning.plan
    assert (plan.model, plan.metric, plan.sampler, plan.top, plan.count) == ("gan", "coverage", "grid", 1, 2)
    assert (plan.seed, plan.seeds, plan.pruner) == (0, 3, "none")
