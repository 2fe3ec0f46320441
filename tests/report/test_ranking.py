"""Who beats whom and what quality costs, in the page and in results.json."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from paribus.report import write_report
from paribus.report.analyses import method_words, probability, standings
from paribus.report.curves import pareto_figures
from paribus.results.comparison import fronts
from paribus.results.statistics import Shared, difference, sign_flip_p
from paribus.results.study_files import comparisons, read_folder

Given = tuple[Path, dict[str, Any]]
Tools = dict[str, Callable[..., Any]]


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Given:
    """Two models with ten seeds each."""
    from tests.report.conftest import write_study

    folder = tmp_path_factory.mktemp("ten")
    return folder, write_study(folder, tuple(range(10)), ("dcgan", "wgan-gp"))


def test_standings_with_three_seeds(study: Given) -> None:
    found = standings(read_folder(study[0]), "frechet")
    assert found is not None
    assert [(s.model, s.rank, s.beats, s.level, s.beaten_by) for s in found.models] == [
        ("dcgan", "1", "wgan-gp, vae and beta-vae", "–", "–"),
        ("wgan-gp", "2", "vae and beta-vae", "–", "dcgan"),
        ("vae", "3", "beta-vae", "–", "dcgan and wgan-gp"),
        ("beta-vae", "4", "–", "–", "dcgan, wgan-gp and vae"),
    ]
    assert {pair.told for pair in found.comparison.pairs} == {True}
    assert {(method_words(pair.by), pair.least_p) for pair in found.comparison.pairs} == {("by seed, 3 seeds", 0.25)}


def test_a_failed_run_is_shown_and_leaves_the_rank_open(study: Given, tools: Tools) -> None:
    folder, results = study
    tools["fail"](folder, results, "dcgan", 1, "out of memory")
    tools["save"](folder, results)
    found = standings(read_folder(folder), "frechet")
    assert found is not None
    assert (found.models[0].model, found.models[0].runs) == ("dcgan", "2 seeds, 1 failed")
    assert (found.models[0].rank, found.models[0].beats) == ("1 to 4", "–")


def test_a_model_whose_runs_all_failed_stands_last_without_a_rank(study: Given, tools: Tools) -> None:
    folder, results = study
    for seed in (0, 1, 2):
        tools["fail"](folder, results, "dcgan", seed, "out of memory")
    tools["save"](folder, results)
    found = standings(read_folder(folder), "frechet")
    assert found is not None
    assert (found.models[-1].model, found.models[-1].rank) == ("dcgan", "–")
    assert found.models[-1].runs == "0 seeds, 3 failed"
    assert comparisons(read_folder(folder))["failed"]["dcgan"] == 3


def test_ten_seeds_against_the_functions_of_numbers(ten: Given) -> None:
    folder, results = ten
    found = standings(read_folder(folder), "frechet")
    assert found is not None
    scored = {
        model: {r["seed"]: r["scores"]["frechet"]["value"] for r in results["runs"] if r["model"] == model}
        for model in ("dcgan", "wgan-gp")
    }
    # these scores say nothing of blocks of test images: both models' errors of 2 % count
    error = Shared(math.hypot(*(0.02 * sum(values.values()) / 10 for values in scored.values())))
    expected = difference(scored["wgan-gp"], scored["dcgan"], error)
    (pair,) = comparisons(read_folder(folder))["metrics"]["frechet"]["pairs"]
    assert pair["by"] == {
        name: value if isinstance(value, str | tuple) else pytest.approx(value)
        for name, value in asdict(expected).items()
    }
    assert pair["exact_p"] == sign_flip_p([scored["wgan-gp"][k] - scored["dcgan"][k] for k in range(10)]) == 2 / 1024
    [best] = found.comparison.pairs
    assert (best.better, best.told, probability(best.exact_p)) == ("dcgan", True, "0.002")


def test_a_higher_metric_is_compared_the_other_way_round(study: Given) -> None:
    found = standings(read_folder(study[0]), "precision")
    assert found is not None
    assert found.models[0].model == "dcgan"
    assert not any(pair.by.mean < 0 for pair in found.comparison.pairs)


def test_nothing_is_ranked_that_was_measured_differently(study: Given, tools: Tools) -> None:
    folder, results = study
    results["runs"][0]["scores"]["frechet"]["encoder"]["id"] = "pixels"
    tools["save"](folder, results)
    assert standings(read_folder(folder), "frechet") is None
    assert fronts(read_folder(folder), "frechet") == {}
    [against] = comparisons(read_folder(folder))["metrics"]["frechet"]["not_comparable"]
    assert against["field"] == "encoder" and against["runs"][0] == ["vae, seed 0"]


def test_results_hold_what_the_report_says(study: Given) -> None:
    folder, results = study
    found = json.loads(json.dumps(comparisons(read_folder(folder))))
    assert found["primary"] == "frechet"
    assert results["comparisons"] == found
    kept = found["metrics"]["frechet"]
    assert kept["ranks"]["dcgan"] == {"best": 1, "worst": 1}
    assert kept["leaders"] == ["dcgan"]
    assert len(kept["pairs"]) == 6
    shown = fronts(read_folder(folder), "frechet")
    assert {cost: front["models"] for cost, front in kept["pareto"].items()} == {
        cost: list(front.models) for cost, front in shown.items()
    }
    assert kept["effects"] == []


def test_fronts_leave_out_costs_that_are_equal(study: Given) -> None:
    found = fronts(read_folder(study[0]), "frechet")
    assert list(found) == ["parameters"]  # 20.0 s against 20.02 s, and one count of operations for all
    assert found["parameters"].models == ("dcgan",)
    assert found["parameters"].dominated == {"vae": "dcgan", "beta-vae": "dcgan", "wgan-gp": "dcgan"}
    (figure,) = pareto_figures(read_folder(study[0]), "frechet")
    assert figure.text == (
        "On the front: dcgan. Beaten for no more cost: wgan-gp (by dcgan), vae (by dcgan) and beta-vae (by dcgan)."
    )
    assert figure.svg.count('class="front"') == 1


def test_axes_show_their_effects(study: Given, tools: Tools) -> None:
    folder, results = study
    for row in results["runs"]:
        row["axes"] = {"model": "vae" if "vae" in row["model"] else "gan", "second": row["model"] in ("vae", "dcgan")}
    tools["save"](folder, results)
    page = write_report(folder).read_text()
    assert "What each axis does" in page
    means = {m: t["frechet"]["mean"] for m, t in results["models"].items()}
    found = comparisons(read_folder(folder))["metrics"]["frechet"]["effects"]
    assert found[0]["effect"]["mean"] == pytest.approx((means["vae"] + means["beta-vae"]) / 2 - sum(means.values()) / 4)


def test_probabilities_in_words() -> None:
    assert [probability(p) for p in (None, 0.00002, 0.03125, 0.25, 1.0)] == ["–", "< 0.001", "0.031", "0.25", "1.00"]
