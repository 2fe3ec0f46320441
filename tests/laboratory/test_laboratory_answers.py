"""The laboratory's server: what it answers is what the Python API gives, and it trains one thing at a time."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra explorer")

from paribus.base.errors import ParibusError
from paribus.cli.explore import explore
from paribus.explorer.laboratory import LOOKS, LiveTraining, Trainings, packed, router
from paribus.explorer.server import application
from paribus.laboratory.models import laboratory_models
from paribus.laboratory.points import point_set_names
from paribus.laboratory.recording import PointTraining, train_on_points
from tests.explorer.serving import Answer, Site, answering

SMALL = {"backbone.width": 8, "training.batch_size": 16}
OVERRIDES = ("backbone.width=8", "training.batch_size=16")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with answering(application("laboratory", router, Trainings("moons"))) as found:
        yield found


def order(*models: str, **given: Any) -> dict[str, Any]:
    sides = [{"model": model, "settings": SMALL} for model in models]
    return {"data": "moons", "seed": 3, "steps": 50, "sides": sides} | given


def finished(site: Site, number: int) -> dict[str, Any]:
    for _ in range(600):
        told = site.ask(f"/api/trainings/{number}").json
        if told["state"] != "training":
            return told
        time.sleep(0.1)
    raise AssertionError("the training does not end")


def unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_arrays_are_packed_as_little_endian_float32() -> None:
    assert base64.b64decode(packed(np.array([[1.0], [-2.0]]))) == bytes.fromhex("0000803f000000c0")


def test_the_page_is_there(site: Site) -> None:
    assert b"Points in place of images" in site.ask("/").content
    assert site.ask("/static/laboratory.js").status == 200


def test_choices(site: Site) -> None:
    told = site.ask("/api/choices").json
    assert told["begin"] == "moons"
    assert [points["name"] for points in told["data"]] == list(point_set_names())
    assert list(told["models"]) == list(laboratory_models())
    assert told["models"]["gan"]["judgement"] == "logit"
    assert told["models"]["vae"]["controls"]["objective.sigma"]["own"]
    assert [experiment["name"] for experiment in told["experiments"]] == [
        "Mode collapse",
        "The smooth critic",
        "The prior hole",
    ]


def test_frames_are_those_of_the_python_api(site: Site) -> None:
    begun = site.ask("/api/trainings", order("gan", "vae")).json
    told = finished(site, begun["number"])
    assert told["state"] == "done"
    for side, model in enumerate(("gan", "vae")):
        recording = train_on_points("moons", model, steps=50, frames=LOOKS, seed=3, overrides=OVERRIDES)
        assert begun["looks"] == recording["step"].tolist()
        assert np.array_equal(unpacked(begun["sides"][side]["data"]), recording.data.ravel())
        for frame, sent in zip(recording.frames, told["sides"][side], strict=True):
            assert (sent["step"], sent["modes"], sent["quality"], sent["terms"], sent["restored"]) == (
                frame.step, frame.modes_found, frame.quality, frame.terms, frame.restored)  # fmt: skip
            assert ("judged" in sent, "latents" in sent) == (model == "gan", model == "vae")
            for name in {"samples", "judged", "push", "mesh", "latents", "spreads"} & set(sent):
                assert np.array_equal(unpacked(sent[name]), getattr(frame, name).ravel())
    later = site.ask(f"/api/trainings/{begun['number']}?after={LOOKS - 1}").json
    assert [len(frames) for frames in later["sides"]] == [1, 1]


def test_a_new_training_ends_the_one_before(site: Site) -> None:
    first = site.ask("/api/trainings", order("gan", steps=10_000)).json["number"]
    second = site.ask("/api/trainings", order("gan")).json["number"]
    told = site.ask(f"/api/trainings/{first}").json
    assert (told["state"], told["trouble"]["what"]) == ("replaced", "This training is over: another page began one.")
    assert finished(site, second)["state"] == "done"


def test_a_training_can_be_stopped(site: Site) -> None:
    number = site.ask("/api/trainings", order("gan", steps=10_000)).json["number"]
    assert site.ask(f"/api/trainings/{number}/stop", {}).status == 200
    told = site.ask(f"/api/trainings/{number}").json
    assert told["state"] == "stopped"
    assert len(told["sides"][0]) < LOOKS


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"steps": 10_001}, "malformed"),
        ({"steps": 47}, "malformed"),
        ({"seed": -1}, "malformed"),
        ({"sides": []}, "malformed"),
        ({"sides": [{"model": "gan"}] * 3}, "malformed"),
        ({"data": "moon"}, "no point set 'moon'"),
        ({"sides": [{"model": "dcgan"}]}, "not for points"),
        ({"sides": [{"model": "gan", "settings": {"backbone.width": 512}}]}, "out of bounds"),
        ({"sides": [{"model": "gan", "settings": {"data.name": 1}}]}, "no such setting"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_words(site: Site, given: dict[str, Any], words: str) -> None:
    answer: Answer = site.ask("/api/trainings", order("gan", **given))
    assert answer.status == 400
    assert words in answer.json["what"]


def test_a_training_that_diverges_says_so() -> None:
    training = LiveTraining(
        1, [PointTraining("grid", "vae", overrides=(*OVERRIDES, "training.optimizer.E.learning_rate=1e6"))], [0, 20]
    )
    training.start()
    training.join()
    assert training.state == "failed"
    assert training.trouble is not None and "diverged" in training.trouble.what


def test_the_command_wants_runs_or_points() -> None:
    with pytest.raises(ParibusError, match="What is to be explored"):
        explore()
    with pytest.raises(ParibusError, match="What is to be explored"):
        explore(["runs/vae"], toy="grid")
    with pytest.raises(ParibusError, match="no point set 'square'"):
        explore(toy="square")
