"""What makes a run the same run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from paribus.base.errors import ParibusError
from paribus.commands.studies import compare
from paribus.config import DataSettings
from paribus.data import data_settings, load_data
from paribus.results.folder import RunFolder
from paribus.runs.identity import identity, refuse_another
from paribus.runs.run import complete_run
from paribus.training import NUMERICS_VERSION
from tests.conftest import fit_in, made_data, tiny_config


def test_identity_is_of_what_has_an_effect() -> None:
    base = identity(tiny_config("gan"), "images")
    assert base == identity(tiny_config("gan"), "images")
    assert base == identity(
        tiny_config("gan", "training.checkpoint_steps=7", "training.checkpoint_seconds=3", "tuning.trials=9"), "images"
    )
    others = ["seed=1", "objective.latent_dim=5", "training.budget=7updates", "training.threads=2",
              "evaluation.samples=100", "sampler.components=3"]  # fmt: skip
    found = [identity(tiny_config("gan", other), "images") for other in others] + [
        identity(tiny_config("gan"), "other")
    ]
    assert len({base, *found}) == 1 + len(found)


def test_a_numerics_version_is_part_of_the_identity() -> None:
    base = identity(tiny_config("gan"), "images")
    assert identity(tiny_config("gan"), "images", NUMERICS_VERSION) == base
    assert identity(tiny_config("gan"), "images", NUMERICS_VERSION + 1) != base


@pytest.fixture
def finished(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    complete_run(tiny_config("gan"), made_data(), run, score=False)
    return RunFolder(run.path)


def test_a_run_of_another_identity_is_refused(finished: RunFolder) -> None:
    data = made_data()
    assert finished.record["identity"] == identity(tiny_config("gan"), data.fingerprint)
    assert finished.record["numerics"] == NUMERICS_VERSION
    refuse_another(tiny_config("gan"), data.fingerprint, finished)
    with pytest.raises(ParibusError, match=r"where: +objective.latent_dim in [\s\S]*got: +5[\s\S]*expected: +4"):
        refuse_another(tiny_config("gan", "objective.latent_dim=5"), data.fingerprint, finished)
    with pytest.raises(ParibusError, match="The images are not those that the run began with"):
        refuse_another(tiny_config("gan"), "other", finished)


def test_a_run_from_before_a_setting_is_the_same_run(finished: RunFolder) -> None:
    stored = finished.record["config"]
    config = stored | {"training": {key: value for key, value in stored["training"].items() if key != "rarity"}}
    record = finished.record | {"config": config, "identity": "of a tree without it"}
    (finished.path / "run.yaml").write_text(yaml.safe_dump(record))
    run, data = RunFolder(finished.path), made_data()
    refuse_another(tiny_config("gan"), data.fingerprint, run)
    complete_run(tiny_config("gan", "training.budget=8updates"), data, run, score=False)
    assert (run.done or {})["updates"]["D"] == 8
    with pytest.raises(ParibusError, match=r"objective\.latent_dim"):
        refuse_another(tiny_config("gan", "objective.latent_dim=5"), data.fingerprint, run)


def test_a_run_of_other_numerics_is_not_carried_on(finished: RunFolder) -> None:
    record = finished.record | {"numerics": NUMERICS_VERSION - 1, "identity": "older"}
    (finished.path / "run.yaml").write_text(yaml.safe_dump(record))
    run = RunFolder(finished.path)
    with pytest.raises(ParibusError, match="trained by another version of Paribus"):
        refuse_another(tiny_config("gan"), made_data().fingerprint, run)
    weights = run.model.read_bytes()
    complete_run(tiny_config("gan"), made_data(), RunFolder(finished.path), score=False)  # nothing is left to train
    assert run.model.read_bytes() == weights
    with pytest.raises(ParibusError, match="trained by another version of Paribus"):
        complete_run(tiny_config("gan", "training.budget=9updates"), made_data(), RunFolder(finished.path), score=False)


def test_images_in_memory_are_those_that_their_settings_load_again(tmp_path: Path) -> None:
    """A study's runs load what it was given in processes of their own."""
    random = np.random.default_rng(0)
    for k in range(40):
        Image.fromarray(random.integers(0, 256, (8, 8, 4), dtype=np.uint8)).save(tmp_path / f"{k}.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    settings = {"on_bad": "skip", "background": "black", "validation": 0.3}
    data = load_data(tmp_path, **settings)
    [run] = compare(["vae"], data, seeds=1, out=tmp_path / "study", start=False).runs
    assert load_data(run.config.data).fingerprint == data.fingerprint
    for other in ({"background": "white"}, {"validation": 0.1}):
        assert load_data(tmp_path, **settings | other).fingerprint != data.fingerprint
    assert data_settings(load_data("digits")) == DataSettings(name="digits", size=8, channels=1)


NUMBERS = {"gan": 29.042935, "vae": 30.436951, "dcgan": 9.068588}
"""Sums of squares of all weights after six updates of a tiny run, of numerics version 3."""


@pytest.mark.parametrize("model", NUMBERS)
def test_the_numerics_version_stands_for_these_numbers(model: str, tmp_path: Path) -> None:
    """Where this fails training's numbers changed: raise NUMERICS_VERSION and write down the new ones.

    fp32 on other processors and torch builds differs in the last digits only.
    """
    config = tiny_config(model, "training.precision=fp32", "training.device=cpu")
    outcome = fit_in(tmp_path, config, made_data())
    weights = [weight for net in outcome.state.nets.values() for weight in net.parameters()]
    found = sum(float(weight.detach().double().square().sum()) for weight in weights)
    assert NUMERICS_VERSION == 3
    assert found == pytest.approx(NUMBERS[model], rel=1e-4)
