"""`pb.evaluate`: one way to scores, of whatever has images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import paribus as pb
from paribus.base.errors import ParibusError
from paribus.config import DataSettings, EvaluationSettings
from paribus.data import load_data
from paribus.results.folder import RunFolder
from paribus.runs.run import Run

SETTINGS = EvaluationSettings(samples=64, encoder="pixels", metrics=["frechet", "kid"])


def test_a_model_a_run_its_folder_and_its_name_score_alike(runs: Callable[..., Path]) -> None:
    folder, data = runs("vae"), load_data("digits")
    expected = pb.evaluate(pb.load(folder), data, SETTINGS)
    assert [score.metric for score in expected] == ["frechet", "kid"]
    for subject in (Run(RunFolder(folder)), folder, str(folder)):
        for images in (data, "digits", DataSettings(name="digits"), None):
            assert pb.evaluate(subject, images, SETTINGS) == expected


def test_what_is_not_said_is_as_in_the_models_own_configuration(runs: Callable[..., Path]) -> None:
    folder = runs("vae", "evaluation.encoder=pixels", "evaluation.metrics=[kid]", "evaluation.samples=70")
    [score] = pb.evaluate(pb.load(folder))
    assert (score.metric, score.n) == ("kid", 70)
    [score] = pb.evaluate(folder, settings=EvaluationSettings(samples=80), overrides=["evaluation.metrics=[frechet]"])
    assert (score.metric, score.n) == ("frechet", 80)


def test_a_sampler_of_another_name(runs: Callable[..., Path]) -> None:
    folder = runs("vae")
    few = ["sampler.components=3"]
    fitted = pb.evaluate(folder, settings=SETTINGS, sampler="gmm", overrides=few)
    plain = pb.evaluate(folder, settings=SETTINGS)
    assert [score.protocol for score in fitted] == [score.protocol for score in plain]
    assert fitted[0].value != plain[0].value


def test_folders_of_images_against_each_other(runs: Callable[..., Path], tmp_path: Path) -> None:
    from paribus.commands.outputs import sample

    for seed, name in enumerate("ab"):
        assert sample(runs("vae"), 80, tmp_path / name, seed=seed) == tmp_path / name
    found = pb.evaluate(tmp_path / "a", settings=SETTINGS, against=tmp_path / "b")
    assert {score.split for score in found} == {"against"}
    [score] = pb.evaluate(tmp_path / "a", "digits", EvaluationSettings(encoder="pixels", metrics=["kid"]))
    assert score.protocol.images is not None and score.protocol.images.origin == "given"
    with pytest.raises(ParibusError, match="What are these images to be compared with"):
        pb.evaluate(tmp_path / "a")


@pytest.mark.parametrize("override", ["training.batch_size=3", "sampler.name=gmm"])
def test_settings_that_belong_to_training_are_refused(override: str, runs: Callable[..., Path]) -> None:
    with pytest.raises(ParibusError, match="belongs to training"):
        pb.evaluate(pb.load(runs("vae")), overrides=[override])
