"""A file of the user's is never overwritten, by any command, and what Paribus wrote is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from paribus.base.errors import ParibusError
from paribus.cli.app import app

COMMANDS = [
    ("sample RUN -n 4", "out.png"),
    ("sample RUN -n 4", "out.npz"),
    ("sample CLASSES -n 8 --label 1 --to-label 2", "out.png"),
    ("report RUN", "out.html"),
    ("report RUN", "page"),
    ("latent RUN traverse -n 2 --steps 3", "out.png"),
    ("latent RUN traverse -n 2 --steps 3", "out.gif"),
    ("latent RUN traverse -n 2 --steps 3", "out.webp"),
    ("inspect digits --no-estimate", "out.html"),
    ("inspect digits --no-estimate", "out.png"),
]


@pytest.mark.parametrize(("command", "name"), COMMANDS)
def test_only_what_paribus_wrote_is_overwritten(
    command: str, name: str, runs: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = {"RUN": lambda: str(runs("vae")), "CLASSES": lambda: str(runs("cvae"))}
    words = [of[word]() if word in of else word for word in command.split()]
    monkeypatch.chdir(tmp_path)
    out = tmp_path / name
    for content in (b"", None):  # an empty file, then its own
        if content is not None:
            out.write_bytes(content)
        said = CliRunner().invoke(app, [*words, "--out", name], catch_exceptions=False)
        assert said.exit_code == 0, said.output
    written = out.read_bytes()
    assert written
    for mine in users_files(tmp_path, out.suffix, written):
        out.write_bytes(mine)
        said = CliRunner().invoke(app, [*words, "--out", name])
        assert isinstance(said.exception, ParibusError), said.output
        assert said.exception.exit_code == 2
        assert str(said.exception).startswith(f"Only what Paribus wrote is overwritten.\n  where:    --out {name}")
        assert str(said.exception).endswith("choose another --out")
        assert said.stdout == ""
        assert out.read_bytes() == mine
    assert [path.name for path in tmp_path.iterdir() if path.name != "mine"] == [name]


@pytest.mark.parametrize("content", ["empty", "own"])
@pytest.mark.parametrize(("command", "name"), COMMANDS)
def test_a_link_is_not_replaced_by_a_file(
    command: str, name: str, content: str, runs: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even one to an empty file, or to one of ours: /dev/stdout is such a link where the output goes to a file."""
    of = {"RUN": lambda: str(runs("vae")), "CLASSES": lambda: str(runs("cvae"))}
    words = [of[word]() if word in of else word for word in command.split()]
    monkeypatch.chdir(tmp_path)
    target = tmp_path / f"target{Path(name).suffix}"
    target.touch()
    if content == "own":
        assert CliRunner().invoke(app, [*words, "--out", target.name]).exit_code == 0
    before = target.read_bytes()
    Path(name).symlink_to(target)
    said = CliRunner().invoke(app, [*words, "--out", name])
    assert isinstance(said.exception, ParibusError) and "a link" in str(said.exception), said.output
    assert Path(name).is_symlink() and target.read_bytes() == before


def users_files(folder: Path, suffix: str, written: bytes) -> list[bytes]:
    """Files of that kind by other programs, one of which took ours in."""
    other, found = folder / "mine", [b"Paribus, my notes", b"<!doctype html><p>Paribus</p>"]
    if suffix in (".png", ".gif", ".webp"):
        Image.new("RGB", (9, 9)).save(other, suffix[1:].upper())
        found.append(other.read_bytes())
    if suffix == ".npz":
        with other.open("wb") as file:
            np.savez(file, images=np.zeros(3))
        found.append(other.read_bytes())
    return [*found, b"mine " + written]


def test_no_device_is_replaced_and_no_link_to_nowhere(runs: Callable[..., Path], tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "nowhere")
    said = CliRunner().invoke(app, ["sample", str(runs("vae")), "--out", str(link)])
    assert isinstance(said.exception, ParibusError), said.output
    assert link.is_symlink()


def test_nothing_is_done_before(tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(b"mine")
    said = CliRunner().invoke(app, ["sample", str(tmp_path / "no run"), "--out", str(tmp_path / "mine.png")])
    assert str(said.exception).startswith("Only what Paribus wrote")
