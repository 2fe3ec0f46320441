"""What is thought of a trial: its score on held-out images, and whether its snapshots are hopeless."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from paribus.data import load_data
from paribus.evaluation import evaluate
from paribus.evaluation.measures import metrics
from paribus.models import load_model
from paribus.report import write_report
from paribus.results.folder import RunFolder
from paribus.results.protocol import ImageSet
from paribus.runs.run import complete_run
from paribus.tuning.plan import TuningPlan, score_by
from paribus.tuning.tuning import Snapshots, TrialRecord, Tuning

PLAN = TuningPlan(
    model="vae",
    search={"objective.latent_dim": [4, 8]},
    budget="16updates",
    pruner="median",
    metric="coverage",
    trials=6,
    overrides={"backbone": {"width": 8}, "training": {"batch_size": 16, "threads": 1, "keep_snapshots": 1}},
    evaluation={"encoder": "pixels"},
)


@pytest.mark.parametrize(("others", "hopeless"), [(1.0, True), (0.0, False)])
def test_a_trial_is_given_up_when_its_snapshot_is_worse_than_the_median(
    others: float, hopeless: bool, tmp_path: Path
) -> None:
    data, metric = load_data("digits"), metrics()["coverage"]
    config = PLAN.trial({"objective.latent_dim": 4})
    run = RunFolder(tmp_path / "run")
    complete_run(config, data, run)
    assert [round(images / 256, 3) for images in run.snapshots()] == [0.125, 0.25, 0.5]
    assert run.snapshot_scores == []  # the validation images score; they choose no snapshot

    study = optuna.create_study(pruner=optuna.pruners.MedianPruner())
    for _ in range(5):
        before = study.ask()
        before.report(metric.shortfall(others), 0)
        study.tell(before, 0.0)
    trial = study.ask()
    snapshots = Snapshots(trial, run, config, data, metric)
    assert snapshots.look() == hopeless
    assert snapshots.look() == hopeless
    told = study.trials[-1].intermediate_values
    seen = run.snapshots()[: 1 if hopeless else 3]
    expected = []
    for images in seen:
        [score] = evaluate(load_model(run.path, weights=run.snapshot(images)), data, config.evaluation)
        assert score.split == "validation" and score.protocol.reference == ImageSet(origin="validation", count=144)
        expected.append(-score.value)  # higher is better
    assert told == dict(enumerate(expected))
    assert score_by(metric, run.evaluation).split == "validation"


def test_winners_are_the_best_settings_that_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = PLAN.model_copy(
        update={"search": {"objective.latent_dim": [4, 8, 20], "objective.beta": [1.0, 2.0]}, "top": 2}
    )
    tuning = Tuning(tmp_path, plan, load_data("digits"), write_report, None, 1, 1)
    settings = [(20, 1.0), (8, 2.0), (4, 1.0), (8, 2.0), (4, 2.0)]
    values = [0.9, 0.5, 0.7, 0.6, None]
    trials = [
        TrialRecord(
            trial=place,
            state="failed" if value is None else "done",
            settings={"objective.latent_dim": latent, "objective.beta": beta},
            score=None if value is None else {"value": value},
        )
        for place, ((latent, beta), value) in enumerate(zip(settings, values, strict=True))
    ]
    monkeypatch.setattr(Tuning, "trials", trials)
    # trial 0 is the preset's own setting, trial 1 is a worse draw of trial 3's
    assert tuning.winners() == {
        "trial 2": {"objective.latent_dim": 4, "objective.beta": 1.0},
        "trial 3": {"objective.latent_dim": 8, "objective.beta": 2.0},
    }
    study = tuning.study(workers=1)
    assert [run.label for run in study.runs if run.seed == 1] == ["vae defaults", "vae trial 2", "vae trial 3"]
    assert {run.seed for run in study.runs} == {1, 2, 3}
    assert [run.config.tuning.trials for run in study.runs if run.seed == 1] == [0, 6, 6]
    assert {run.config.evaluation.split for run in study.runs} == {"test"}


def test_seeds_of_winners_are_fresh() -> None:
    for seed, fresh in ((0, [1, 2, 3]), (2, [0, 1, 3]), (9, [0, 1, 2])):
        assert PLAN.model_copy(update={"seed": seed}).fresh_seeds == fresh
