from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paribus.report.verdict import verdict, what_next
from paribus.results.comparison import leaders
from paribus.results.outlook import improvements, next_steps, nothing_resembles, resembles, wilson
from paribus.results.run import DataRecord, RunResult
from paribus.results.score import Fact, Score, most_telling
from paribus.results.study import StudyResult
from paribus.results.words import improvement_words
from tests.results.metrics import METRICS


def run(
    model: str, seed: int, kids: dict[int, float], *, told: float = 0.7, coverage: float = 0.8, error: float = 0.001
) -> RunResult:
    snapshots = tuple(
        Score(metric="kid", value=value, error=error, n=300, weights="snapshot", snapshot=images)
        for images, value in kids.items()
    )
    values = {"kid": kids[max(kids)], "two_sample_accuracy": told, "coverage": coverage}
    scores = {name: Score(metric=name, value=value, n=300, split="test") for name, value in values.items()}
    return RunResult(model, seed, scores=scores, snapshots=snapshots, images=max(kids), seconds=60.0, size=32)


def study(
    *runs: RunResult, images: int = 5000, command: str = "paribus compare --data faces --budget=200kimg"
) -> StudyResult:
    models = tuple(dict.fromkeys(r.model for r in runs))
    seeds = tuple(dict.fromkeys(r.seed for r in runs))
    data = DataRecord(name="faces", counts={"train": images})
    return StudyResult("faces", runs, models, METRICS, budget="200kimg", data=data, seeds=seeds, command=command)


FALLING, FLAT = {50: 0.5, 100: 0.4, 200: 0.32}, {50: 0.2, 100: 0.1, 200: 0.1}


def test_runs_that_still_improve_are_known_with_their_spread() -> None:
    found = improvements(study(run("a", 0, FALLING), run("a", 1, FALLING | {200: 0.28}), run("b", 0, FLAT)))
    assert [(each.model, each.is_sure) for each in found] == [("a", True), ("b", False)]
    assert found[0].gain.mean == pytest.approx(0.25)
    assert improvement_words(study(run("a", 0, FALLING)), found[0]) == (
        "a: KID falls by 25 ± 5.0\u202f% a doubling of the images (2 seeds)"
    )


def test_an_improvement_within_the_error_of_measuring_is_not_sure() -> None:
    assert not improvements(study(run("a", 0, FALLING, error=0.05)))[0].is_sure


def test_a_doubling_is_followed_also_where_snapshots_lie_further_apart() -> None:
    assert improvements(study(run("a", 0, {50: 0.4, 200: 0.1})))[0].gain.mean == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("told", "coverage", "n", "expected"),
    [
        (1.0, 0.05, 300, False),  # grey blobs
        (1.0, 0.8, 300, True),  # near to the data, with a flaw of its own
        (0.7, 0.05, 300, True),  # few kinds of images, but good ones
        (1.0, 0.0, 20, True),  # too few images to be sure
    ],
)
def test_what_resembles_the_data(told: float, coverage: float, n: int, expected: bool) -> None:
    given = run("a", 0, FLAT, told=told, coverage=coverage)
    scores = {name: score.model_copy(update={"n": n}) for name, score in given.scores.items()}
    assert resembles(replace(given, scores=scores)) is expected
    assert resembles(RunResult("a", 0)) is None


def test_what_is_surely_nearer_than_a_linear_model_of_pixels_resembles_the_data() -> None:
    given = run("a", 0, FLAT, told=1.0, coverage=0.05)
    for linear, expected in ((10.0, True), (given.scores["kid"].value, False), (None, False)):
        mark = given.scores["kid"].model_copy(
            update={"metric": "linear_kid", "value": linear, "warnings": (Fact(code="too_few_images"),)}
        )
        assert resembles(replace(given, scores=given.scores | {"linear_kid": mark})) is expected


def test_three_grey_blobs_have_no_winner() -> None:
    runs = [
        run(model, seed, {200: kid + seed / 1000}, told=1.0, coverage=0.02)
        for model, kid in (("a", 0.1), ("b", 0.4), ("c", 0.9))
        for seed in range(3)
    ]
    given = study(*runs)
    said = verdict(given)
    assert nothing_resembles(given) and not said.ranked and "ahead" not in said.text
    assert "nothing resembles the data yet" in said.text
    assert leaders(given, "kid") == set()
    like = study(*(replace(r, scores=r.scores | run("", 0, FLAT).scores | {"kid": r.scores["kid"]}) for r in runs))
    assert verdict(like).ranked


def test_what_to_do_next_is_a_command() -> None:

    given = replace(study(run("a", 0, FALLING), run("b", 0, FALLING), images=432), path=Path("runs/x"))
    longer, more = what_next(given)
    assert longer.text == "Both models still improve by 20\u202f% a doubling of the images: train 4 times longer"
    assert longer.command == "paribus compare --data faces --budget 800kimg --out runs/x-800kimg"
    assert more.text.startswith("432 training images are few")
    alone = replace(given, single=True, runs=given.runs[:1], models=("a",))
    assert what_next(alone)[0].command == "paribus train a --out runs/x --resume --budget 800kimg"


def test_what_to_do_next_names_the_data_by_the_place_where_they_are_now() -> None:
    moved = DataRecord(name="moved here", counts={"train": 5000})
    for words, now in (("--data faces", "--data 'moved here'"), ("--data=faces", "'--data=moved here'")):
        given = study(run("a", 0, FALLING), run("b", 0, FALLING), command=f"paribus compare {words} --budget=200kimg")
        command = what_next(replace(given, path=Path("runs/x"), data=moved))[0].command
        assert command == f"paribus compare {now} --budget 800kimg --out runs/x-800kimg"


def test_open_orders_ask_for_seeds_and_unfinished_studies_for_their_end() -> None:
    given = study(run("a", 0, FLAT), run("b", 0, FLAT))
    assert [fact.code for fact in next_steps(given, is_open=True)] == ["more_seeds"]
    assert next_steps(given) == []
    begun = replace(given, runs=(*given.runs, RunResult("c", 0, "unfinished")))
    assert [fact.code for fact in next_steps(begun)] == ["finish"]


def test_intervals_of_shares() -> None:
    assert wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-3)  # Brown, Cai and DasGupta (2001)
    assert wilson(0.3, 0) == (0.0, 1.0)
    assert wilson(1.0, 300)[1] == pytest.approx(1.0)


def test_ten_scores_say_most() -> None:
    scores = [Score(metric=name, value=1.0) for name in METRICS]
    shown = most_telling(scores, METRICS)
    assert len(shown) == 10
    assert shown[0].metric == "frechet"
    assert not any(score.metric.startswith("floor") for score in shown)


def test_gans_of_few_images_train_longer_with_augmentation(tmp_path: Path) -> None:
    typed = "paribus compare --data faces --models vae,gan,dcgan --budget 200kimg --seeds 2 --out runs/faces"
    plain = [replace(run(model, 0, FALLING), diff_augment="none") for model in ("gan", "dcgan")]
    few = replace(study(run("vae", 0, FALLING), *plain, images=432, command=typed), path=Path("runs/faces"))
    step, more = what_next(few)
    assert step.command == (
        "paribus compare --data faces --seeds 2 --models gan,dcgan --budget 800kimg "
        "-o objective.diff_augment=translation-cutout --out runs/faces-800kimg-augmented"
    )
    assert step.text.startswith("gan and dcgan may learn so few images by heart: train 4 times longer with DiffAugment")
    assert more.text.startswith("432 training images are few")
    assert "'paribus report runs/faces runs/faces-800kimg-augmented --out both.html' then puts both" in step.text
    alone = "paribus train dcgan --data faces --budget 200kimg --out runs/one --resume"
    one = replace(study(plain[1], images=432, command=alone), path=Path("runs/one"), single=True)
    assert what_next(one)[0].command == (
        "paribus train dcgan --data faces --budget 800kimg "
        "-o objective.diff_augment=translation-cutout --out runs/one-800kimg-augmented"
    )
    rising = replace(run("dcgan", 0, {50: 0.5, 100: 0.2, 200: 0.4}), diff_augment="none")
    [worse, again, _] = what_next(replace(study(rising, images=432, command=typed), path=Path("runs/faces")))
    assert worse.text.startswith("dcgan got worse") and "--budget 800kimg" in again.command
    for other in (replace(few, data=study(images=5000).data), study(run("vae", 0, FALLING), images=432)):
        assert next(fact.code for fact in next_steps(other)) == "train_longer"
    augmented = [replace(each, diff_augment="translation-cutout") for each in plain]
    assert [fact.code for fact in next_steps(study(*augmented, images=432))] == ["train_longer", "more_images"]


def test_what_got_worse_is_not_to_be_trained_longer() -> None:
    rising = {50: 0.5, 100: 0.2, 200: 0.4}
    worse = study(*(run("a", seed, rising, told=1.0, coverage=0.02) for seed in (0, 1)), images=432)
    assert nothing_resembles(worse) and improvements(worse)[0].is_worse
    step, more = what_next(worse)
    assert step.text.startswith("a got worse towards the end, by 100\u202f% a doubling") and not step.command
    assert "get worse" in more.text
    mixed = study(run("a", 0, rising), run("b", 0, FALLING))
    assert [fact.code for fact in next_steps(mixed)] == ["got_worse", "train_longer"]
    unsure = study(run("a", 0, rising), run("a", 1, FLAT))
    assert not improvements(unsure)[0].is_worse and next_steps(unsure) == []
