"""How commands begin and end in the terminal: a dry run, the verdict of a comparison, ten scores of a run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cli.conftest import QUICK, Paribus

SMALL = ["--data", "digits", "--budget", "1kimg", *QUICK]


def everything(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def test_a_dry_run_of_a_comparison_writes_nothing(paribus: Paribus) -> None:
    said = paribus("compare", "--models", "vae,gan", "--seeds", "1", "--dry-run", *SMALL)
    assert everything(paribus.folder) == []
    assert [line.split()[:4] for line in said.stdout.splitlines()[1:]] == [
        ["vae", "seed", "0", "new"],
        ["gan", "seed", "0", "new"],
    ]
    assert "of start-up" in said.stderr
    assert "timing gan (2 of 2): a few scored images" in said.stderr
    assert "report" not in said.stderr


def test_a_comparison_ends_with_the_verdict_a_leaderboard_what_to_do_next_and_the_report(
    paribus: Paribus, comparison: subprocess.CompletedProcess[str]
) -> None:
    ending = comparison.stderr[comparison.stderr.index("On digits with 1,000 training images") :].splitlines()
    assert "no winner can be named" in ending[0] or "resembles" in ending[0]
    assert ending[1].split()[0] == "model"
    assert {line.split()[0] for line in ending[2:4]} == {"vae", "gan"}
    assert any(line.startswith("next: ") for line in ending[4:])
    assert ending[-1] == "the report, to be opened in any browser:"
    assert "4 runs: 4 waiting" in comparison.stderr

    # beside a run of its own, in one report
    trained = paribus("train", "vae", "--seed", "3", "--out", "alone", *SMALL)
    table = [line for line in trained.stdout.splitlines() if not line.startswith(" ")]  # a long remark goes on
    assert table[-1] == "alone"
    assert len(table) == 1 + 10 + 1  # a head, ten scores, the folder
    held = json.loads((paribus.folder / "alone" / "evaluation.json").read_text())
    last = [score for score in held if score["weights"] == "last"]
    assert len(last) > 10
    assert f"10 of {len(last)} scores: --all prints all, alone/evaluation.json holds them" in trained.stderr

    refused = paribus("report", "study", "alone", code=2).stderr
    assert "add --out page.html" in refused
    assert paribus("report", "study", "alone", "--out", "page.html").stdout == "page.html\n"
    page = (paribus.folder / "page.html").read_text()
    assert "vae (study)" in page
    assert "vae (alone)" in page
    assert paribus("report", "alone").stdout == "alone/report.html\n"


def test_all_scores_of_a_run_are_printed_on_request(paribus: Paribus) -> None:
    said = paribus("train", "vae", "--out", "run", "--all", *SMALL)
    held = json.loads((paribus.folder / "run" / "evaluation.json").read_text())
    last = [score for score in held if score["weights"] == "last"]
    assert len(said.stdout.splitlines()) >= 1 + len(last) + 1
    assert "--all" not in said.stderr
