"""The commands that say what there is: of somebody's images, and of a model's settings."""

from __future__ import annotations

import json

from tests.cli.conftest import Paribus


def test_inspect_prints_and_writes_a_page(paribus: Paribus) -> None:
    said = paribus("inspect", "digits", "--no-estimate", "--out", "page.html").stdout
    assert "paribus compare --data digits --size 8" in said and "0 within a split" in said
    assert (paribus.folder / "page.html").read_text().startswith("<!doctype html>")
    found = json.loads(paribus("inspect", "digits", "--no-estimate", "--json").stdout)
    assert found["pixels"]["size"] == 8 and len(found["pixels"]["classes"]) == 10
    assert found["files"]["formats"] == {"array": 1797} and "remarks" in found


def test_show_prints_every_setting(paribus: Paribus) -> None:
    said = paribus("show", "dcgan").stdout
    assert "backbone.width" in said and "* differs from its default" in said and "--kind backbone" in said
    found = json.loads(paribus("show", "dcgan", "--changed", "--json").stdout)
    assert {"backbone.width", "objective.latent_dim"} <= {each["path"] for each in found["settings"]}
    assert all(each["differs"] and each["meaning"] for each in found["settings"])
    assert json.loads(paribus("show", "wgan", "--kind", "objective", "--json").stdout)["kind"] == "objective"
    assert "Did you mean 'dcgan'" in paribus("show", "dcgam", code=2).stderr
