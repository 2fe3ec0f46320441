"""The report with decoders in its page; that they work there is in test_live_browser.py."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from paribus.config import ImageShape
from paribus.exports import live as made
from paribus.exports.live import live_content, write_live
from paribus.exports.program import KNOWN
from paribus.models import Model
from paribus.report import live as shown
from paribus.report import write_report
from paribus.views.axes import activation_axes
from paribus.views.subject import Subject
from tests.conftest import tiny_config
from tests.exports.made import made_model


def subject_of(model: Model) -> Subject:
    def no_images() -> Any:
        raise AssertionError("nothing here needs images")

    return Subject(model, no_images)


def floats(text: str) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), "<f4").copy())


@pytest.fixture
def folder(made_run: Any, tmp_path: Path) -> Path:
    shutil.copytree(made_run.folder.path, tmp_path / "run")
    return tmp_path / "run"


def test_draws_are_those_of_the_seeds_and_moves_are_deviations() -> None:
    model = made_model(tiny_config("gan", "objective.noise=uniform"), ImageShape(1, 8))
    content = live_content(subject_of(model))
    draws = floats(content["draws"]).view(made.SEEDS, -1)
    for seed in (0, 7, 99):
        assert torch.equal(draws[seed], model.latents(1, seed)[0])
    moves, axes = floats(content["moves"]).view(-1, 4), activation_axes(subject_of(model), 8)
    torch.testing.assert_close(moves.norm(dim=1), axes.deviations)
    torch.testing.assert_close(moves / moves.norm(dim=1, keepdim=True), axes.directions)
    assert len(content["shares"]) == len(moves) == 4
    assert content["shares"][0].endswith("%")


def test_the_page_holds_the_decoder_and_allows_only_its_own_script(folder: Path) -> None:
    plain = write_report(folder, folder / "plain.html").read_text()
    assert "<canvas" not in plain
    write_live(folder)
    page = write_report(folder, live=True).read_text()
    [data] = re.findall(r'<script type="application/json" id="live-data">(.*?)</script>', page, re.DOTALL)
    [content] = json.loads(data)
    kept = json.loads((folder / "live.json").read_text())
    assert content == kept | {"name": "vae"}
    assert content["classes"] == ["a", "b", "c"]
    assert page.count('<input type="range"') == len(content["shares"])
    [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    source = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{source}&#39;" in page
    assert write_report(folder, folder / "again.html").read_text() == plain


def test_what_the_page_cannot_do_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(KNOWN, "mm")
    write_live(folder)
    page = write_report(folder, live=True).read_text()
    assert (
        "<b>vae</b> is not here: its decoder needs the operation &#39;mm&#39;, which this page does not have." in page
    )
    assert "<canvas" not in page


def test_weights_that_16_bits_do_not_hold_are_left_out() -> None:
    model = made_model(tiny_config("gan"), ImageShape(1, 8))
    first, last = [layer for layer in model.nets["G"].modules() if isinstance(layer, torch.nn.Linear)]
    first.weight.data *= 1e-9  # in 16 bits nothing is left of them
    first.bias.data *= 1e-9
    last.weight.data *= 1e9
    assert live_content(subject_of(model)) == {"left_out": "16-bit weights change its pictures"}


def test_there_is_room_for_so_many_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_live(folder)
    size = len(json.loads((folder / "live.json").read_text())["program"]["weights"])
    monkeypatch.setattr(shown, "LIVE_BYTES", size)
    assert "<canvas" in write_report(folder, live=True).read_text()
    monkeypatch.setattr(shown, "LIVE_BYTES", size - 1)
    page = write_report(folder, live=True).read_text()
    assert "<canvas" not in page
    assert "all decoders together have room for" in page
    monkeypatch.setattr(made, "LIVE_BYTES", size - 1)
    write_live(folder)
    assert "left_out" in json.loads((folder / "live.json").read_text())
