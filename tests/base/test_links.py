"""Nothing outside a folder is written through a link in it."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from paribus.base.cache import clean_cache, locked
from paribus.base.errors import NotWritten, ParibusError
from paribus.base.files import open_to_append, partial_path, read_bytes, replacing, write_atomically, write_json
from paribus.base.locks import is_locked, locked_folder
from paribus.base.outputs import refuse_foreign, refuse_links
from paribus.commands.outputs import report
from paribus.commands.train import train
from paribus.config import DataSettings
from paribus.models import load_model
from paribus.results.folder import RunFolder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that nothing may be written to."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious").write_text("precious")
    return folder


def untouched(folder: Path) -> bool:
    return [(path.name, path.read_text()) for path in folder.iterdir()] == [("precious", "precious")]


@pytest.mark.parametrize("target", ["precious", "new", "."])
def test_a_lock_is_neither_followed_nor_emptied(target: str, outside: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".lock").symlink_to(outside / target)
    with (
        pytest.raises(ParibusError, match=r"through a link out[\s\S]*run/\.lock[\s\S]*a link to"),
        locked_folder(folder),
    ):
        pass
    assert not is_locked(folder)
    (folder / "sub").mkdir()
    (folder / "sub" / "key.lock").symlink_to(outside / target)
    with pytest.raises(NotWritten, match=r"key\.lock"), locked(folder / "sub" / "key"):
        pass
    assert untouched(outside)
    own = tmp_path / "own"
    own.mkdir()
    (own / ".lock").write_text("kept")
    with locked_folder(own):
        assert is_locked(own)
    assert (own / ".lock").read_text() == "kept"


def test_what_is_not_written_whole_is_not_written_through_a_link(outside: Path, tmp_path: Path) -> None:
    path = tmp_path / "file"
    partial_path(path).symlink_to(outside / "precious")  # as of an earlier process of our number
    write_atomically(path, "content")
    assert path.read_text() == "content" and not path.is_symlink()
    path.unlink()
    path.symlink_to(outside / "precious")
    write_atomically(path, "content")
    assert path.read_text() == "content" and not path.is_symlink()
    log = tmp_path / "log"
    log.symlink_to(outside / "precious")
    with pytest.raises(NotWritten, match="log"):
        open_to_append(log)
    with replacing(tmp_path / "other") as partial:
        assert partial.is_file() and not partial.is_symlink()
        partial.write_text("x")
    assert untouched(outside)


def test_links_inside_a_folder_and_the_folder_itself_stay(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "wandb" / "run-1").mkdir(parents=True)
    (folder / "wandb" / "latest-run").symlink_to("run-1")
    (tmp_path / "named").symlink_to(folder)
    with locked_folder(tmp_path / "named"):
        write_json(tmp_path / "named" / "run.json", {"a": 1})
    refuse_links(tmp_path / "nothing")
    refuse_foreign(tmp_path / "named", "run", ("run.json",))


def test_pipes_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    for name in (".lock", "metrics.jsonl"):
        folder = tmp_path / name
        folder.mkdir()
        os.mkfifo(folder / name)
        with pytest.raises(ParibusError, match="neither a file nor a folder"), locked_folder(folder):
            pass
        assert not is_locked(folder)
    with pytest.raises(NotWritten):
        open_to_append(tmp_path / "metrics.jsonl" / "metrics.jsonl")
    for path in (tmp_path / "metrics.jsonl" / "metrics.jsonl", Path(os.devnull)):
        with pytest.raises(OSError, match="Not a file"):
            read_bytes(path)
    folder = tmp_path / "socket"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "s"))
        with pytest.raises(ParibusError, match="neither a file nor a folder"):
            refuse_links(folder)


PLACES = [
    ".lock", "metrics.jsonl", "run.yaml", "config.json", "model.safetensors", "evaluation.json", "done.json", "log.txt",
    "trained_on.safetensors", "samples/final.png", "checkpoint/state.pt", "snapshots", "samples", "checkpoint",
    "snapshots/7.safetensors", "tensorboard", "samplers", "latents", "a/new/one",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_run_is_not_resumed_into_a_link(place: str, outside: Path, runs: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(runs("vae"), folder)
    path = folder / place
    if path.is_dir():
        shutil.copytree(path, outside / "copy")
        shutil.rmtree(path)
        path.symlink_to(outside / "copy")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            shutil.copy(path, outside / "copy")
        path.unlink(missing_ok=True)
        path.symlink_to(outside / "copy")
    before = {file: file.read_bytes() for file in outside.rglob("*") if file.is_file()}
    for attempt in (
        lambda: train("vae", DataSettings(name="digits"), budget="128img", out=folder, resume=True, score=False),
        lambda: report(folder, tmp_path / "page.html", live=True),
    ):
        with pytest.raises(ParibusError, match=r"through a link out of a folder[\s\S]*a link to"):
            attempt()
    assert {file: file.read_bytes() for file in outside.rglob("*") if file.is_file()} == before


def test_a_fitted_sampler_is_not_kept_through_a_link(outside: Path, runs: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(runs("vae"), folder)
    (folder / "samplers").symlink_to(outside)
    with pytest.raises(ParibusError, match="through a link out of a folder"):
        load_model(folder, sampler={"name": "gmm", "components": 2})
    assert untouched(outside)


def test_a_study_is_refused_for_a_link_in_one_of_its_runs(outside: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "study" / "results.json", {"a": 1})
    (tmp_path / "study" / "runs").mkdir()
    (tmp_path / "study" / "runs" / "vae-seed0").symlink_to(outside)
    with pytest.raises(ParibusError, match=r"study/runs/vae-seed0"):
        refuse_foreign(tmp_path / "study", "study", ("results.json",))
    with pytest.raises(ParibusError, match=r"study/runs/vae-seed0"), locked_folder(tmp_path / "study"):
        pass
    with pytest.raises(ParibusError, match="through a link out"), RunFolder(tmp_path / "study").locked():
        pass
    assert untouched(outside)


def test_the_caches_folders_are_no_links(outside: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "reference").symlink_to(outside)
    key = "0" * 64
    with pytest.raises(ParibusError, match=r"cache/reference"), locked(cache / "reference" / key):
        pass
    (outside / f"{key}.npz").write_text("theirs")
    (cache / "data").mkdir()
    (outside / "fingerprint").write_text("theirs")
    (cache / "data" / key[:32]).symlink_to(outside)
    clean_cache(cache)
    assert {path.name for path in outside.iterdir()} == {"precious", f"{key}.npz", "fingerprint"}
