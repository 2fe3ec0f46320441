"""The grammar of what is searched: numbers keep their written form, and what cannot be meant is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paribus.base.errors import ParibusError
from paribus.tuning.space import Choices, Range, read_search, read_space

whole = st.integers(-1000, 1000)
decimal = st.tuples(whole, st.integers(0, 4)).map(lambda pair: f"{pair[0]}e-{pair[1]}")


def dimension(given: Any) -> Range | Choices:
    [found] = read_space({"objective.beta": given})
    return found


def drawn(given: Any, seed: int) -> Any:
    """A value that Optuna draws at random."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    return dimension(given).suggest(study.ask())


@given(whole, st.integers(1, 500), st.integers(0, 99))
def test_whole_ends_give_whole_numbers(low: int, width: int, seed: int) -> None:
    text = f"{low}..{low + width}"
    value = drawn(text, seed)
    assert isinstance(value, int) and low <= value <= low + width
    assert all(isinstance(probe, int) and low <= probe <= low + width for probe in dimension(text).probes())


@given(decimal, decimal, st.integers(0, 99))
def test_other_ends_give_floats(one: str, other: str, seed: int) -> None:
    low, high = sorted((one, other), key=Fraction)
    if Fraction(low) == Fraction(high):
        with pytest.raises(ParibusError, match="lower end of a range must be below the upper one"):
            dimension(f"{low}..{high}")
        return
    value = drawn(f"{low} .. {high}", seed)
    assert isinstance(value, float) and float(low) <= value <= float(high)
    if Fraction(low) > 0:
        assert float(low) <= drawn(f"{low}..{high} log", seed) <= float(high)
    else:
        with pytest.raises(ParibusError, match="logarithmic range must lie above 0"):
            dimension(f"{low}..{high} log")


@given(decimal, st.integers(1, 999), st.integers(0, 3), st.integers(1, 40), st.integers(0, 99))
def test_a_step_gives_its_multiples(low: str, size: int, places: int, count: int, seed: int) -> None:
    start, step = Fraction(low), Fraction(size, 10**places)
    high = f"{float(start + count * step):.7f}"  # seven places hold every such number
    found = dimension(f"{low}..{high} step {size}e-{places}")
    values = [float(start + k * step) for k in range(count + 1)]
    assert found.grid() == pytest.approx(values, rel=1e-12, abs=1e-12)
    assert any(abs(drawn(f"{low}..{high} step {size}e-{places}", seed) - value) < 1e-9 for value in values)
    with pytest.raises(ParibusError, match="must lead from its lower end exactly to its upper one"):
        dimension(f"{low}..{high} step {2 * size * count + 1}e-{places}")


def test_whole_steps_and_missing_ones() -> None:
    assert dimension("8..64 step 28").grid() == [8, 36, 64]
    assert dimension("8..64").grid() is None
    assert dimension("8..64 log").grid() is None
    assert {type(value) for value in dimension("0..4 step 0.5").grid() or []} == {float}


@pytest.mark.parametrize(
    "values", [[32, 64], ["relu", "leaky"], [None, 0.5, True], [1e-3, {"start": 1, "images": [2]}]]
)
def test_a_list_is_a_choice_of_anything(values: list[Any]) -> None:
    found = dimension(values)
    assert found.probes() == values
    seen = [drawn(values, seed) for seed in range(40)]
    assert all(value in seen for value in values) and all(value in values for value in seen)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({}, "nothing to search"),
        ({"a.b": "8-64"}, "neither a range nor a list"),
        ({"a.b": 8}, "neither a range nor a list"),
        ({"a.b": "8..64 step 0"}, "step of a range must be above 0"),
        ({"a.b": "8..64 log step 2"}, "neither a range nor a list"),
        ({"a.b": "1...2"}, "neither a range nor a list"),
        ({"a.b": [1]}, "several different values"),
        ({"a.b": [1, 1]}, "several different values"),
        ({"a": [1, 2], "a.b": "1..2"}, "searched twice: it lies within 'a'"),
        ({"seed": "0..9"}, "best of several seeds is luck"),
        ({"model": ["vae", "gan"]}, "tuned by itself"),
        ({"evaluation.samples": "64..128"}, "Scores that were taken in another way"),
        ({"training.budget": ["1kimg", "2kimg"]}, "same budget"),
        ({"data.size": [8, 16]}, "Scores on other images"),
        ({"tuning.trials": "1..2"}, "record of the search"),
    ],
)
def test_what_cannot_be_searched_is_refused(search: dict[str, Any], words: str) -> None:
    with pytest.raises(ParibusError, match=words):
        read_space(search)


def test_augmentation_can_be_searched() -> None:
    assert len(read_space({"data.augment.shift": "0.0..0.2", "data.augment.flip": [True, False]})) == 2


def test_the_option_reads_as_the_file_does() -> None:
    assert read_search("a.b=1e-4..1e-2 log") == ("a.b", "1e-4..1e-2 log")
    assert read_search("a.b=[32, 64]") == ("a.b", [32, 64])
    assert read_search(" a.b = 8..64 ") == ("a.b", "8..64")
    for text in ("a.b", "=1..2", "a.b=", "a.b=[1"):
        with pytest.raises(ParibusError, match=r"must have the form key.path=RANGE"):
            read_search(text)
