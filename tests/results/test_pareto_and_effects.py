"""Fronts against a search, main effects against least squares."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paribus.results.pairs import pareto_front
from paribus.results.statistics import Measured, main_effects


def test_a_front_by_hand() -> None:
    points = {"fast": (1.0, 9.0), "middle": (2.0, 5.0), "slow": (4.0, 2.0), "bad": (4.0, 6.0), "near": (4.0, 2.1)}
    front = pareto_front(points, beats=lambda better, worse: worse != "near")
    assert front.models == ("fast", "middle", "slow")
    assert front.dominated == {"bad": "slow"}
    assert front.unsure == {"near": "slow"}


def test_costs_within_two_percent_are_equal() -> None:
    assert pareto_front({"a": (20.0, 5.0), "b": (20.3, 4.0)}).models == ("b",)
    assert pareto_front({"a": (20.0, 5.0), "b": (20.5, 4.0)}).models == ("a", "b")
    assert pareto_front({"a": (20.0, 5.0), "b": (30.0, 5.0)}).dominated == {"b": "a"}


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), max_size=8))
def test_every_model_stands_once_and_none_on_the_front_is_dominated(drawn: list[tuple[int, int]]) -> None:
    points = {f"model-{k}": point for k, point in enumerate(drawn)}
    front = pareto_front({name: (1.5**cost, float(loss)) for name, (cost, loss) in points.items()})
    assert sorted([*front.models, *front.dominated]) == sorted(points)
    dominated = {  # steps of cost are 50 %, so none is within 2 % of another
        name
        for name, (cost, loss) in points.items()
        if any(c <= cost and q <= loss and (c, q) != (cost, loss) for c, q in points.values())
    }
    assert set(front.dominated) == dominated


def runs(seeds: int, noise: float) -> list[Measured]:
    random = np.random.default_rng(7)
    effect = {"vae": -2.0, "gan": 2.0, "small": 3.0, "middle": -1.0, "large": -2.0}
    return [
        (
            {"model": model, "size": size},
            seed,
            10 + effect[model] + effect[size] + 5 * seed + random.normal() * noise,
        )
        for model, size, seed in product(("vae", "gan"), ("small", "middle", "large"), range(seeds))
    ]


def test_additive_effects_are_found_and_seeds_cancel() -> None:
    found = main_effects(runs(3, 0.0))
    assert {e.level: e.effect.mean for e in found} == pytest.approx(
        {"vae": -2.0, "gan": 2.0, "small": 3.0, "middle": -1.0, "large": -2.0}
    )
    assert all(e.effect.std == pytest.approx(0.0, abs=1e-12) and e.effect.count == 3 for e in found)
    assert [e.axis for e in found] == ["model"] * 2 + ["size"] * 3


def test_noisy_effects_against_least_squares() -> None:
    given = runs(4, 1.0)
    design = np.array([
        [1, 1 if axes["model"] == "gan" else -1]
        + {"small": [1, 0], "middle": [0, 1], "large": [-1, -1]}[axes["size"]]
        for axes, _, _ in given
    ])  # fmt: skip
    fitted = np.linalg.lstsq(design, np.array([value for _, _, value in given]), rcond=None)[0]
    found = {e.level: e.effect.mean for e in main_effects(given)}
    assert (found["gan"], found["small"], found["middle"]) == pytest.approx(tuple(fitted[1:]))


def test_a_seed_that_lacks_a_combination_is_left_out_and_named() -> None:
    given = runs(3, 1.0)
    given[4] = (*given[4][:2], None)  # vae, middle, seed 1
    found = main_effects(given)
    assert {(e.left_out, e.effect.count) for e in found} == {((1,), 2)}
    whole = main_effects([run for run in given if run[1] != 1])
    assert [e.effect for e in found] == [e.effect for e in whole]
    assert main_effects([run for run in given if run[1] == 1]) == []
    assert main_effects([]) == []


def test_an_axis_of_one_value_has_no_effect_and_a_value_may_be_a_list() -> None:
    given: list[Measured] = [
        ({"model": "vae", "widths": widths}, 0, value) for widths, value in (([1, 2], 1.0), ([3], 3.0))
    ]
    assert [(e.axis, e.level, e.effect.mean) for e in main_effects(given)] == [
        ("widths", [1, 2], -1.0), ("widths", [3], 1.0)
    ]  # fmt: skip
