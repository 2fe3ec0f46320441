"""Steadiness against hand-worked rows, and in a report."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paribus.report.contents import Run, Score, Study
from paribus.report.reading import METRICS as WORDS
from paribus.report.steadiness import steadiness_table

from paribus.metrics.catalogue import METRICS
from paribus.report.html import rendered
from paribus.studies.steadiness import steadiness

KID = {100: 9.0, 200: 8.0, 400: 3.0, 800: 1.0}  # the later half: 3 and 1


def score(value: float | None, encoder: str = "classifier-a", error: float | None = 0.1) -> dict[str, Any]:
    return {"value": value, "error": error, "encoder": encoder, "split": "test"}


def row(model: str, seed: int, snapshots: dict[int, float | None] | None = None, **scores: Any) -> dict[str, Any]:
    kept = [
        score(value, "classifier-a", 0.05) | {"metric": "kid", "snapshot": images, "split": "validation"}
        for images, value in (KID if snapshots is None else snapshots).items()
    ]
    return {"model": model, "seed": seed, "status": "done", "scores": scores, "snapshots": kept}


def failed(model: str, seed: int) -> dict[str, Any]:
    return {"model": model, "seed": seed, "status": "failed", "scores": {}}


def test_spreads_by_hand() -> None:
    other = {400: 2.0, 800: 2.0}
    rows = [row("gan", 0, frechet=score(4.0)), row("gan", 1, other, frechet=score(6.0)), failed("gan", 2)]
    found = steadiness([*rows, row("vae", 0, {}, frechet=score(5.0))])
    gan = found["gan"]
    assert set(gan) == {"seed_spread", "snapshot_spread", "failed_seeds"} <= set(METRICS)
    assert gan["seed_spread"]["value"] == pytest.approx(math.sqrt(2) / 5)
    assert gan["seed_spread"]["n"] == 2 and gan["seed_spread"]["encoder"] == "classifier-a"
    assert gan["seed_spread"]["protocol"] == "frechet of 2 seeds, last weights: deviation 1.41 over a mean of 5"
    assert gan["snapshot_spread"]["value"] == pytest.approx((math.sqrt(2) / 2 + 0) / 2)
    assert gan["snapshot_spread"]["protocol"] == "kid of the last 2 snapshots; mean over 2 of 2 seeds"
    assert gan["snapshot_spread"]["split"] == "validation"
    assert gan["failed_seeds"]["value"] == pytest.approx(1 / 3) and gan["failed_seeds"]["n"] == 3
    vae = found["vae"]
    assert vae["failed_seeds"]["value"] == 0
    assert vae["seed_spread"]["value"] is None and vae["seed_spread"]["warning"] == "one seed has no spread"
    assert "fewer than two snapshots" in vae["snapshot_spread"]["warning"]


def test_it_agrees_with_numpy_and_does_not_mind_the_scale() -> None:
    random = np.random.default_rng(20261121)
    values = random.gamma(9.0, 1.0, size=7)
    rows = [row("gan", k, frechet=score(v)) for k, v in enumerate(values)]
    scaled = [row("gan", k, frechet=score(50 * v)) for k, v in enumerate(values)]
    first, second = (steadiness(r)["gan"]["seed_spread"]["value"] for r in (rows, scaled))
    assert first == pytest.approx(np.std(values, ddof=1) / np.mean(values)) == pytest.approx(second)


def test_the_metric_that_the_report_ranks_by_is_used() -> None:
    kids = [row("gan", k, frechet=score(None), kid=score(1.0 + k)) for k in range(2)]
    assert steadiness(kids)["gan"]["seed_spread"]["protocol"].startswith("kid of 2 seeds")
    lacking = [*kids, row("vae", 0, frechet=score(5.0), kid=score(2.0)), row("vae", 1, frechet=score(7.0))]
    assert steadiness(lacking)["vae"]["seed_spread"]["protocol"].startswith("frechet of 2 seeds")
    assert steadiness(lacking)["gan"]["seed_spread"]["warning"] == "no seed was scored"


def test_no_ratio_to_a_mean_that_is_not_told_from_zero() -> None:
    found = steadiness([row("gan", k, {400: 0.04, 800: -0.02}, kid=score(0.1 - 0.05 * k)) for k in range(2)])["gan"]
    for metric in ("seed_spread", "snapshot_spread"):
        assert found[metric]["value"] is None and "not told apart from 0" in found[metric]["warning"]


def test_seeds_seen_through_different_encoders_have_no_spread() -> None:
    rows = [row("gan", k, frechet=score(4.0 + k, f"classifier-{k}")) for k in range(2)]
    found = steadiness(rows)["gan"]["seed_spread"]
    assert found["value"] is None and "different encoders" in found["warning"]


def test_snapshots_from_about_half_the_budget_on_count() -> None:
    dense = {images: 1.0 + images / 1000 for images in range(100, 1100, 100)}
    rows = [row("gan", 0, dense | {1000: None}, frechet=score(4.0))]
    late = [dense[images] for images in range(400, 1000, 100)]
    found = steadiness(rows)["gan"]["snapshot_spread"]
    assert found["value"] == pytest.approx(np.std(late, ddof=1) / np.mean(late))
    assert found["protocol"].startswith("kid of the last 6 snapshots")


def test_models_without_an_end_are_left_out() -> None:
    unfinished = {"model": "gan", "seed": 0, "status": "unfinished", "scores": {}}
    assert steadiness([unfinished]) == {} == steadiness([])
    lost = steadiness([failed("gan", 0), unfinished | {"seed": 1}])["gan"]
    assert (lost["failed_seeds"]["value"], lost["failed_seeds"]["n"]) == (1, 1)


def reported(rows: list[dict[str, Any]], **changes: Any) -> Study:
    runs = tuple(Run(r["model"], r["seed"], r["status"], scores={"frechet": Score(4.0)}) for r in rows)
    models = tuple(dict.fromkeys(run.model for run in runs))
    found = {m: {n: Score.read(entry) for n, entry in table.items()} for m, table in steadiness(rows).items()}
    return Study("test", runs, models, WORDS, steadiness=found, path=Path(), **changes)


def test_the_report_shows_and_explains_it() -> None:
    rows = [row("gan", 0, frechet=score(4.0)), row("gan", 1, frechet=score(6.0)), failed("gan", 2), failed("vae", 0)]
    study = reported(rows)
    columns, lines = steadiness_table(study)
    assert [metric.label for metric in columns] == ["Spread over seeds", "Spread over snapshots", "Failed seeds"]
    shown = {model: [cell.text for cell in cells] for model, _, cells in lines}
    assert shown == {"gan": ["0.28", "0.71", "1 of 3"], "vae": ["–", "–", "1 of 1"]}
    page = rendered(study)
    part = page.partition('<h3 id="steadiness-heading">')[2].partition("</table>")[0]
    assert re.findall(r'class="value"[^>]*>([^<]*)', part) == [*shown["gan"], *shown["vae"]]
    assert "frechet of 2 seeds, last weights: deviation 1.41 over a mean of 5" in part
    assert part.count("popovertarget=") == 3 and page.count('id="about-seed_spread"') == 1


def test_a_report_without_it_has_no_such_table() -> None:
    assert "steadiness-heading" not in rendered(reported([]))
