"""Steadiness against hand-worked runs, and in a report."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from paribus.report.analyses import steadiness_table
from paribus.report.html import rendered
from paribus.results.protocol import Spread
from paribus.results.run import RunResult, Scores
from paribus.results.score import EncoderRecord, Fact, Score
from paribus.results.steadiness import steadiness
from paribus.results.study import StudyResult, models_of
from tests.results.metrics import METRICS

KID = {100: 9.0, 200: 8.0, 400: 3.0, 800: 1.0}  # the later half: 3 and 1


def score(metric: str, value: float | None, encoder: str = "classifier-a") -> Score:
    seen, why = EncoderRecord(name="classifier", id=encoder), (Fact(code="too_few_samples"),)
    return Score(metric=metric, value=value, error=0.1, encoder=seen, split="test", warnings=() if value else why)


def run(model: str, seed: int, *scores: Score, snapshots: dict[int, float | None] | None = None) -> RunResult:
    kept = [
        score("kid", value).model_copy(update={"error": 0.05, "snapshot": images, "split": "validation"})
        for images, value in (KID if snapshots is None else snapshots).items()
    ]
    return RunResult(model, seed, scores={s.metric: s for s in scores}, snapshots=tuple(kept))


def failed(model: str, seed: int) -> RunResult:
    return RunResult(model, seed, "failed")


def study(*runs: RunResult) -> StudyResult:
    return StudyResult("test", runs, models_of(runs), METRICS, path=Path())


def of(*runs: RunResult) -> dict[str, Scores]:
    return steadiness(study(*runs))


def why(found: Score) -> str:
    assert found.value is None
    return found.warnings[0].code


def spread(found: Score) -> Spread:
    assert found.protocol.spread is not None
    return found.protocol.spread


def test_spreads_by_hand() -> None:
    other = {400: 2.0, 800: 2.0}
    runs = [run("gan", 0, score("frechet", 4.0)), run("gan", 1, score("frechet", 6.0), snapshots=other)]
    found = of(*runs, failed("gan", 2), run("vae", 0, score("frechet", 5.0), snapshots={}))
    gan = found["gan"]
    assert set(gan) == {"seed_spread", "snapshot_spread", "failed_seeds"} <= set(METRICS)
    assert gan["seed_spread"].value == pytest.approx(math.sqrt(2) / 5)
    assert gan["seed_spread"].n == 2 and gan["seed_spread"].encoder == EncoderRecord(
        name="classifier", id="classifier-a"
    )
    assert spread(gan["seed_spread"]) == Spread(metric="frechet", over="seeds", counts=(2,), spreads=1, seeds=2)
    assert gan["snapshot_spread"].value == pytest.approx((math.sqrt(2) / 2 + 0) / 2)
    assert spread(gan["snapshot_spread"]) == Spread(metric="kid", over="snapshots", counts=(2,), spreads=2, seeds=2)
    assert gan["snapshot_spread"].split == "validation"
    assert gan["failed_seeds"].value == pytest.approx(1 / 3) and gan["failed_seeds"].n == 3
    vae = found["vae"]
    assert vae["failed_seeds"].value == 0
    assert why(vae["seed_spread"]) == "one_seed"
    assert why(vae["snapshot_spread"]) == "few_snapshots"


def test_it_agrees_with_numpy_and_does_not_mind_the_scale() -> None:
    random = np.random.default_rng(20261121)
    values = random.gamma(9.0, 1.0, size=7)
    first, second = (
        of(*(run("gan", k, score("frechet", factor * v)) for k, v in enumerate(values)))["gan"]["seed_spread"].value
        for factor in (1, 50)
    )
    assert first == pytest.approx(np.std(values, ddof=1) / np.mean(values)) == pytest.approx(second)


def test_the_metric_that_the_report_ranks_by_is_used() -> None:
    kids = [run("gan", k, score("frechet", None), score("kid", 1.0 + k)) for k in range(2)]
    assert spread(of(*kids)["gan"]["seed_spread"]).metric == "kid"
    vae = [
        run("vae", 0, score("frechet", 5.0), score("kid", 2.0)),
        run("vae", 1, score("frechet", 7.0)),
    ]
    lacking = of(*kids, *vae)
    assert spread(lacking["vae"]["seed_spread"]).metric == "frechet"
    assert why(lacking["gan"]["seed_spread"]) == "no_seed_scored"


def test_no_ratio_to_a_mean_that_cannot_be_told_from_zero() -> None:
    near = {400: 0.04, 800: -0.02}
    found = of(*(run("gan", k, score("kid", 0.1 - 0.05 * k), snapshots=near) for k in range(2)))["gan"]
    assert {why(found[metric]) for metric in ("seed_spread", "snapshot_spread")} == {"mean_near_zero"}


def test_seeds_seen_through_different_encoders_have_no_spread() -> None:
    runs = [run("gan", k, score("frechet", 4.0 + k, f"classifier-{k}")) for k in range(2)]
    assert why(of(*runs)["gan"]["seed_spread"]) == "encoders_differ"


def test_snapshots_from_about_half_the_budget_on_count() -> None:
    dense = {images: 1.0 + images / 1000 for images in range(100, 1100, 100)}
    found = of(run("gan", 0, score("frechet", 4.0), snapshots=dense | {1000: None}))["gan"]["snapshot_spread"]
    late = [dense[images] for images in range(400, 1000, 100)]
    assert found.value == pytest.approx(np.std(late, ddof=1) / np.mean(late))
    assert (spread(found).metric, spread(found).counts) == ("kid", (6,))


def test_models_without_an_end_are_left_out() -> None:
    assert of(RunResult("gan", 0, "unfinished")) == {} == of()
    lost = of(failed("gan", 0), RunResult("gan", 1, "unfinished"))["gan"]
    assert (lost["failed_seeds"].value, lost["failed_seeds"].n) == (1, 1)


def test_the_report_shows_and_explains_it() -> None:
    runs = [run("gan", 0, score("frechet", 4.0)), run("gan", 1, score("frechet", 6.0))]
    given = study(*runs, failed("gan", 2), failed("vae", 0))
    columns, lines = steadiness_table(given)
    assert [metric.label for metric in columns] == ["Spread over seeds", "Spread over snapshots", "Failed seeds"]
    shown = {line.label: [cell.text for cell in line.cells] for line in lines}
    assert shown == {"gan": ["0.28", "0.71", "1 of 3"], "vae": ["–", "–", "1 of 1"]}
    page = rendered(given)
    part = page.partition('<h3 id="steadiness-heading">')[2].partition("</table>")[0]
    assert re.findall(r'class="value"[^>]*>([^<]*)', part) == [*shown["gan"], *shown["vae"]]
    assert "frechet of 2 seeds, last weights" in part
    assert part.count("popovertarget=") == 3 and page.count('id="about-seed_spread"') == 1


def test_a_report_without_it_has_no_such_table() -> None:
    assert "steadiness-heading" not in rendered(study())
