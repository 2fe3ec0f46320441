"""What models were given, and their order where each was given the same, against hand-made runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paribus.report.analyses import budget_table
from paribus.report.verdict import verdict
from paribus.results.budgets import by_equal_amounts, is_equal, spreads
from paribus.results.run import DataRecord, RunResult
from paribus.results.score import EncoderRecord, Score
from paribus.results.study import StudyResult
from tests.results.metrics import METRICS

SEEN = EncoderRecord(name="classifier", id="classifier-a")


def kid(value: float, images: int | None = None) -> Score:
    split = "test" if images is None else "validation"
    return Score(
        metric="kid", value=value, error=1e-4, n=100, encoder=SEEN, split=split, snapshot=images,
        weights="last" if images is None else "snapshot",
    )  # fmt: skip


def run(model: str, seed: int, seconds: float, updates: float, course: dict[int, float]) -> RunResult:
    """A run over 1,000 images whose snapshots have these KIDs."""
    spent = {"images": 1000.0, "epochs": 2.0, "updates": updates, "seconds": seconds, "flop": 1e9 * seconds}
    shifted = {images: value + 0.001 * seed for images, value in course.items()}
    return RunResult(
        model, seed, images=1000, seconds=seconds, spent=spent, size=8, scores={"kid": kid(shifted[1000])},
        snapshots=tuple(kid(value, images) for images, value in shifted.items()),
    )  # fmt: skip


FAST = {125: 0.9, 250: 0.7, 500: 0.5, 1000: 0.40}
SLOW = {125: 0.6, 250: 0.5, 500: 0.4, 1000: 0.30}


def study(slow_seconds: float = 40.0, slow: dict[int, float] = SLOW) -> StudyResult:
    """`slow` is better after as many images, and takes four times as long for each."""
    runs = [run("fast", seed, 10.0, 20, FAST) for seed in range(3)]
    runs += [run("slow", seed, slow_seconds, 40, slow) for seed in range(3)]
    return StudyResult(
        "x", tuple(runs), ("fast", "slow"), METRICS, budget="1kimg", data=DataRecord(name="digits"), seeds=(0, 1, 2)
    )


def test_amounts_that_differ_are_named_in_the_verdict() -> None:
    found = {spread.unit: (spread.least, spread.most) for spread in spreads(study())}
    assert found == {"images": (1000, 1000), "updates": (20, 40), "seconds": (10, 40), "flop": (1e10, 4e10)}
    said = verdict(study()).text
    assert "with 1,000 training images seen, repeats counted each (not equal: 20 to 40 updates, 10" in said
    assert "to 40\u202fs of training and 10\u202fGFLOP to 40\u202fGFLOP)" in said
    alike = replace(study(), runs=tuple(replace(r, spent=r.spent | {"updates": 20}) for r in study(10.5).runs))
    assert all(map(is_equal, spreads(alike))) and "not equal" not in verdict(alike).text


def test_the_order_under_each_budget() -> None:
    found = {line.unit: line for line in by_equal_amounts(study())}
    assert [line.amount for line in found.values()] == [1000, 20, 10, 1e10]
    orders = {unit: line.comparison.order for unit, line in found.items() if line.comparison}
    # 20 updates are 500 of slow's images, 10 s are 250 of them
    assert orders["images"] == ("slow", "fast") and orders["seconds"] == orders["flop"] == ("fast", "slow")
    updates = found["updates"].comparison
    assert updates is not None and updates.pairs[0].by.mean == pytest.approx(0.0)
    seconds = found["seconds"].comparison
    assert seconds is not None and seconds.beats("fast", "slow") and seconds.pairs[0].by.mean == pytest.approx(0.1)
    assert all(line.reached == 1 for line in found.values())


def test_snapshots_far_from_an_amount_stand_for_nothing() -> None:
    table = budget_table(study(slow_seconds=100.0, slow={500: 0.4, 1000: 0.3}))
    assert table is not None
    lines = {line.amount: line for line in table.lines}
    assert lines["10\u202fs of training"].minor == "some run has no snapshot near this"
    near = budget_table(study(slow_seconds=30.0))
    assert near is not None and near.lines[2].minor == "snapshots at 75 to 100\u202f% of it"


def test_there_is_no_table_where_everything_was_equal_or_unlike() -> None:
    alike = replace(study(), runs=tuple(replace(r, spent=r.spent | {"updates": 20}) for r in study(10.0).runs))
    assert budget_table(alike) is None
    others = replace(study(), runs=tuple(
        replace(r, snapshots=tuple(s.model_copy(update={"n": 50 + r.seed}) for s in r.snapshots)) for r in study().runs
    ))  # fmt: skip
    assert by_equal_amounts(others) == [] and budget_table(others) is None
