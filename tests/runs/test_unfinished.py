"""A run that has not ended is used at its last averaged weights, and says so."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from paribus.base.errors import Damaged, Interrupted, ParibusError
from paribus.cli.app import app
from paribus.commands.evaluate import evaluate
from paribus.data import load_data
from paribus.explorer.exhibits import exhibits
from paribus.models import Model, load_model
from paribus.models.files import write_weights
from paribus.results.folder import RunFolder
from paribus.runs.run import complete_run
from tests.conftest import made_data, tiny_config

AFTER = "the run is unfinished: its weights after"


def stopped(path: Path, steps: int, *overrides: str, model: str = "vae", data: str = "digits") -> RunFolder:
    """A run that was interrupted after so many steps of 8 images."""
    run, asked = RunFolder(path), iter([False] * (steps - 1) + [True])
    config = tiny_config(model, "training.budget=60updates", *overrides, data={"name": data})
    images = made_data() if data == "made" else load_data(data)
    with pytest.raises(Interrupted):
        complete_run(config, images, run, score=False, stop_requested=lambda: next(asked))
    return RunFolder(path)


def same(model: Model, other: Model) -> bool:
    mine, others = ({role: net.state_dict() for role, net in m.nets.items()} for m in (model, other))
    return all(torch.equal(mine[role][name], others[role][name]) for role in mine for name in mine[role])


@pytest.mark.parametrize(
    ("command", "out"),
    [
        (["sample"], "a.png"),
        (["export", "--to", "hub-folder"], "folder"),
        (["latent", "traverse", "-n", "2"], "b.png"),
        (["evaluate", "--metrics", "sharpness", "--json"], None),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_every_command_takes_it_and_says_so_once(command: list[str], out: str | None, tmp_path: Path) -> None:
    run = stopped(tmp_path / "run", 3)
    name, *options = command
    to = [] if out is None else ["--out", str(tmp_path / out)]
    said = CliRunner().invoke(app, [name, str(run.path), *options, *to], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    assert said.stderr.count(f"{run.path}: {AFTER} 24 images\n") == 1
    assert AFTER not in said.stdout or name == "evaluate"
    if out is not None:
        assert (tmp_path / out).exists()
    if out == "folder":
        assert "24; training has not ended" in (tmp_path / out / "README.md").read_text()


def test_these_are_the_last_averages(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("paribus.models"), "propagate", True)
    run = stopped(tmp_path / "run", 5, data="made")
    model = load_model(run.path)
    assert model.unfinished_after == 40
    assert f"{AFTER} 40 images" in caplog.text
    complete_run(tiny_config("vae", "training.budget=5updates", data={"name": "made"}), made_data(),
                 RunFolder(tmp_path / "whole"), score=False)  # fmt: skip
    whole = load_model(tmp_path / "whole")
    assert same(model, whole)
    assert whole.unfinished_after is None
    assert [fact.code for score in evaluate(model, made_data()) for fact in score.warnings].count("unfinished") > 3


def test_a_snapshot_that_is_later_than_the_checkpoint_or_the_only_one_is_taken(tmp_path: Path) -> None:
    run = stopped(tmp_path / "run", 3, data="made")
    other = load_model(stopped(tmp_path / "other", 4, data="made").path)
    write_weights(run.snapshot(16), other.nets)
    assert load_model(run.path).unfinished_after == 24
    write_weights(run.snapshot(32), other.nets)
    assert load_model(run.path).unfinished_after == 32
    assert same(load_model(run.path), other)
    run.checkpoint.unlink()
    assert load_model(run.path).unfinished_after == 32
    for images in (16, 32):
        run.snapshot(images).unlink()
    with pytest.raises(ParibusError, match=r"no trained model here[\s\S]*--resume"):
        load_model(run.path)


def test_a_damaged_checkpoint_is_one_message(tmp_path: Path) -> None:
    run = stopped(tmp_path / "run", 3, data="made")
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:3000])
    with pytest.raises(Damaged, match=r"state\.pt"):
        load_model(run.path)


def test_a_finished_run_that_is_carried_on_is_no_longer_its_old_model(tmp_path: Path) -> None:
    path = tmp_path / "run"
    complete_run(tiny_config("vae", "training.budget=2updates"), made_data(), RunFolder(path), score=False)
    assert load_model(path).unfinished_after is None
    with pytest.raises(Interrupted):
        complete_run(tiny_config("vae", "training.budget=60updates"), made_data(), RunFolder(path), score=False,
                     stop_requested=lambda: True)  # fmt: skip
    assert RunFolder(path).model.is_file()
    assert load_model(path).unfinished_after == 24


def test_a_fitted_sampler_is_fitted_to_these_weights(tmp_path: Path) -> None:
    run = stopped(tmp_path / "run", 3, "sampler.name=gmm", "sampler.components=2")
    model = load_model(run.path)
    assert model.sampler is not None
    assert list((run.path / "samplers").glob("gmm-*.safetensors"))
    assert torch.equal(load_model(run.path).sample(4), model.sample(4))


def test_the_explorer_shows_it(tmp_path: Path) -> None:
    run = stopped(tmp_path / "run", 3)
    [shown] = exhibits([str(run.path)])
    assert shown.model().unfinished_after == 24
