"""`pb.train`: one way into a run, begun or resumed, from Python as from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import paribus as pb
from paribus.base.errors import Interrupted, ParibusError
from paribus.config import DataSettings
from paribus.data import load_data
from paribus.results.folder import RunFolder
from tests.conftest import made_data

TINY = {
    "backbone": {"width": 8},
    "objective": {"latent_dim": 4},
    "training": {"batch_size": 32, "threads": 1, "snapshots": []},
    "evaluation": {"encoder": "pixels", "metrics": ["frechet", "precision"], "samples": 64},
}


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


def times(run: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A run that was asked to stop after three of its eight updates, with words that no preset has."""
    steps = iter(range(99))
    with pytest.raises(Interrupted) as caught:
        pb.train(
            "vae", DataSettings(size=12), budget="8updates", seed=7, out=tmp_path / "run", config=TINY,
            overrides=["objective.beta=2"], score=False, stop_requested=lambda: next(steps) == 2,
        )  # fmt: skip
    assert caught.value.folder == tmp_path / "run"
    assert RunFolder(tmp_path / "run").last_line()["step"] == 3
    return tmp_path / "run"


def whole(out: Path, budget: str) -> bytes:
    pb.train(
        "vae", DataSettings(size=12), budget=budget, seed=7, out=out, config=TINY, overrides=["objective.beta=2"],
        score=False,
    )  # fmt: skip
    return weights(out)


@pytest.mark.parametrize(
    ("budget", "batch", "said"),
    [
        ("64img", 128, ["a batch of 128 holds each", "the budget of 64img is less than one batch of 128"]),
        ("1updates", 128, ["a batch of 128 holds each"]),
        ("64img", 32, []),
    ],
)
def test_a_batch_that_is_hardly_meant_is_said(budget: str, batch: int, said: list[str], tmp_path: Path) -> None:
    heard: list[str] = []
    pb.train(
        "vae", made_data(n=40), budget=budget, out=tmp_path / "run", config=TINY, score=False,
        overrides=[f"training.batch_size={batch}"], notice=lambda stage, done, total: heard.append(stage),
    )  # fmt: skip
    told = [text for text in heard if "batch of" in text]
    assert len(told) == len(said) and all(text.startswith(start) for text, start in zip(told, said, strict=True))


def test_a_resumed_run_needs_no_word_said_again(begun: Path, tmp_path: Path) -> None:
    run = pb.train("vae", out=begun, resume=True, score=False)
    assert (run.folder.done or {})["spent"]["updates"] == 8
    assert weights(begun) == whole(tmp_path / "whole", "8updates")


def test_a_larger_budget_extends_it(begun: Path, tmp_path: Path) -> None:
    pb.train("vae", out=begun, resume=True, score=False)
    pb.train("vae", out=begun, resume=True, budget="11updates", score=False)
    assert weights(begun) == whole(tmp_path / "whole", "11updates")


def test_what_is_said_again_may_be_the_same(begun: Path) -> None:
    again = pb.train(
        "vae", DataSettings(name="digits", size=12), seed=7, out=begun, resume=True, config=TINY,
        overrides=["objective.beta=2"], score=False,
    )  # fmt: skip
    assert again.folder.done is not None


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"overrides": ["objective.beta=3"]}, "objective.beta"),
        ({"seed": 0}, "seed"),
        ({"data": DataSettings(size=8)}, "data.size"),
        ({"config": {"objective": {"latent_dim": 5}}}, "objective.latent_dim"),
    ],
)
def test_a_changed_setting_is_refused(said: dict[str, Any], where: str, begun: Path) -> None:
    before = times(begun)
    with pytest.raises(ParibusError, match="A resumed run must keep its configuration") as caught:
        pb.train("vae", out=begun, resume=True, **said)
    assert caught.value.where == f"{where} in {begun}"
    assert times(begun) == before


def test_data_may_move_but_not_become_other_images(begun: Path) -> None:
    before = times(begun)
    with pytest.raises(ParibusError, match="The images are not those that the run began with") as caught:
        pb.train("vae", out=begun, resume=True, data="shapes")
    assert caught.value.where == str(begun)
    assert times(begun) == before


def test_images_in_memory_are_compared_themselves(tmp_path: Path) -> None:
    out, data = tmp_path / "run", made_data()
    pb.train("gan", data, budget="3updates", out=out, config=TINY, score=False)
    run = pb.train("gan", data, budget="6updates", out=out, resume=True, score=False)
    pb.train("gan", data, budget="6updates", out=tmp_path / "whole", config=TINY, score=False)
    assert (run.folder.done or {})["spent"]["updates"] == 6
    assert weights(out) == weights(tmp_path / "whole")
    with pytest.raises(ParibusError, match="The images are not those that the run began with"):
        pb.train("gan", made_data(n=41), budget="6updates", out=out, resume=True, score=False)


def test_loaded_images_are_those_of_a_run_that_named_them(begun: Path) -> None:
    with pytest.raises(ParibusError, match="The images are not those that the run began with"):
        pb.train("vae", load_data("digits"), out=begun, resume=True, score=False)
    run = pb.train("vae", load_data("digits", size=12), out=begun, resume=True, score=False)
    assert run.folder.done is not None


def test_resuming_begins_where_there_is_no_run(tmp_path: Path) -> None:
    run = pb.train("gan", made_data(), budget="2updates", out=tmp_path / "run", resume=True, config=TINY, score=False)
    assert run.folder.done is not None
    with pytest.raises(ParibusError, match="This folder already holds a run"):
        pb.train("gan", made_data(), budget="2updates", out=tmp_path / "run", config=TINY)
    with pytest.raises(ParibusError, match="Which run is to be resumed"):
        pb.train("gan", made_data(), resume=True)


def of_an_older_format(run: Path) -> None:
    path = run / "evaluation.json"
    path.write_text(json.dumps([entry | {"protocol": "in words"} for entry in json.loads(path.read_text())]))


@pytest.mark.parametrize("spoil", [lambda run: (run / "evaluation.json").unlink(), of_an_older_format])
def test_a_finished_run_without_scores_is_scored_and_nothing_else(
    spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    out, data = tmp_path / "run", made_data()
    scores = pb.train("gan", data, budget="4updates", out=out, config=TINY).scores
    assert scores
    spoil(out)
    before, said = times(out), []
    pb.train("gan", data, out=out, resume=True, score=False)
    assert times(out) == before
    again = pb.train("gan", data, out=out, resume=True, notice=lambda stage, done, total: said.append(stage))
    assert again.scores == scores
    assert {path for path, time in times(out).items() if before.get(path) != time} == {str(out / "evaluation.json")}
    assert not any(text.startswith("training") for text in said)

    scored = times(out)
    pb.train("gan", data, out=out, resume=True)
    assert times(out) == scored


def test_a_run_is_scored_afterwards_as_it_is_asked(tmp_path: Path) -> None:
    out, data = tmp_path / "run", made_data()
    pb.train("gan", data, budget="4updates", out=out, config=TINY, score=False)
    run = pb.train("gan", data, out=out, resume=True, overrides=["evaluation.metrics=[recall]"])
    assert {score.metric for score in run.scores} == {"recall"}
    assert RunFolder(out).record["config"]["evaluation"]["metrics"] == ["recall"]
    assert run.model.config.evaluation.metrics == ["recall"]
    started = RunFolder(out).record
    extended = pb.train("gan", data, out=out, resume=True, budget="6updates", score=False)
    assert not extended.scores, "scores of earlier weights"
    assert RunFolder(out).record["started"] == started["started"]


def test_a_folder_of_ones_own_images(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (120, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", images=images)
    run = pb.train("gan", tmp_path / "x.npz", budget="2updates", out=tmp_path / "run", config=TINY, score=False)
    assert run.folder.record["config"]["data"]["name"] == str(tmp_path / "x.npz")
