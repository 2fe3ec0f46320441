from __future__ import annotations

from dataclasses import replace

import pytest

from paribus.base.wording import compact, duration, estimate, number, plus_minus
from paribus.report.cautions import cautions_of
from paribus.report.verdict import verdict
from paribus.results.comparison import (
    comparison,
    half_width,
    leaders,
    obstacles,
    ordered,
    primary_metric,
)
from paribus.results.protocol import ImageSet, Protocol
from paribus.results.run import DataRecord, RunResult
from paribus.results.score import EncoderRecord, Fact, Score
from paribus.results.study import StudyResult
from paribus.results.words import budget_words, fact_words
from tests.results.metrics import METRICS

PIXELS = EncoderRecord(name="pixels", id="pixels-b")
FEW = Fact(code="too_few_samples", figures={"n": 500, "features": 400, "least": 800})


def scored(metric: str, value: float | None, error: float | None = None, *warnings: Fact) -> Score:
    """A score through a classifier, of 500 images of test."""
    seen = EncoderRecord(name="classifier", id="classifier-a")
    why = warnings if warnings or value is not None else (FEW,)
    return Score(metric=metric, value=value, error=error, n=500, encoder=seen, split="test", warnings=why)


def study(frechet: dict[str, list[float | None]], *, extra: tuple[RunResult, ...] = (), **score: object) -> StudyResult:
    """A study with the given Fréchet distances, a list of seeds per model; KID is a hundredth of it."""
    runs = [
        RunResult(
            model, seed, images=1000, seconds=20, size=8,
            scores={
                "frechet": scored("frechet", value, 0.1),
                "kid": scored("kid", (value or 40) / 100, 0.001),
            },
        )
        for model, values in frechet.items() for seed, value in enumerate(values)
    ]  # fmt: skip
    models = tuple(dict.fromkeys([*frechet, *(run.model for run in extra)]))
    return StudyResult("test", (*runs, *extra), models, METRICS, budget="20s", data=DataRecord(name="digits"))


def changed(given: StudyResult, model: str, **fields: object) -> StudyResult:
    """The study with other fields in all of a model's Fréchet scores."""
    runs = (
        replace(run, scores=run.scores | {"frechet": run.scores["frechet"].model_copy(update=fields)})
        if run.model == model
        else run
        for run in given.runs
    )
    return replace(given, runs=tuple(runs))


TWO = {"vae": [35.0, 45.0], "dcgan": [9.0, 15.0]}
THREE = {"vae": [38.0, 40.0, 42.0], "dcgan": [11.0, 12.0, 13.0]}
HOLDS = "That holds over seeds, their samples and the draw of test images, for these images and settings."
PLACE = "On digits with 20\u202fs of training each"


@pytest.mark.parametrize(("seeds", "words"), [(1, "1 seed"), (2, "2 seeds")])
def test_fewer_than_three_seeds_name_no_winner(seeds: int, words: str) -> None:
    given = study({"vae": [38.0, 40.0][:seeds], "dcgan": [11.0, 12.0][:seeds]})
    said = verdict(given)
    assert said.text.startswith(f"{PLACE}, dcgan scored best (Fréchet distance ")
    assert said.text.endswith(f"{words} each), but with {words} chance may explain it: no winner can be named.")
    assert not said.ranked
    assert leaders(given, "frechet") == {"vae", "dcgan"}


def test_three_seeds_with_intervals_apart() -> None:
    assert verdict(study({"vae": [39.0, 40.0, 41.0], "dcgan": [11.0, 12.0, 13.0]})).text == (
        f"{PLACE}, dcgan came out ahead of vae (Fréchet distance 12.0 ± 2.5 against 40.0 ± 2.5, 3 seeds each); "
        "the 95 % interval of the difference excludes 0. " + HOLDS
    )


def test_three_seeds_whose_difference_is_within_their_spread() -> None:
    said = verdict(study({"vae": [16.0, 14.0, 15.0], "dcgan": [11.0, 12.0, 13.0]}))
    assert "no winner can be named" in said.text
    assert not said.ranked


def test_three_seeds_are_too_few_for_an_exact_test_and_the_notes_say_so() -> None:
    three = {"vae": [39.0, 40.0, 42.0], "dcgan": [11.0, 13.0, 12.0], "wgan": [80.0, 83.0, 82.0]}
    said = verdict(study(three))
    assert said.text.endswith("the 95 % intervals of the differences exclude 0, also corrected for 3 pairs. " + HOLDS)
    assert said.notes[2] == (
        "An exact test, which does not take seeds to be normal, cannot reach p = 0.05 with so few seeds (its "
        "least p is 0.25, 0.75 after correction for 3 pairs): t-intervals decide, which do."
    )


def test_ten_seeds_let_an_exact_test_agree() -> None:
    ten = {"vae": [39.0 + k % 4 for k in range(10)], "dcgan": [11.0 + k % 3 for k in range(10)]}
    said = verdict(study(ten))
    assert said.text.endswith(
        "10 seeds each); the 95 % interval of the difference excludes 0, and an exact test agrees. " + HOLDS
    )
    assert not any("exact" in note for note in said.notes)


def test_a_best_mean_with_a_failed_run_names_no_winner() -> None:
    given = study(THREE, extra=(RunResult("dcgan", 3, "failed", "out of memory"),))
    said = verdict(given)
    assert said.text == (
        f"{PLACE}, dcgan scored best (Fréchet distance 12.0 ± 2.5, next vae with 40.0 ± 5.0; 3 seeds each), "
        "but 1 of its 4 runs failed, which counts as its worst: no winner can be named."
    )
    assert not said.ranked
    assert leaders(given, "frechet") == {"vae", "dcgan"}


def test_more_models_one_clear_winner() -> None:
    assert verdict(study(THREE | {"wgan": [80.0, 81.0, 82.0]})).text == (
        f"{PLACE}, dcgan came out ahead of the 2 others (Fréchet distance 12.0 ± 2.5, next vae with 40.0 ± 5.0; "
        "3 seeds each); the 95 % intervals of the differences exclude 0, also corrected for 3 pairs. " + HOLDS
    )


def test_two_leaders_ahead_of_the_rest() -> None:
    assert verdict(study(THREE | {"wgan": [13.0, 12.0, 14.0]})).text == (
        f"{PLACE}, no single winner can be named: dcgan (12.0 ± 2.5) and wgan (13.0 ± 2.5) are within the seeds' "
        "spread by Fréchet distance; dcgan came out ahead of vae (3 seeds each); "
        "the 95 % interval of the difference excludes 0, also corrected for 3 pairs. " + HOLDS
    )
    assert leaders(study(THREE | {"wgan": [13.0, 12.0, 14.0]}), "frechet") == {"dcgan", "wgan"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"encoder": PIXELS}, "the encoders differ (classifier-a for vae{0}; pixels-b for dcgan{0})"),
        ({"n": 10_000}, "the numbers of images compared differ (500 for vae{0}; 10,000 for dcgan{0})"),
        ({"split": "train"}, "the reference splits differ (test for vae{0}; train for dcgan{0})"),
        (
            {"protocol": Protocol(images=ImageSet(origin="samples", count=500), seed=7)},
            "the measured images differ (not recorded for vae{0}; 500 samples for dcgan{0})",
        ),
    ],
)  # fmt: skip
def test_refuses_to_rank_what_was_measured_differently(fields: dict[str, object], reason: str) -> None:
    given = changed(study(THREE), "dcgan", **fields)
    assert (
        verdict(given).text
        == f"These runs cannot be ranked by Fréchet distance: {reason.format(' (seeds 0, 1 and 2)')}."
    )
    assert not verdict(given).ranked
    assert leaders(given, "frechet") == set()


def test_refuses_to_rank_other_resolutions() -> None:
    given = study(THREE)
    given = replace(given, runs=tuple(replace(r, size=32) if r.model == "vae" else r for r in given.runs))
    assert "the resolutions differ (32 × 32 pixels for vae (seeds 0, 1 and 2); 8 × 8" in verdict(given).text
    assert obstacles(given, "frechet")


def test_falls_back_to_kid_and_says_why() -> None:
    said = verdict(study({"vae": [None, None, None], "dcgan": [9.0, 12.0, 15.0]}))
    assert said.metric == "kid"
    assert "dcgan came out ahead of vae (KID 0.120 ± 0.075 against 0.40" in said.text
    expected = (
        "The Fréchet distance is missing for vae (seeds 0, 1 and 2) (too few samples: 500 for 400 features, at "
        "least 800 are needed). KID decides instead."
    )
    assert said.notes[0] == expected


def test_failed_runs_are_in_no_mean_and_are_named() -> None:
    failed = RunResult("vae", 3, "failed", "The loss became infinite.")
    given = study(THREE, extra=(failed,))
    assert verdict(given).text == verdict(study(THREE)).text
    said = (
        "vae: 1 of its 4 runs failed. It counts as the model's worst: vae is said to beat no other, but may be beaten."
    )
    assert verdict(given).notes == (*verdict(study(THREE)).notes, said)
    assert [c.text for c in cautions_of(given)] == [
        "vae, seed 3 failed and is in no mean: the loss became infinite."
    ]  # fmt: skip


def test_everything_failed_or_nothing_finished() -> None:
    failed, unfinished = (
        RunResult("vae", 0, "failed", "out of memory"),
        RunResult("gan", 0, "unfinished", "not started"),
    )
    only = StudyResult("test", (failed,), ("vae",), METRICS)
    assert verdict(only).text == "Every run failed, so there is nothing to compare."
    assert verdict(replace(only, runs=(failed, unfinished))).text == (
        "No run has finished yet, so there is nothing to compare."
    )


def test_unfinished_study_speaks_of_so_far() -> None:
    given = study(THREE, extra=(RunResult("wgan", 0, "unfinished", "not started"),))
    start = "So far (6 of 7 runs finished), on digits with 20\u202fs of training each, dcgan came out ahead of vae"
    assert verdict(given).text.startswith(start)
    assert cautions_of(given)[0].text == "1 run of 7 has not finished and is in no mean."


def test_only_one_model_scored() -> None:
    given = study({"vae": [40.0, 41.0]}, extra=(RunResult("gan", 0, "failed", "out of memory"),))
    assert verdict(given).text == (
        "On digits with 20\u202fs of training, only vae has a Fréchet distance (40.50 ± 0.50): "
        "there is nothing to compare it with."
    )


def test_noise_of_measuring_prevents_a_winner() -> None:
    close = {"vae": [12.0, 12.01, 12.02], "dcgan": [11.9, 11.91, 11.93]}  # seeds agree; a value is known to ±0.1 only
    found = comparison(study(close), "frechet")
    assert not found.beats("dcgan", "vae")
    assert fact_words(found.pairs[0].why) == "the difference is within what other test images would change"


def test_only_the_metric_that_ranks_has_leaders() -> None:
    given = study(THREE)
    assert leaders(given, "frechet") == {"dcgan"}
    assert leaders(given, "kid") == set()


def test_direction_is_respected() -> None:
    given = study({"vae": [0.2, 0.21, 0.22], "dcgan": [0.8, 0.81, 0.82]})
    given = replace(given, metrics=METRICS | {"frechet": METRICS["frechet"].model_copy(update={"direction": "higher"})})
    assert leaders(given, "frechet") == {"dcgan"}


def towards(frechet: dict[str, list[float | None]]) -> StudyResult:
    """A study of a metric that is best at 1."""
    given = study(frechet)
    return replace(
        given,
        metrics=METRICS | {"frechet": METRICS["frechet"].model_copy(update={"direction": "towards", "target": 1.0})},
    )


def test_a_target_is_best_and_both_sides_of_it_count_alike() -> None:
    given = towards({"vae": [0.2, 0.21, 0.22], "wgan": [1.5, 1.51, 1.52], "dcgan": [0.9, 0.91, 0.92]})
    assert leaders(given, "frechet") == {"dcgan"}
    assert ordered(given, "frechet") == ["dcgan", "wgan", "vae"]
    assert verdict(given).notes[0] == "Nearer to 1 is better."
    # 0.9 and 1.11 lie far apart, but not in how far they are from 1
    mirrored = towards({"vae": [0.9, 0.91, 0.92], "dcgan": [1.08, 1.09, 1.10]})
    assert leaders(mirrored, "frechet") == {"vae", "dcgan"}
    # what counts is how far the runs are from the target, not their mean, which errors on both sides leave at it
    around = towards({"vae": [0.8, 1.0, 1.2], "dcgan": [0.95, 0.96, 0.94]})
    assert ordered(around, "frechet") == ["dcgan", "vae"]
    assert not comparison(around, "frechet").beats("dcgan", "vae")
    apart = towards({"vae": [0.9, 1.0, 1.1], "dcgan": [1.5, 1.51, 1.52]})
    assert comparison(apart, "frechet").beats("vae", "dcgan")


def test_directions_in_words() -> None:
    said = {name: (METRICS[name].better, METRICS[name].arrow) for name in ("frechet", "recall", "sharpness", "kl_nats")}
    assert said == {
        "frechet": ("lower is better", "↓"),
        "recall": ("higher is better", "↑"),
        "sharpness": ("nearer to 1 is better", "→\u00a01"),
        "kl_nats": ("", ""),
    }
    assert METRICS["copying"].better == "nearer to 0.5 is better"


def test_collapse_is_said_once() -> None:
    given = StudyResult(
        "test",
        (RunResult("vae", 0, latent_dim=16, scores={"active_units": scored("active_units", 1.0)}),),
        ("vae",),
        METRICS,
    )
    assert any("1.00 of 16 latent dimensions in use" in d for c in cautions_of(given) for d in c.details)
    collapse = Fact(code="posterior_collapse", figures={"units": 16})
    scores = {"active_units": scored("active_units", 1.0, None, collapse)}
    texts = [c.text for c in cautions_of(replace(given, runs=(replace(given.runs[0], scores=scores),)))]
    assert texts[0] == "Active units of vae (seed 0): posterior collapse: none of 16 latent units is in use."
    assert not any(text.startswith("Posterior") for text in texts)


def test_warnings_that_differ_in_a_number_are_said_once_and_name_the_model() -> None:
    def collapse(**figures: float) -> Fact:
        return Fact(code="posterior_collapse", figures=figures)

    kl = [{"kl_nats": scored("kl_nats", nats, None, collapse(nats=nats))} for nats in (0.02, 0.03)]
    units = {"active_units": scored("active_units", 0.0, None, collapse(units=16))}
    runs = tuple(RunResult("beta-vae", seed, scores=scores | units) for seed, scores in enumerate(kl))
    found = cautions_of(StudyResult("test", runs, ("beta-vae",), METRICS))
    assert found[0].text == "KL and Active units of beta-vae (seeds 0 and 1): posterior collapse."
    assert found[0].details[0] == (
        "beta-vae, seed 0: KL: the latent carries 0.02 nats, the images are drawn without it"
    )
    assert len(found) == 1
    assert len(found[0].details) == 4


def test_single_run() -> None:
    run = RunResult("vae", 0, images=24_000, seconds=20, scores={
        "frechet": scored("frechet", 36.8, 0.74), "floor_frechet": scored("floor_frechet", 1.84),
    })  # fmt: skip
    given = StudyResult("vae", (run,), ("vae",), METRICS, single=True, data=DataRecord(name="digits"))
    assert verdict(given).text == (
        "vae, trained on digits for 20\u202fs (24,000 images), reached a Fréchet distance of 36.80 ± 0.74; "
        "real images against other real images score 1.84, so it stands at 20 times the floor."
    )
    assert primary_metric(given) == "frechet"


def test_half_width() -> None:
    assert half_width(study(TWO), "vae", "frechet") == 5.0
    assert half_width(study({"vae": [1.0]}), "vae", "frechet") is None


def test_numbers_in_words() -> None:
    assert [number(v) for v in (0, 0.012345, 12.345, 1234.5, -0.5, None, float("nan"))] == [
        "0", "0.0123", "12.3", "1,234", "−0.500", "–", "–"
    ]  # fmt: skip
    assert estimate(12.345, 1.4) == ("12.3", "1.4")
    assert plus_minus(0.4, None) == "0.400"
    assert compact(811_025) == "811\u202fk"
    assert [duration(s) for s in (20.0, 90, 7200, 5e5)] == ["20\u202fs", "90\u202fs", "2\u202fh", "5.79\u202fdays"]
    assert budget_words("200kimg") == "200,000 training images seen, repeats counted"
    assert budget_words("nonsense") == ""


def test_nothing_is_ranked_by_an_encoder_that_knows_a_few_images_alone() -> None:
    few = EncoderRecord(name="pixels", id="pixels-b", fitted_on=432)
    given = changed(changed(study(THREE), "vae", encoder=few), "dcgan", encoder=few)
    said = verdict(given)
    assert not said.ranked and not leaders(given, "frechet")
    assert [obstacle.field for obstacle in obstacles(given, "frechet")] == ["fitted"]
    assert "'pixels' was fitted to 432 images" in said.text and "evaluation.encoder=efficientnet" in said.text
    many = few.model_copy(update={"fitted_on": 1000})
    assert verdict(changed(changed(study(THREE), "vae", encoder=many), "dcgan", encoder=many)).ranked


@pytest.mark.parametrize(("error", "is_said"), [(0.1, True), (2.0, False), (None, True)])
def test_a_ratio_to_a_floor_that_is_all_error_is_not_said(error: float | None, is_said: bool) -> None:
    given = study({"vae": [40.0]})
    run = replace(given.runs[0], scores=given.runs[0].scores | {"floor_frechet": scored("floor_frechet", 2.0, error)})
    said = verdict(replace(given, runs=(run,), single=True))
    assert ("times the floor" in said.text) is is_said


def test_a_model_that_beats_real_images_is_called_chance_or_copies() -> None:
    runs = tuple(
        replace(run, scores=run.scores | {"floor_frechet": scored("floor_frechet", 13.0, 0.1)})
        for run in study(TWO).runs
    )
    notes = " ".join(verdict(replace(study(TWO), runs=runs)).notes)
    assert "no model is expected to beat that. dcgan did, which is chance, or copies of training images." in notes


def test_what_a_linear_model_scores_is_said_beside_the_floor() -> None:
    runs = tuple(
        replace(run, scores={"kid": run.scores["kid"], "linear_kid": scored("linear_kid", 0.6)})
        for run in study(TWO).runs
    )
    notes = " ".join(verdict(replace(study(TWO), runs=runs)).notes)
    assert "Draws from a normal distribution of pixels score 0.6" in notes


def test_unequal_budgets_are_said_beside_the_verdict() -> None:
    figures = {"path": "training.budget", "values": ("10kimg", "40kimg"), "models": (("vae",), ("dcgan",))}
    given = replace(study(TWO), varied=(Fact(code="setting", figures=figures),))
    assert "Budget: 10kimg (vae); 40kimg (dcgan): what trained longer" in " ".join(verdict(given).notes)
    assert "trained longer" not in " ".join(verdict(study(THREE)).notes)


def test_a_classifier_of_the_labels_that_models_were_trained_with_is_cautioned_of() -> None:
    seen = EncoderRecord(name="classifier", id="classifier-a", accuracy=0.98)
    given = changed(changed(study(THREE), "vae", encoder=seen), "dcgan", encoder=seen)

    def said(given: StudyResult, **objectives: str) -> list[str]:
        runs = tuple(
            replace(run, conditional=run.model in objectives, objective=objectives.get(run.model, ""))
            for run in given.runs
        )
        return [caution.text for caution in cautions_of(replace(given, runs=runs)) if "same labels" in caution.text]

    assert said(given) == []
    assert said(given, vae="vae", dcgan="gan") == []  # all alike
    (text,) = said(given, vae="vae")
    assert text.endswith("which may favour these: vae was trained with the labels.")
    (text,) = said(given, vae="vae", dcgan="cvae-gan")
    assert text.endswith("vae was trained with the labels, dcgan with the labels and to match a classifier's features.")
    assert said(changed(changed(given, "vae", encoder=PIXELS), "dcgan", encoder=PIXELS), vae="vae") == []
