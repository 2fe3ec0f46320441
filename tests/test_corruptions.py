"""Whether the metrics rank known corruptions of real images rightly; docs/metrics.md has the same tables."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import torch

from benchmarks.corruptions import (
    CASES,
    FLOOR,
    REAL,
    Case,
    Table,
    blurred,
    cut,
    noisy,
    placed,
    score,
    verdicts,
    with_swaps,
)
from paribus.data import load_data
from tests.conftest import made_data, needs_real_data
from tests.metrics.test_inception import PUBLISHED, needs_published_weights

CROWDED = {("blur", "precision"), ("blur", "coverage"), ("noise", "precision"), ("noise", "coverage")}
BALANCED = {("missing classes", name) for name in ("frechet", "kid", "mind", "coverage")}
EXCEPTIONS = {  # what does not hold, and is said with the reason in docs/metrics.md
    ("digits", "classifier"): {("noise", "precision"), ("noise", "coverage"), ("noise", "sharpness")},
    ("mnist", "classifier"): CROWDED - {("blur", "coverage")},
    ("mnist", "pixels"): CROWDED | {("missing classes", "mind")},
    ("cifar10", "classifier"): CROWDED
    | BALANCED
    | {("swapped patches", "precision"), ("missing classes", "missing_classes")},
    ("lfw", "inception-768"): {("blur", "coverage")}
    | {("missing classes", name) for name in ("frechet", "recall", "coverage")},
    ("lfw", "efficientnet"): BALANCED | {("blur", "precision"), ("missing classes", "recall")},
    ("lfw", "self"): BALANCED | {("noise", "precision"), ("noise", "coverage")},
    ("lfw", "pixels"): CROWDED | {("blur", "frechet")} | {("noise", name) for name in ("frechet", "kid", "mind")},
    ("cifar10", "pixels"): CROWDED
    | BALANCED
    | {(corruption, name) for corruption in ("blur", "noise") for name in ("frechet", "kid", "mind")},
}


def wrong(table: Table) -> set[tuple[str, str]]:
    return {(corruption, metric) for corruption, metric, _, holds in verdicts(table) if not holds}


def test_handwritten_digits() -> None:
    """Every distance rises with each corruption; gaps lower recall and coverage alone; copies do not fool copying."""
    table = score(load_data("digits"), Case(300, ("classifier",)))["classifier"]
    assert wrong(table) <= EXCEPTIONS["digits", "classifier"]
    values = {row: {name: entry.value for name, entry in scores.items()} for row, scores in table.items()}
    assert values[REAL, ""]["frechet"] < 3 * values[FLOOR, ""]["frechet"]
    assert values["copies", "100% training images"]["copying"] == 1
    assert values["missing classes", "4 of 10"]["missing_classes"] == 4


@pytest.mark.slow
@needs_real_data
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_labelled_images(name: str) -> None:
    for encoder, table in score(load_data(name), CASES[name]).items():
        assert wrong(table) <= EXCEPTIONS[name, encoder], encoder


@pytest.mark.slow
@needs_published_weights
def test_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIBUS_INCEPTION", str(PUBLISHED))
    for encoder, table in score(load_data("lfw"), CASES["lfw"]).items():
        assert wrong(table) <= EXCEPTIONS["lfw", encoder], encoder


def test_blur_is_that_of_scipy() -> None:
    images = made_data(size=16, channels=3).test.images
    for sigma in (0.5, 1.0, 2.0):
        expected = scipy.ndimage.gaussian_filter(
            images.double().numpy(), (0, 0, sigma, sigma), mode="mirror", truncate=3
        )
        assert np.abs(blurred(images, sigma).numpy() - expected).max() < 0.51  # rounding


def test_noise_and_swaps_do_what_they_say() -> None:
    grey = torch.full((50, 3, 16, 16), 128, dtype=torch.uint8)
    assert float((noisy(grey, 25).double() - 128).std()) == pytest.approx(25, rel=0.02)
    images = made_data(size=16, channels=3).test.images
    for pairs in (1, 3, 8):
        swapped = with_swaps(images, pairs)
        assert swapped.flatten(1).sort(1).values.equal(images.flatten(1).sort(1).values), "the same pixels"
        squares = (swapped != images).unfold(2, 4, 4).unfold(3, 4, 4).any(1).flatten(-2).any(-1)
        assert (squares.flatten(1).sum(1) == 2 * pairs).all()


def test_parts_are_disjoint() -> None:
    data = made_data(n=60)  # 60, 16 and 24 images, all different
    whole, pool = cut(data, Case(12, ("pixels",)))
    parts = [whole.train, whole.validation, whole.test, pool]
    assert [len(part) for part in parts] == [52, 12, 12, 24]
    assert len(torch.cat([part.images for part in parts]).unique(dim=0)) == 100
    assert whole.fingerprint != data.fingerprint


def test_a_table_goes_between_its_marks() -> None:
    document = "one\n<!-- corruptions of a -->\nold\n<!-- end -->\ntwo\n<!-- corruptions of b -->\n<!-- end -->\n"
    expected = "one\n<!-- corruptions of a -->\n\nnew\n\n<!-- end -->\ntwo\n<!-- corruptions of b -->\n<!-- end -->\n"
    assert placed("new", "corruptions of a", document) == expected
    assert placed("new", "corruptions of a", expected) == expected
    with pytest.raises(SystemExit, match="no line '<!-- corruptions of c -->'"):
        placed("new", "corruptions of c", document)
