"""Where latents come from, what fitting a sampler cost, and agreement with the class that was asked for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from paribus.report.contents import Run, Score, Study
from paribus.report.reading import METRICS, read_folder

from paribus.report.html import rendered
from paribus.report.latents import latents_table
from paribus.report.tables import cost_table, leaderboard

Given = tuple[Path, dict[str, Any]]


def run(model: str, seed: int, sampler: str = "prior", **values: float | None) -> Run:
    scores = {name: Score(value, encoder="classifier-a", n=359, split="test") for name, value in values.items()}
    return Run(model, seed, scores=scores | {"floor_frechet": Score(0.5)}, sampler=sampler)


def made(*runs: Run) -> Study:
    return Study("test", runs, tuple(dict.fromkeys(r.model for r in runs)), METRICS)


def shown(given: Study) -> dict[str, list[str]]:
    table = latents_table(given)
    assert table is not None
    heads = [source.head.replace("\u00a0", " ") for source in table.sources]
    cells = {model: [cell.text for cell in row] for model, _, _, row in table.rows}
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
    assert [source.metric.name for source in table.sources] == ["frechet", "reconstruction_frechet"]
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
                "prior_frechet": row["scores"]["frechet"] | {"value": 77.0},
                "reconstruction_frechet": row["scores"]["frechet"] | {"value": 11.0},
            }
    path = folder / "runs" / "vae-seed0" / "run.yaml"
    record = yaml.safe_load(path.read_text())
    record["config"]["sampler"] = {"name": "two-stage"}
    path.write_text(yaml.safe_dump(record))
    results["models"] = {}
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
    results["runs"][0]["scores"]["sampler_seconds"] = {"value": 3.5}
    (folder / "results.json").write_text(json.dumps(results))
    heads, rows = cost_table(read_folder(folder))
    cells = {model: row[heads.index("Sampler fit")].text for model, _, row in rows}
    assert cells == {"vae": "3.5\u202fs", "beta-vae": "–", "dcgan": "–", "wgan-gp": "–"}
    single = folder / "runs" / "dcgan-seed0"
    done = json.loads((single / "done.json").read_text())
    (single / "done.json").write_text(json.dumps(done | {"sampler_seconds": 2.5}))
    heads, rows = cost_table(read_folder(single))
    assert rows[0][2][heads.index("Sampler fit")].text == "2.5\u202fs"


def test_class_agreement_has_a_column_with_or_without_words_for_it() -> None:
    given = study_of_agreement()
    for metrics in (METRICS, {name: words for name, words in METRICS.items() if name != "class_agreement"}):
        board = leaderboard(replace(given, metrics=metrics), "frechet")
        [place] = [k for k, metric in enumerate(board.columns) if metric.name == "class_agreement"]
        assert board.columns[place].label.lower() == "class agreement"
        assert {e.model: e.lines[0].cells[place].text for e in board.entries} == {"cvae": "0.950", "gan": "–"}
        assert "lass agreement" in rendered(replace(given, metrics=metrics))
    assert all(m.name != "class_agreement" for m in leaderboard(made(run("gan", 0, frechet=2.0)), "frechet").columns)


def study_of_agreement() -> Study:
    return made(run("cvae", 0, frechet=1.0, class_agreement=0.95), run("gan", 0, frechet=2.0))
