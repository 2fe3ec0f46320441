"""`seeds` means the same wherever it is given: a number counts, a list names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from paribus.base.errors import ParibusError
from paribus.cli.app import app
from paribus.commands.studies import compare, replicate, run_study
from paribus.commands.tune import tune
from paribus.config.seeds import read_seeds, seed_list


@pytest.mark.parametrize(
    ("given", "seeds"),
    [
        (1, [0]), (3, [0, 1, 2]), ("3", [0, 1, 2]), (np.int64(2), [0, 1]),
        ([3], [3]), ("3,", [3]), ("[3]", [3]), ("[3,]", [3]),
        ([3, 4], [3, 4]), ((3, 4), [3, 4]), ("3,4", [3, 4]), (" 3, 4 ", [3, 4]), ("[3, 4]", [3, 4]), ("3,4,", [3, 4]),
        (range(5, 7), [5, 6]), (np.arange(5, 7), [5, 6]),
    ],
)  # fmt: skip
def test_a_number_counts_and_a_list_names(given: Any, seeds: list[int]) -> None:
    assert seed_list(read_seeds(given)) == seeds


WRONG = [0, -1, [], [-1], [3, 3], True, [True], 1.5, None, "", ",", "0", "three", "3;4", "3,,4", "3,3", "[", {"a": 1}]


@pytest.mark.parametrize("given", WRONG)
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(ParibusError, match=r"(?s)where: +seeds.*expected: +3 for three seeds .*write '3,' or \[3\]"):
        read_seeds(given)


def test_fresh_seeds_are_counted_without_that_of_the_trials() -> None:
    assert seed_list(3, besides=1) == [0, 2, 3]
    assert seed_list(2, besides=7) == [0, 1]
    assert seed_list([5, 1]) == [5, 1]


def studied(folder: Path, written: str) -> list[int]:
    path = folder / "plan.yaml"
    path.write_text(f"model: gan\nbudget: 32img\nseeds: {written}\n")
    return run_study(path, start=False).plan.seed_list


WAYS: list[Callable[[Any, str, Path], list[int]]] = [
    lambda given, text, folder: compare(["gan"], seeds=given, out=folder / "a", start=False).plan.seed_list,
    lambda given, text, folder: replicate(
        "tikayyolla-2020", scale="smoke", seeds=given, out=folder / "b", start=False
    ).plan.seed_list,
    lambda given, text, folder: tune(
        "gan", search={"objective.latent_dim": [4, 8]}, seeds=given, seed=9, out=folder / "c", metric="kid",
        overrides=["evaluation.encoder=pixels", "evaluation.samples=64"], start=False,
    ).plan.fresh_seeds,
    lambda given, text, folder: studied(folder, text),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_seeds_are_the_same_in_python_and_in_a_file(way: Callable[[Any, str, Path], list[int]], tmp_path: Path) -> None:
    assert way(2, "2", tmp_path) == [0, 1]
    assert way([3], "[3]", tmp_path) == [3]
    assert way([3, 4], "3,4", tmp_path) == [3, 4]
    with pytest.raises(ParibusError, match="A seed is named twice"):
        way([3, 3], "[3, 3]", tmp_path)


@pytest.mark.parametrize("command", [["compare"], ["replicate", "tikayyolla-2020"], ["tune", "gan"]])
@pytest.mark.parametrize("text", ["0", "3,3", "three"])
def test_the_command_line_names_its_option(command: list[str], text: str) -> None:
    result = CliRunner().invoke(app, [*command, "--seeds", text])
    assert isinstance(result.exception, ParibusError)
    assert (result.exception.where, result.exception.got) == ("--seeds", text)
