"""Who beats whom, with 1 to 10 seeds; and how often equal models are told apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from paribus.results.pairs import Comparison, Sample, compared
from paribus.results.score import Fact
from paribus.results.statistics import least_p
from paribus.results.words import fact_words


def models(**values: list[float]) -> dict[str, Sample]:
    return {name: Sample(dict(enumerate(found))) for name, found in values.items()}


def told(found: Comparison) -> dict[str, bool]:
    return {f"{pair.better} {pair.worse}": pair.told for pair in found.pairs}


def test_one_seed_tells_nothing() -> None:
    found = compared(models(a=[1.0], b=[100.0]))
    assert told(found) == {"a b": False}
    assert [found.ranks(model) for model in found.order] == [(1, 2), (1, 2)]
    assert (found.pairs[0].p, found.pairs[0].exact_p, found.tested) == (None, None, 0)


def test_two_seeds_tell_nothing() -> None:
    found = compared(models(a=[9.0, 9.1], b=[35.0, 35.1]))
    assert told(found) == {"a b": False}
    assert found.pairs[0].why == Fact(code="few_seeds", figures={"seeds": 2, "least": 3})


def test_three_seeds_are_told_apart_by_the_t_test() -> None:
    found = compared(models(a=[11.0, 13.0, 12.0], b=[39.0, 40.0, 42.0], c=[12.0, 11.0, 14.0]))
    assert told(found) == {"a c": False, "a b": True, "c b": True}
    assert {model: found.ranks(model) for model in found.order} == {"a": (1, 2), "c": (1, 2), "b": (3, 3)}
    assert found.wins("a") == ["b"]
    assert found.losses("b") == ["a", "c"]
    pair = found.pair("a", "b")
    assert pair is not None
    assert pair.exact_p == 0.75 == 3 * least_p(3)
    assert not found.can_reach(pair)
    alone = stats.ttest_rel([39.0, 40.0, 42.0], [11.0, 13.0, 12.0]).pvalue
    assert pair.p in (pytest.approx(3 * alone), pytest.approx(2 * alone))  # Holm's steps of three pairs


def test_ten_seeds_need_the_exact_test_to_agree() -> None:
    random = np.random.default_rng(3)
    first, second = (random.normal(centre, 1.0, 10).tolist() for centre in (0.0, 4.0))
    found = compared(models(a=first, b=second, c=[value + 0.01 for value in reversed(second)]))
    assert told(found) == {"a b": True, "a c": True, "b c": False}
    assert all(found.can_reach(pair) for pair in found.pairs)
    # the t-test tells these apart, the signs do not
    close = compared(models(a=[0.0] * 6, b=[2.0, 2.0, 2.0, 2.0, 2.0, -0.5]))
    assert close.pairs[0].p == pytest.approx(stats.ttest_1samp([2.0] * 5 + [-0.5], 0).pvalue)
    assert close.pairs[0].p < 0.05 < close.pairs[0].exact_p == 4 / 64  # type: ignore[operator]
    assert told(close) == {"a b": False}


def test_correction_for_many_pairs_can_undo_a_difference() -> None:
    pair = models(a=[11.0, 12.5, 12.0], b=[16.0, 19.0, 15.5])
    assert told(compared(pair)) == {"a b": True}
    others = {f"m{k}": [100.0 + 7 * ((k * j) % 5) for j in range(3)] for k in range(4)}
    undone = compared(pair | models(**others)).pair("a", "b")
    assert undone is not None
    assert (undone.told, undone.why) == (False, Fact(code="not_after_correction", figures={"pairs": 15}))


def test_a_failed_run_counts_as_the_worst() -> None:
    given = models(a=[1.0, 1.1, 0.9], b=[9.0, 9.2, 9.3])
    failed = Sample({0: 1.0, 1: 1.1, 2: 0.9}, failed=1)
    assert told(compared(given)) == {"a b": True}
    winner = compared(given | {"a": failed})
    assert told(winner) == {"a b": False}
    assert fact_words(winner.pairs[0].why) == "one of its runs failed, which counts as its worst"
    assert told(compared(given | {"b": Sample({0: 9.0, 1: 9.2, 2: 9.3}, failed=1)})) == {"a b": True}
    assert compared(given | {"c": Sample({}, failed=3)}).order == ("a", "b")


def test_unequal_seeds_are_compared_by_welch() -> None:
    found = compared({"a": Sample({0: 1.0, 1: 1.1, 2: 0.9}), "b": Sample({5: 9.0, 6: 9.2, 7: 9.3, 8: 9.1})})
    pair = found.pairs[0]
    assert (pair.by.method, pair.told, pair.least_p) == ("Welch", True, least_p(3, 4))
    assert found.can_reach(pair) is False


def test_equal_means_and_nothing_at_all() -> None:
    assert told(compared(models(a=[1.0, 1.0, 1.0], b=[1.0, 1.0, 1.0]))) == {"a b": False}
    assert compared({}).pairs == ()


def test_equal_models_are_rarely_told_apart() -> None:
    """Of 4 equal models with 3 seeds, some pair is told apart in at most 5 % of studies, and not much less."""
    seed = 20261121
    draws = np.random.default_rng(seed).normal(10.0, 1.0, size=(4000, 4, 3)).tolist()
    wrong = np.mean([
        any(pair.told for pair in compared(models(**dict(zip("abcd", study, strict=True)))).pairs)
        for study in draws
    ])  # fmt: skip
    print(f"seed {seed}, told apart in {wrong:.4f} of studies")
    assert 0.02 < wrong <= 0.05 + 1.5 * np.sqrt(0.05 * 0.95 / 4000)  # and what 4,000 studies scatter by


def sharing(values: list[float], moved: list[float]) -> Sample:
    """Values that a block of test images moves so far when it is left out, all alike."""
    return Sample(dict(enumerate(values)), {k: [value + by for by in moved] for k, value in enumerate(values)})


def test_what_the_test_images_move_is_in_the_test() -> None:
    """Differences of 0.2 with errors of 0.5 tell nothing; where both models move alike, they do."""
    a, b = [1.0, 1.01, 0.99], [1.2, 1.21, 1.2]
    assert told(compared(models(a=a, b=b))) == {"a b": True}
    assert told(compared({"a": Sample(dict(enumerate(a)), error=0.5), "b": Sample(dict(enumerate(b)), error=0.5)})) == {
        "a b": False
    }
    moved = np.random.default_rng(0).normal(0, 0.1, 20)
    found = compared({"a": sharing(a, [0.0] * 20), "b": sharing(b, moved.tolist())})
    assert told(found) == {"a b": False}
    assert found.pairs[0].why == Fact(code="within_error")
    assert found.pairs[0].by.shared == pytest.approx(np.sqrt(19 / 20 * ((moved - moved.mean()) ** 2).sum()))
    assert told(compared({"a": sharing(a, moved.tolist()), "b": sharing(b, moved.tolist())})) == {"a b": True}


def test_equal_models_are_rarely_told_apart_by_one_draw_of_test_images() -> None:
    """Two equal models, 3 seeds; one draw of 20 blocks of test images moves all values of a model."""
    seed = 20261201
    random, wrong, ignored, studies = np.random.default_rng(seed), 0, 0, 3000
    for _ in range(studies):
        samples = {}
        for model in "ab":
            blocks = random.normal(0, 1.0, 20)  # how each block moves the value: their mean is the test split's error
            values = (blocks.mean() + random.normal(0, 0.1, 3)).tolist()
            left_out = [(blocks.sum() - block) / 19 - blocks.mean() for block in blocks]
            samples[model] = sharing(values, left_out)
        wrong += compared(samples).pairs[0].told
        ignored += compared({model: Sample(sample.values) for model, sample in samples.items()}).pairs[0].told
    print(f"seed {seed}: told apart in {wrong / studies:.4f} of studies, {ignored / studies:.4f} without the error")
    assert wrong / studies <= 0.05 + 1.5 * np.sqrt(0.05 * 0.95 / studies)
    assert ignored / studies > 0.3
