"""Commands as functions: what they return, and how their errors name what was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from paribus.base.errors import ParibusError
from paribus.commands.studies import add_to_study, compare, retry_study, run_study
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
