"""Where latents come from, what fitting a sampler cost, and agreement with the class that was asked for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from paribus.report.analyses import latents_table
from paribus.report.html import rendered
from paribus.report.tables import all_scores, cost_table, leaderboard
from paribus.results.run import RunResult
from paribus.results.score import EncoderRecord, Fact, Score
from paribus.results.study import StudyResult
from paribus.results.study_files import read_folder
from tests.report.conftest import score
from tests.results.metrics import METRICS

Given = tuple[Path, dict[str, Any]]


def run(model: str, seed: int, sampler: str = "prior", **values: float | None) -> RunResult:
    seen, why = EncoderRecord(name="classifier", id="classifier-a"), (Fact(code="too_few_images"),)
    scores = {
        name: Score(metric=name, value=value, encoder=seen, n=359, split="test", warnings=() if value else why)
        for name, value in values.items()
    }
    floor = {"floor_frechet": Score(metric="floor_frechet", value=0.5)}
    return RunResult(model, seed, scores=scores | floor, sampler=sampler)


def made(*runs: RunResult) -> StudyResult:
    return StudyResult("test", runs, tuple(dict.fromkeys(r.model for r in runs)), METRICS)


def shown(given: StudyResult) -> dict[str, list[str]]:
    table = latents_table(given)
    assert table is not None
    heads = [head.replace("\u00a0", " ") for head, _ in table.columns]
    cells = {line.label: [cell.text for cell in line.cells] for line in table.lines}
    assert all(len(row) == len(heads) for row in cells.values())
    return {"": heads} | cells


FITTED = [
    run("vae", seed, "gmm", frechet=4.0 + seed, prior_frechet=9.0 + seed, reconstruction_frechet=3.0 + seed)
    for seed in (0, 1)
]


def test_plain_scores_are_the_priors_where_no_sampler_was_fitted() -> None:
    plain = [run("aae", seed, frechet=6.0 + seed, reconstruction_frechet=2.0 + seed) for seed in (0, 1)]
    found = shown(made(*FITTED, *plain, run("gan", 0, frechet=1.0)))
    assert found == {
        "": ["N(0, I)", "Fitted sampler", "Reconstructions"],
        "vae": ["9.50", "4.50", "3.50"],
        "aae": ["6.50", "–", "2.50"],
    }


def test_columns_that_no_model_has_are_left_out() -> None:
    plain = made(run("aae", 0, frechet=6.0, reconstruction_frechet=2.0))
    assert shown(plain) == {"": ["N(0, I)", "Reconstructions"], "aae": ["6.00", "2.00"]}
    table = latents_table(plain)
    assert table is not None
    assert [metric.name for _, metric in table.columns] == ["frechet", "reconstruction_frechet"]
    assert "prior hole" in table.meaning
    assert "0.500" in table.meaning
    assert "sampler" not in table.meaning
    assert latents_table(made(run("gan", 0, frechet=1.0))) is None


def test_kid_stands_in_where_no_distance_has_a_value() -> None:
    given = made(run("vae", 0, "gmm", frechet=None, prior_frechet=None, kid=0.1, prior_kid=0.2))
    assert shown(given) == {"": ["N(0, I)", "Fitted sampler"], "vae": ["0.200", "0.100"]}


def test_the_page_explains_each_column(study: Given) -> None:
    folder, results = study
    for row in results["runs"]:
        if "vae" in row["model"]:
            row["scores"] |= {
                "prior_frechet": score("prior_frechet", 77.0),
                "reconstruction_frechet": score("reconstruction_frechet", 11.0),
            }
    results["runs"][0]["sampler"] = "two-stage"
    (folder / "results.json").write_text(json.dumps(results))
    text = rendered(read_folder(folder))
    table = re.search(r'<table class="plain latents">(.*?)</table>', text, re.S)[1]  # type: ignore[index]
    assert "sampler: two-stage" in table
    assert ">77.0<" in table
    assert ">11.0<" in table
    assert "dcgan" not in table
    for name in re.findall(r'popovertarget="(about-[^"$]*)"', text):
        assert text.count(f'<div popover id="{name}"') == 1


def test_fitting_a_sampler_is_a_cost_where_one_was_fitted(study: Given) -> None:
    folder, results = study
    assert "Sampler fit" not in cost_table(read_folder(folder))[0]
    results["runs"][0]["scores"]["sampler_seconds"] = score("sampler_seconds", 3.5, None)
    (folder / "results.json").write_text(json.dumps(results))
    heads, rows = cost_table(read_folder(folder))
    cells = {line.label: line.cells[heads.index("Sampler fit")].text for line in rows}
    assert cells == {"vae": "3.5\u202fs", "beta-vae": "–", "dcgan": "–", "wgan-gp": "–"}
    single = folder / "runs" / "dcgan-seed0"
    done = json.loads((single / "done.json").read_text())
    (single / "done.json").write_text(json.dumps(done | {"sampler_seconds": 2.5}))
    heads, rows = cost_table(read_folder(single))
    assert rows[0].cells[heads.index("Sampler fit")].text == "2.5\u202fs"


def test_class_agreement_has_a_column_where_its_words_say_so() -> None:
    given = study_of_agreement()
    board = leaderboard(given, "frechet")
    [place] = [k for k, metric in enumerate(board.columns) if metric.name == "class_agreement"]
    assert {e.model: e.lines[0].cells[place].text for e in board.entries} == {"cvae": "0.950", "gan": "–"}
    assert "Class agreement" in rendered(given)
    assert all(m.name != "class_agreement" for m in leaderboard(made(run("gan", 0, frechet=2.0)), "frechet").columns)


def test_a_metric_without_words_stands_among_all_scores() -> None:
    words = {name: metric for name, metric in METRICS.items() if name != "class_agreement"}
    given = replace(study_of_agreement(), metrics=words)
    columns, lines = all_scores(given)
    [place] = [k for k, metric in enumerate(columns) if metric.label == "class agreement"]
    assert [line.cells[place].text for line in lines] == ["0.9500", "–"]
    assert "class agreement" in rendered(given)


def study_of_agreement() -> StudyResult:
    return made(run("cvae", 0, frechet=1.0, class_agreement=0.95), run("gan", 0, frechet=2.0))
