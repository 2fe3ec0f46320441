"""Two encoders stay apart: the first ranks, the second has a table of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paribus.report import encoders
from paribus.report.cautions import cautions_of
from paribus.report.html import rendered
from paribus.report.verdict import verdict
from paribus.results.comparison import floor
from paribus.results.run import RunResult
from paribus.results.score import EncoderRecord, Score
from paribus.results.study import StudyResult
from paribus.results.study_files import read_folder
from tests.report.conftest import save, score

Given = tuple[Path, dict[str, Any]]
PIXELS = "pixels-c7d2"
SAME = {"vae": 300.0, "beta-vae": 400.0, "dcgan": 100.0, "wgan-gp": 200.0}


@pytest.fixture
def seen_twice(study: Given) -> Callable[[dict[str, float]], Path]:
    """Adds to every run what it scored through another encoder."""

    def write(frechet: dict[str, float]) -> Path:
        folder, results = study
        for row in results["runs"]:
            path = folder / row["folder"] / "evaluation.json"
            seen = {"name": "pixels", "id": PIXELS, "accuracy": None}
            values = {"frechet": frechet[row["model"]] + row["seed"], "floor_frechet": 7.25}
            added = [score(name, value, encoder=None, error=1.0) | {"encoder": seen} for name, value in values.items()]
            path.write_text(json.dumps([*json.loads(path.read_text()), *added]))
            row["others"] = {PIXELS: {entry["metric"]: entry for entry in added}}
        save(folder, results)
        return folder

    return write


def body(text: str, model: str, table: int) -> str:
    return re.findall(rf'<tbody data-name="{model}">(.*?)</tbody>', text, re.S)[table]


def test_a_second_encoder_has_a_table_of_its_own(seen_twice: Callable[[dict[str, float]], Path]) -> None:
    folder = seen_twice(SAME)
    text = rendered(read_folder(folder))
    heading = text.index("Through another encoder")
    assert text.index("Leaderboard</h2>") < heading < text.index('id="pictures"')
    assert PIXELS in text[heading : heading + 600]
    assert ">301.0</span>" in body(text, "vae", 1)
    assert ">7.25<" in text[heading:]
    assert ">300" not in body(text, "vae", 0)


def test_the_first_encoder_alone_ranks_and_is_averaged(study: Given, seen_twice: Callable[..., Path]) -> None:
    before = read_folder(study[0])
    after = read_folder(seen_twice({model: 1000 - value for model, value in SAME.items()}))
    assert verdict(after) == verdict(before)
    assert {m: after.summary(m, "frechet") for m in after.models} == {
        m: before.summary(m, "frechet") for m in before.models
    }
    (study[0] / "results.json").unlink()  # then every run is read from its own folder
    alone = read_folder(study[0])
    assert alone.summary("vae", "frechet").mean < 100  # type: ignore[union-attr]
    assert [run.others for run in alone.runs] == [run.others for run in after.runs]


def test_says_whether_the_ranking_is_the_same(study: Given, seen_twice: Callable[..., Path]) -> None:
    [view] = encoders.other_views(read_folder(seen_twice(SAME)))
    assert view.ranking == ("Ranked by mean Fréchet distance the models stand in the same order through both encoders.")


def test_says_which_models_change_places(seen_twice: Callable[..., Path]) -> None:
    given = read_folder(seen_twice(SAME | {"vae": 50.0}))
    [view] = encoders.other_views(given)
    assert "not the same through both encoders" in view.ranking
    assert f"vae, dcgan, wgan-gp, beta-vae through {PIXELS}" in view.ranking
    assert "By more than their seeds scatter change places: dcgan with vae and wgan-gp with vae. Which" in view.ranking
    [caution] = [c for c in cautions_of(given) if PIXELS in c.text]
    assert caution.kind == "caution" and caution.text == (
        "Which model is better depends on the encoder: by Fréchet distance models change places between "
        f"classifier-3f9a and {PIXELS}, by more than their seeds scatter."
    )
    assert "change places: dcgan with vae and wgan-gp with vae." in caution.details[0]


def test_each_ranked_metric_is_held_against_the_other_encoder(seen_twice: Callable[..., Path]) -> None:
    given = read_folder(seen_twice(SAME))
    coverage = {"dcgan": 0.9, "wgan-gp": 0.8, "vae": 0.2, "beta-vae": 0.5}

    def with_coverage(run: RunResult) -> RunResult:
        table = run.others[PIXELS]
        common = table["frechet"].model_copy(update={"error": 0.01})
        more = {
            "coverage": common.model_copy(update={"value": coverage[run.model] + 0.01 * run.seed}),
            "recall": common.model_copy(update={"value": 0.5, "n": 100 + run.seed}),
        }
        return replace(run, others={PIXELS: table | more})

    found = encoders.agreement(replace(given, runs=tuple(with_coverage(run) for run in given.runs)), PIXELS)
    assert found.same == ("Fréchet distance",) and found.unlike == ("Recall",)
    [change] = found.changes
    assert change.label == "Coverage" and change.firm == (("vae", "beta-vae"),)
    assert change.orders == (["dcgan", "wgan-gp", "vae", "beta-vae"], ["dcgan", "wgan-gp", "beta-vae", "vae"])
    assert "alike by Recall cannot be said: not all runs were measured alike." in found.words


def test_places_within_the_scatter_are_called_so(seen_twice: Callable[..., Path]) -> None:
    given = read_folder(seen_twice(SAME | {"vae": 199.9}))
    [view] = encoders.other_views(given)
    assert "No two models that change places are told apart by their seeds through both." in view.ranking
    [note] = [c for c in cautions_of(given) if PIXELS in c.text]
    assert note.kind == "note"
    assert note.text.startswith("By Fréchet distance the models' order changes between classifier-3f9a and ")


def test_runs_through_different_encoders_have_no_mean_together(study: Given) -> None:
    given = read_folder(study[0])
    runs = tuple(through(run.scores, PIXELS) if run.label == "vae, seed 1" else None for run in given.runs)
    mixed = replace(given, runs=tuple(replace(r, scores=s) if s else r for r, s in zip(given.runs, runs, strict=True)))
    assert given.summary("vae", "frechet") is not None
    assert mixed.summary("vae", "frechet") is None
    assert mixed.summary("dcgan", "frechet") is not None
    assert floor(given, "frechet") == (1.84, 1.84)
    assert floor(mixed, "frechet") == (None, None)
    assert "the encoders differ" in verdict(mixed).text
    assert "its seeds were measured through different encoders" in rendered(mixed)


def through(scores: dict[str, Score], encoder: str) -> dict[str, Score]:
    record = EncoderRecord(name="pixels", id=encoder)
    return {name: s.model_copy(update={"encoder": record}) if s.encoder else s for name, s in scores.items()}


def test_the_classifiers_accuracy_stands_beside_its_name(study: Given) -> None:
    given = read_folder(study[0])
    assert "test accuracy" not in rendered(given)
    found = rendered(with_accuracy(given, 0.989))
    board = found[found.index("Leaderboard</h2>") : found.index("<table")]
    assert "a classifier of 98.9\u202f% test accuracy" in board
    method = found[found.index('id="method"') :]
    assert "classifier-3f9a (98.9\u202f% test accuracy)" in method


def with_accuracy(study: StudyResult, accuracy: float) -> StudyResult:
    record = EncoderRecord(name="classifier", id="classifier-3f9a", accuracy=accuracy)
    runs = [
        replace(
            run,
            scores={n: s.model_copy(update={"encoder": record}) if s.encoder else s for n, s in run.scores.items()},
        )
        for run in study.runs
    ]
    return replace(study, runs=tuple(runs))
