"""Models on the Hub: the library's own code against a server on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import paribus as pb
from paribus.base.errors import ParibusError
from paribus.base.outputs import MANIFEST
from paribus.cli.app import app
from paribus.config import ImageShape
from paribus.models.files import weights_of
from paribus.runs.run import Run
from tests.conftest import tiny_config
from tests.exports.made import made_model
from tests.hub_server import TOKEN, Hub

# huggingface_hub uploads files in a way that the library beneath it no longer likes
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")


def test_pushed_and_loaded_is_the_same_model(hub: Hub, made_run: Run) -> None:
    address = pb.push(made_run, "somebody/cvae", token=TOKEN, license="mit")
    assert address == f"{hub.url}/somebody/cvae"
    files = hub.repositories["somebody/cvae"][-1][1]
    assert set(files) == {"README.md", "config.json", "model.safetensors", "samples.png"}
    assert 'pb.load("somebody/cvae")' in files["README.md"].decode()
    loaded = pb.load("somebody/cvae")
    assert weights_of(loaded.nets) == weights_of(made_run.model.nets)
    assert torch.equal(loaded.sample(5, seed=2), made_run.model.sample(5, seed=2))
    fetched = [request for request in hub.requests if request.startswith("GET") and "/resolve/" in request]
    assert sorted(request.rsplit("/", 1)[1] for request in fetched) == ["config.json", "model.safetensors"]


def test_other_files_of_the_folder_stay_here(
    hub: Hub, made_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    out = tmp_path / "cvae-hub"
    words = ["export", str(made_run.folder.path), "--to", "hub-folder", "--out", str(out)]
    shown = CliRunner().invoke(app, [*words, "--push", "somebody/cvae"])
    assert shown.exit_code == 0, shown.output
    assert (out / MANIFEST).is_file()
    pushed = hub.repositories["somebody/cvae"][-1][1]
    assert set(pushed) == {"README.md", "config.json", "model.safetensors", "samples.png"}

    (out / "notes.txt").write_text("mine")
    shown = CliRunner().invoke(app, [*words, "--push", "somebody/other"])
    assert "Only what Paribus wrote is overwritten" in str(shown.exception)
    assert (out / "notes.txt").read_text() == "mine" and "somebody/other" not in hub.repositories


def test_a_revision_stays_what_it_was(hub: Hub) -> None:
    models = [made_model(tiny_config("gan", seed=seed), ImageShape(1, 8)) for seed in (0, 1)]
    commits = []
    for model in models:
        pb.push(model, "somebody/two", token=TOKEN)
        commits.append(hub.repositories["somebody/two"][-1][0])
    weights = [weights_of(model.nets) for model in models]
    assert weights[0] != weights[1]
    assert weights_of(pb.load("somebody/two").nets) == weights[1]
    assert [weights_of(pb.load("somebody/two", revision=name).nets) for name in commits] == weights
    with pytest.raises(ParibusError, match="no such revision") as caught:
        pb.load("somebody/two", revision="v9")
    assert "got:      v9" in str(caught.value)


def test_what_is_not_there_or_private(hub: Hub, made_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pb.push(made_run, "somebody/secret", private=True, token=TOKEN)
    for name in ("somebody/secret", "somebody/nothing"):
        with pytest.raises(ParibusError, match="no such model on the Hub, or it is private") as caught:
            pb.load(name)
        assert f"where:    {name}" in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert weights_of(pb.load("somebody/secret").nets) == weights_of(made_run.model.nets)


def test_of_another_librarys_model_no_weights_are_fetched(hub: Hub) -> None:
    hub.commit("somebody/other", {"config.json": b'{"architectures": ["Other"]}', "model.safetensors": b"weights"})
    with pytest.raises(ParibusError, match="This is not a Paribus model"):
        pb.load("somebody/other")
    assert not [request for request in hub.requests if "model.safetensors" in request]


def test_without_a_network_only_what_was_fetched_before(
    hub: Hub, made_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pb.push(made_run, "somebody/cvae", token=TOKEN)
    pb.load("somebody/cvae")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert weights_of(pb.load("somebody/cvae").nets) == weights_of(made_run.model.nets)
    start = time.monotonic()
    with pytest.raises(ParibusError, match="There is no such folder here, and the Hugging Face Hub cannot be reached"):
        pb.load("somebody/else")
    with pytest.raises(ParibusError, match="Nothing was uploaded, and the Hugging Face Hub cannot be reached"):
        pb.push(made_run, "somebody/else", token=TOKEN)
    assert time.monotonic() - start < 5


def test_what_the_hub_refuses(hub: Hub, made_run: Run) -> None:
    with pytest.raises(ParibusError, match="The Hub refuses") as caught:
        pb.push(made_run, "somebody/cvae")
    assert "hf auth login" in str(caught.value)
    with pytest.raises(ParibusError, match="The Hub refuses") as caught:
        pb.push(made_run, "somebody/cvae", token=TOKEN, license="mine")
    assert "license" in str(caught.value)
    with pytest.raises(ParibusError, match="not the id of a repository"):
        pb.push(made_run, "some body/cvae", token=TOKEN)


def test_the_command_pushes(hub: Hub, made_run: Run, tmp_path: Path) -> None:
    """As a user runs it: the environment alone says where the Hub is."""
    words = ["export", str(made_run.folder.path), "--to", "hub-folder", "--push", "somebody/by-command"]
    environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "paribus", *words], cwd=tmp_path, env=os.environ | environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{hub.url}/somebody/by-command"
    assert "cvae-run-hub/README.md" in done.stdout
    assert weights_of(pb.load("somebody/by-command").nets) == weights_of(made_run.model.nets)
    assert weights_of(pb.load(tmp_path / "cvae-run-hub").nets) == weights_of(made_run.model.nets)
