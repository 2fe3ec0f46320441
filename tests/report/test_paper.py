"""What a paper needs, axes against each other, and the command of each run."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from paribus.report import write_report
from paribus.report.analyses import cross_tables
from paribus.report.manuscript import escaped, latex, markdown, methods, scores_csv
from paribus.report.tables import leaderboard
from paribus.results.study_files import read_folder
from paribus.results.words import statement
from tests.report.conftest import EQUAL

Given = tuple[Path, dict[str, Any]]
Tools = dict[str, Callable[..., Any]]


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_every_score_of_every_run_stands_in_the_csv_unrounded(study: Given) -> None:
    folder, results = study
    page = write_report(folder).read_text()
    (uri,) = re.findall(r'href="data:text/csv;charset=utf-8,([^"]+)" download="Four-models-on-digits-scores.csv"', page)
    rows = read_csv(unquote(html.unescape(uri)))
    assert rows == read_csv(scores_csv(read_folder(folder)))
    last = {(row["model"], int(row["seed"])): row for row in rows if row["weights"] == "last"}
    assert len(last) == len(results["runs"]) == 12
    for run in results["runs"]:
        row = last[run["model"], run["seed"]]
        assert row["encoder"] == "classifier-3f9a"
        for name, entry in run["scores"].items():
            assert (float(row[name]), float(row[f"{name}_error"])) == (entry["value"], entry["error"])
    assert last["dcgan", 0]["elbo"] == ""
    best = [row for row in rows if row["weights"] == "best"]
    assert [(row["model"], row["seed"]) for row in best] == [("dcgan", "0"), ("dcgan", "1"), ("dcgan", "2")]
    assert float(best[0]["frechet"]) == pytest.approx(float(last["dcgan", 0]["frechet"]) - 1.5)


def test_the_csv_names_axes_and_failed_runs(study: Given, tools: Tools) -> None:
    folder, results = study
    for run in results["runs"]:
        run["axes"] = {"model": run["model"], "backbone.width": 32}
        run["model"] = f"{run['model']} width=32"
    results["runs"][4] |= {"status": "failed", "scores": {}, "best": {}, "snapshots": []}
    tools["save"](folder, results)
    rows = [row for row in read_csv(scores_csv(read_folder(folder))) if row["status"]]
    failed = [row for row in rows if row["status"] == "failed"]
    assert [(row["model"], row["backbone.width"], row["seed"], row["frechet"]) for row in failed] == [
        ("beta-vae", "32", "1", "")
    ]


def test_tables_hold_the_leaderboard_and_mark_what_leads(study: Given) -> None:
    found = read_folder(study[0])
    board = leaderboard(found, "frechet")
    lines = markdown(board).splitlines()
    assert lines[0].startswith("| Model | Fréchet distance ↓ | KID ↓ | Precision ↑ |")
    cells = [line.count("|") for line in lines]
    assert set(cells) == {len(board.columns) + 2}
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| dcgan", "| wgan-gp", "| vae", "| beta-vae", "| real images",
    ]  # fmt: skip
    assert f"**{board.entries[0].lines[0].cells[0].text} ± " in lines[2] and "**" not in lines[3].split(" | ")[1]
    table = latex(found, board).splitlines()
    body = table[table.index(r"\midrule") + 1 : table.index(r"\bottomrule")]
    assert all(line.endswith(r"\\") and line.count("&") == len(board.columns) for line in body)
    assert rf"\textbf{{{board.entries[0].lines[0].cells[0].text} $\pm$ " in body[0]


def test_latex_reads_nothing_as_a_command() -> None:
    assert escaped(r"a_b & 50% {x} \y #1 ~ ^ ±") == (
        r"a\_b \& 50\% \{x\} \textbackslash{}y \#1 \textasciitilde{} \textasciicircum{} $\pm$"
    )


def test_the_paragraph_says_only_what_was_done(study: Given, tools: Tools) -> None:
    folder, results = study
    text = methods(read_folder(folder), "frechet")
    assert text.startswith(
        "With Paribus 0.1.0, vae, beta-vae, dcgan and wgan-gp were trained on digits, each with 3 seeds (0, 1 and 2)."
    )
    for fact in EQUAL:
        assert str(statement(fact)) in text
    assert "Fréchet distance: 359 samples (seed 0)" in text and "Values are means over seeds." in text
    results["runs"][0]["scores"]["frechet"]["protocol"]["seed"] = 1
    tools["save"](folder, results)
    assert "Fréchet distance: 359 samples (seeds 0 and 1)" in methods(read_folder(folder), "frechet")
    results["runs"][0]["scores"]["frechet"]["protocol"]["images"]["count"] = 7
    tools["save"](folder, results)
    assert "Fréchet distance:" not in methods(read_folder(folder), "frechet")


def test_the_paragraph_names_no_test_of_two_seeds(tmp_path: Path) -> None:
    from tests.report.conftest import write_study

    write_study(tmp_path, (0, 1))
    text = methods(read_folder(tmp_path), "frechet")
    assert "t-interval" not in text and "t-test" not in text


def test_the_paragraph_names_the_test_of_three_seeds(tmp_path: Path) -> None:
    from tests.report.conftest import write_study

    write_study(tmp_path, (0, 1, 2), ("vae", "dcgan", "wgan-gp"))
    text = methods(read_folder(tmp_path), "frechet")
    assert "95 % t-interval" in text
    assert "t-test of the difference over seeds, corrected for 3 pairs by Holm's method" in text


def test_axes_stand_against_each_other(study: Given, tools: Tools) -> None:
    folder, results = study
    assert cross_tables(read_folder(folder), "frechet") == [], "one axis needs no table"
    names = {"vae": ("vae", 8), "beta-vae": ("vae", 16), "dcgan": ("dcgan", 8), "wgan-gp": ("wgan-gp", 16)}
    labels = {model: f"{name} latent_dim={size}" for model, (name, size) in names.items()}
    for run in results["runs"]:
        name, size = names[run["model"]]
        run |= {"model": labels[run["model"]], "axes": {"model": name, "objective.latent_dim": size}}
    results["models"] = {labels[model]: table for model, table in results["models"].items()}
    tools["save"](folder, results)
    record = yaml.safe_load((folder / "study.yaml").read_text())
    (folder / "study.yaml").write_text(yaml.safe_dump(record | {"models": list(labels.values())}))
    found = read_folder(folder)
    first, *others = cross_tables(found, "frechet")
    assert (first.metric.name, first.columns) == ("frechet", ("8", "16"))
    means = {label: [cell.value for cell in cells] for label, cells in first.rows}
    expected = {model: table["frechet"]["mean"] for model, table in results["models"].items()}
    assert means == {
        "vae": [expected[labels["vae"]], expected[labels["beta-vae"]]],
        "dcgan": [expected[labels["dcgan"]], None],
        "wgan-gp": [None, expected[labels["wgan-gp"]]],
    }
    assert (first.row_head, first.column_head) == ("Model", "Latent dimensions")
    assert methods(found, "frechet").startswith(
        "With Paribus 0.1.0, 4 settings (model: vae, dcgan and wgan-gp; objective.latent_dim: 8 and 16) were trained on"
    )
    assert {table.metric.name for table in others} > {"kid", "precision"}
    page = write_report(folder).read_text()
    assert f"The same for {len(others)} more metrics" in page


def test_each_run_has_its_command_and_machine(study: Given, tools: Tools) -> None:
    folder, results = study
    for run in results["runs"]:
        run["command"] = f"paribus train X --seed 7 -o a='<{run['model']}-seed{run['seed']}>'"
    tools["save"](folder, results)
    page = html.unescape(write_report(folder).read_text())
    for run in results["runs"]:
        assert f"paribus train X --seed 7 -o a='<{run['model']}-seed{run['seed']}>'" in page
    assert "2 threads" in page
